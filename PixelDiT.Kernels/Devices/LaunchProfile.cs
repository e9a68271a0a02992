using System.Diagnostics;

namespace PixelDiT.Kernels.Devices;

/// <summary>Time spent in one kernel.</summary>
/// <param name="Kernel">The kernel's name.</param>
/// <param name="Launches">How often it was launched.</param>
/// <param name="Milliseconds">The time of all its launches, each waited for.</param>
public sealed record KernelTime(string Kernel, long Launches, double Milliseconds);

/// <summary>Time by kernel, while it is attached to a device.</summary>
public sealed class LaunchProfile
{
    private readonly Dictionary<Type, (long Launches, long Ticks)> _times = [];

    /// <summary>The kernels, the costliest first.</summary>
    public IReadOnlyList<KernelTime> Times => [.. _times
        .Select(entry => new KernelTime(KernelName.Of(entry.Key), entry.Value.Launches, entry.Value.Ticks * 1e3 / Stopwatch.Frequency))
        .OrderByDescending(time => time.Milliseconds)];

    internal void Add(Type kernel, long ticks)
    {
        var (launches, sofar) = _times.GetValueOrDefault(kernel);
        _times[kernel] = (launches + 1, sofar + ticks);
    }
}

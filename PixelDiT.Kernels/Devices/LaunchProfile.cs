using System.Diagnostics;

namespace PixelDiT.Kernels.Devices;

/// <summary>Time spent in one kernel, or in products of one size.</summary>
/// <param name="Kernel">The kernel's name.</param>
/// <param name="Detail">M×N×K and which of a Linear's three products it is; empty for other kernels.</param>
/// <param name="Launches">How often it was launched.</param>
/// <param name="Milliseconds">The time of all its launches, each waited for.</param>
/// <param name="Gflop">Their multiplications and additions in 1e9, where the operation says them; else 0.</param>
/// <param name="WaitingMilliseconds">The part of the time in which a core had nothing to do, on average over the cores of a CPU: it came late, or others were not done.</param>
/// <param name="PackingMilliseconds">The part in which operands were packed, likewise.</param>
/// <param name="ColdMilliseconds">What the launches took longer than the same launches at once repeated, with operands in the caches as far as they go there: the part that waited for memory.</param>
public sealed record KernelTime(string Kernel, string Detail, long Launches, double Milliseconds, double Gflop, double WaitingMilliseconds, double PackingMilliseconds, double ColdMilliseconds);

/// <summary>Time by kernel, while it is attached to a device.</summary>
public sealed class LaunchProfile
{
    private readonly Dictionary<(Type Kernel, string Detail), (long Launches, double Gflop, long Elapsed, long Waiting, long Packing, long Cold)> _times = [];
    private (string Detail, double Gflop) _next = ("", 0);

    /// <summary>Whether a CPU runs each launch twice, to see what it takes with operands in its caches. What is computed is then wrong.</summary>
    public bool Repeats { get; init; }

    /// <summary>The kernels, the costliest first.</summary>
    public IReadOnlyList<KernelTime> Times => [.. _times
        .Select(entry => new KernelTime(
            KernelName.Of(entry.Key.Kernel), entry.Key.Detail, entry.Value.Launches, Milliseconds(entry.Value.Elapsed), entry.Value.Gflop, Milliseconds(entry.Value.Waiting), Milliseconds(entry.Value.Packing), Milliseconds(entry.Value.Cold)))
        .OrderByDescending(time => time.Milliseconds)];

    /// <summary>Says what the next launch computes.</summary>
    /// <param name="detail">What tells it from other launches of its kernel.</param>
    /// <param name="flop">Its multiplications and additions.</param>
    internal void Describe(string detail, double flop) => _next = (detail, flop / 1e9);

    internal void Add(Type kernel, long elapsed, long waiting = 0, long packing = 0, long cold = 0)
    {
        var (detail, gflop) = _next;
        _next = ("", 0);
        var sofar = _times.GetValueOrDefault((kernel, detail));
        _times[(kernel, detail)] = (sofar.Launches + 1, sofar.Gflop + gflop, sofar.Elapsed + elapsed, sofar.Waiting + waiting, sofar.Packing + packing, sofar.Cold + cold);
    }

    private static double Milliseconds(long ticks) => ticks * 1e3 / Stopwatch.Frequency;
}

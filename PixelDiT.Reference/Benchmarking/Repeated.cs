using System.Diagnostics;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>Times the same work several times.</summary>
internal static class Repeated
{
    private const int WarmUps = 3;

    /// <summary>How long runs are repeated before one is timed: a system needs a while to give two busy threads a core each.</summary>
    public const double WarmUpSeconds = 0.7;

    /// <summary>Checks a number of runs.</summary>
    /// <exception cref="ConfigurationException">It is out of range.</exception>
    public static void RequireCount(int repeat)
    {
        if (repeat is < 1 or > 10000) throw new ConfigurationException($"repeat is {repeat}; it must be from 1 to 10000");
    }

    /// <summary>Warms up, counts one run and times the others.</summary>
    /// <param name="run">The work; it may return before the device has done it.</param>
    /// <param name="gflop">What it costs.</param>
    /// <param name="repeat">Runs of which the median is taken.</param>
    /// <param name="device">Where.</param>
    /// <param name="warmUp">Seconds of runs before the first that counts.</param>
    /// <param name="cancel">Stops between runs.</param>
    public static BenchmarkRun Measure(Action run, double gflop, int repeat, Device device, double warmUp, CancellationToken cancel)
    {
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < WarmUps || Stopwatch.GetElapsedTime(began).TotalSeconds < warmUp; i++)
        {
            cancel.ThrowIfCancellationRequested();
            run();
            device.Synchronize();
        }
        long launches = device.Launches, bytes = GC.GetTotalAllocatedBytes(precise: true);
        run();
        (launches, bytes) = (device.Launches - launches, GC.GetTotalAllocatedBytes(precise: true) - bytes);
        device.Synchronize();
        double[] times = new double[repeat], queued = new double[repeat];
        for (int i = 0; i < repeat; i++)
        {
            cancel.ThrowIfCancellationRequested();
            began = Stopwatch.GetTimestamp();
            run();
            queued[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            device.Synchronize();
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }
        return new BenchmarkRun(Timing.Of(times), device.Kind == DeviceKind.Cuda ? Timing.Of(queued) : null, gflop, launches, bytes);
    }
}

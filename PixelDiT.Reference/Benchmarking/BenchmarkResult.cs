using PixelDiT.Kernels.Devices;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>Milliseconds of several runs.</summary>
/// <param name="Median">The middle one.</param>
/// <param name="Min">The quickest.</param>
/// <param name="Max">The slowest.</param>
internal readonly record struct Timing(double Median, double Min, double Max)
{
    /// <summary>Of a list of runs.</summary>
    public static Timing Of(IEnumerable<double> milliseconds)
    {
        double[] sorted = [.. milliseconds.Order()];
        return new Timing(sorted[sorted.Length / 2], sorted[0], sorted[^1]);
    }
}

/// <summary>One kind of run.</summary>
/// <param name="Time">How long it took until the device had done it.</param>
/// <param name="Queued">How long the host took to queue it; null on a CPU, where that is the same.</param>
/// <param name="Gflop">Its cost by the model's sizes; a backward is counted as two forwards.</param>
/// <param name="Launches">Kernels it launches.</param>
/// <param name="ManagedBytes">What a steady run allocates on .NET's heap.</param>
internal sealed record BenchmarkRun(Timing Time, Timing? Queued, double Gflop, long Launches, long ManagedBytes)
{
    /// <summary>1e9 operations a second, in the median run.</summary>
    public double GflopPerSecond => Gflop / Time.Median * 1e3;
}

/// <summary>What a benchmark measured.</summary>
/// <param name="Forward">A forward without recording.</param>
/// <param name="ForwardBackward">Forward, loss and backward, without the optimiser; null where not asked for.</param>
/// <param name="Step">A whole training step: forward, loss, backward, clipping, AdamW and average; null where not asked for.</param>
/// <param name="PeakBytes">The most device memory in use at once by what was timed, weights included; with a training step also gradients, both moments and the average.</param>
/// <param name="Kernels">Time by kernel in one run of what was timed last.</param>
internal sealed record BenchmarkResult(BenchmarkRun Forward, BenchmarkRun? ForwardBackward, BenchmarkRun? Step, long PeakBytes, IReadOnlyList<KernelTime> Kernels)
{
    /// <summary>What was timed last: the most of a training step that was asked for.</summary>
    public BenchmarkRun Last => Step ?? ForwardBackward ?? Forward;
}

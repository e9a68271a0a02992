using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations.Catalog;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>One size of a sweep.</summary>
/// <param name="Size">The resolution, the batch or the width D.</param>
/// <param name="Run">What it took: forward, or forward and backward where asked for.</param>
/// <param name="PeakGflopPerSecond">What the device could do.</param>
internal sealed record SweepRow(int Size, BenchmarkRun Run, double PeakGflopPerSecond);

/// <summary>The cost of a model as one of its sizes grows.</summary>
internal static class Sweep
{
    private static readonly double[] s_factors = [1, 1.5, 2, 3, 4];

    /// <summary>What can grow: the side of the images, their number, or D with the heads' width kept.</summary>
    public static IReadOnlyList<string> Names { get; } = ["resolution", "batch", "width"];

    /// <summary>Times the model at 1, 1.5, 2, 3 and 4 times the given size, where that is a size it can have.</summary>
    /// <param name="kind">One of <see cref="Names"/>.</param>
    /// <param name="config">The model at the smallest size.</param>
    /// <param name="device">Where.</param>
    /// <param name="batch">Images.</param>
    /// <param name="resolution">The side of the images.</param>
    /// <param name="train">Whether to time forward and backward instead of the forward.</param>
    /// <param name="repeat">Runs of which the median is taken.</param>
    /// <param name="precision">What products round to.</param>
    /// <param name="cancel">Stops between runs.</param>
    /// <param name="warmUp">Seconds of runs before the first that counts.</param>
    /// <exception cref="ConfigurationException">A size is out of range, or too few fit.</exception>
    public static IReadOnlyList<SweepRow> Run(string kind, ModelConfig config, Device device, int batch, int resolution, bool train, int repeat, Precision precision = Precision.Single, CancellationToken cancel = default, double warmUp = Repeated.WarmUpSeconds)
    {
        var (start, unit) = kind switch
        {
            "resolution" => (resolution, config.Patch),
            "batch" => (batch, 1),
            "width" => (config.Hidden, config.HeadWidth),
            _ => throw new ConfigurationException($"sweep is '{kind}'; one of {string.Join(", ", Names)} was expected")
        };
        double peak = PeakRate.Measure(device);
        var rows = new List<SweepRow>();
        foreach (double scaled in s_factors.Select(factor => start * factor).Where(scaled => scaled % unit == 0))
        {
            int size = (int)scaled;
            var model = kind == "width" ? config with { Hidden = size, Heads = size / config.HeadWidth } : config;
            var result = Benchmark.Run(model, device, kind == "batch" ? size : batch, kind == "resolution" ? size : resolution, train, step: false, repeat, precision, cancel, warmUp);
            rows.Add(new SweepRow(size, result.Last, peak));
        }
        if (rows.Count < 2) throw new ConfigurationException($"a sweep of {kind} from this size has {rows.Count} sizes that the model can have; at least 2 were expected");
        return rows;
    }

    /// <summary>The exponent e of cost ≈ c·size^e, by least squares of the logarithms.</summary>
    /// <param name="rows">The sweep, of at least two sizes.</param>
    /// <param name="cost">What grows.</param>
    public static double Exponent(IReadOnlyList<SweepRow> rows, Func<SweepRow, double> cost)
    {
        double[] x = [.. rows.Select(row => Math.Log(row.Size))], y = [.. rows.Select(row => Math.Log(cost(row)))];
        double meanX = x.Average(), meanY = y.Average();
        return x.Zip(y, (a, b) => (a - meanX) * (b - meanY)).Sum() / x.Sum(a => (a - meanX) * (a - meanX));
    }
}

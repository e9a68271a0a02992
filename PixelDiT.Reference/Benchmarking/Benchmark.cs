using System.Diagnostics;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>Milliseconds of several runs.</summary>
/// <param name="Median">The middle one.</param>
/// <param name="Min">The quickest.</param>
/// <param name="Max">The slowest.</param>
public readonly record struct Timing(double Median, double Min, double Max)
{
    /// <summary>Of a list of runs.</summary>
    public static Timing Of(IEnumerable<double> milliseconds)
    {
        double[] sorted = [.. milliseconds.Order()];
        return new Timing(sorted[sorted.Length / 2], sorted[0], sorted[^1]);
    }
}

/// <summary>One kind of run.</summary>
/// <param name="Time">How long it took.</param>
/// <param name="Gflop">Its cost by the model's sizes; a backward is counted as two forwards.</param>
/// <param name="Launches">Kernels it launches.</param>
/// <param name="ManagedBytes">What a steady run allocates on .NET's heap.</param>
public sealed record BenchmarkRun(Timing Time, double Gflop, long Launches, long ManagedBytes)
{
    /// <summary>1e9 operations a second, in the median run.</summary>
    public double GflopPerSecond => Gflop / Time.Median * 1e3;
}

/// <summary>What a benchmark measured.</summary>
/// <param name="Forward">A forward without recording.</param>
/// <param name="ForwardBackward">Forward, loss and backward, without the optimiser; null where not asked for.</param>
/// <param name="PeakBytes">The most device memory in use at once, weights included.</param>
/// <param name="Kernels">Time by kernel in one run of what was timed last.</param>
public sealed record BenchmarkResult(BenchmarkRun Forward, BenchmarkRun? ForwardBackward, long PeakBytes, IReadOnlyList<KernelTime> Kernels);

/// <summary>Times a model's forward and backward with random weights and inputs.</summary>
public static class Benchmark
{
    private const int WarmUps = 3;

    /// <summary>How long runs are repeated before one is timed: a system needs a while to give two busy threads a core each.</summary>
    public const double WarmUpSeconds = 0.7;

    /// <summary>Runs it.</summary>
    /// <param name="config">The model.</param>
    /// <param name="device">Where.</param>
    /// <param name="batch">Images.</param>
    /// <param name="resolution">The side of the images.</param>
    /// <param name="train">Whether to time forward and backward too.</param>
    /// <param name="repeat">Runs of which the median is taken.</param>
    /// <param name="precision">What products round to.</param>
    /// <param name="cancel">Stops between runs.</param>
    /// <param name="warmUp">Seconds of runs before the first that counts.</param>
    /// <exception cref="ConfigurationException">A size is out of range.</exception>
    /// <exception cref="ShapeException">The resolution does not divide.</exception>
    public static BenchmarkResult Run(ModelConfig config, Device device, int batch, int resolution, bool train, int repeat, Precision precision = Precision.Single, CancellationToken cancel = default, double warmUp = WarmUpSeconds)
    {
        if (batch is < 1 or > 65536) throw new ConfigurationException($"batch is {batch}; it must be from 1 to 65536");
        if (repeat is < 1 or > 10000) throw new ConfigurationException($"repeat is {repeat}; it must be from 1 to 10000");
        using var model = new PixelDiTModel(config, device) { Precision = precision };
        model.RequireDivides(resolution, resolution);
        foreach (var (parameter, index) in model.Parameters.All.Select((parameter, index) => (parameter, index)))
        {
            // Larger than initialisation's zeros, small enough that nothing overflows.
            Noise.Fill(parameter.Value, 1, (ulong)index);
            float scale = parameter.Shape.Rank > 1 ? 1 / MathF.Sqrt(parameter.Shape[^1]) : 0.1f;
            Combine.Forward(scale, parameter.Value, 0, parameter.Value, parameter.Value);
        }
        model.Parameters.MarkChanged();
        Shape shape = [batch, config.Channels, resolution, resolution];
        using Tensor x = device.Allocate(shape), target = device.Allocate(shape);
        Noise.Fill(x, 2, 0);
        Noise.Fill(target, 2, 1);
        using var t = device.Upload([.. Enumerable.Range(0, batch).Select(b => (b + 0.5f) / batch)], [batch]);
        using var y = device.Upload([.. Enumerable.Range(0, batch).Select(b => b % config.Classes)], [batch]);
        device.Arena.ResetPeak();

        double gflop = ModelCost.ForwardFlops(config, batch, resolution, resolution) / 1e9;
        var forward = Measure(Forward, gflop, repeat, device, warmUp, cancel);
        BenchmarkRun? forwardBackward = null;
        if (train)
        {
            model.Parameters.RequireGradients();
            forwardBackward = Measure(ForwardBackward, 3 * gflop, repeat, device, warmUp, cancel);
        }
        device.Profile = new LaunchProfile();
        if (train) ForwardBackward();
        else Forward();
        var kernels = device.Profile.Times;
        device.Profile = null;
        return new BenchmarkResult(forward, forwardBackward, device.Arena.PeakBytes, kernels);

        void Forward()
        {
            using var tape = new Tape(device, recording: false);
            model.Forward(tape, tape.Input(x), t, y);
        }

        void ForwardBackward()
        {
            // A training step packs its changed weights again, so a fair count does too.
            model.Parameters.MarkChanged();
            model.Parameters.ClearGradients();
            using var tape = new Tape(device, recording: true);
            tape.Backward(tape.MeanSquaredError(model.Forward(tape, tape.Input(x), t, y), target));
        }
    }

    private static BenchmarkRun Measure(Action run, double gflop, int repeat, Device device, double warmUp, CancellationToken cancel)
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
        var times = new double[repeat];
        for (int i = 0; i < repeat; i++)
        {
            cancel.ThrowIfCancellationRequested();
            began = Stopwatch.GetTimestamp();
            run();
            device.Synchronize();
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }
        return new BenchmarkRun(Timing.Of(times), gflop, launches, bytes);
    }
}

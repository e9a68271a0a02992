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

/// <summary>What a benchmark measured.</summary>
/// <param name="Forward">A forward without recording.</param>
/// <param name="ForwardBackward">Forward, loss and backward, without the optimiser; null where not asked for.</param>
/// <param name="ForwardLaunches">Kernels a forward launches.</param>
/// <param name="ForwardBackwardLaunches">Kernels a forward and backward launch.</param>
/// <param name="ForwardGflop">A forward's cost by the model's sizes.</param>
/// <param name="PeakBytes">The most device memory in use at once, weights included.</param>
/// <param name="Kernels">Time by kernel in one run of what was timed last.</param>
public sealed record BenchmarkResult(Timing Forward, Timing? ForwardBackward, long ForwardLaunches, long ForwardBackwardLaunches, double ForwardGflop, long PeakBytes, IReadOnlyList<KernelTime> Kernels);

/// <summary>Times a model's forward and backward with random weights and inputs.</summary>
public static class Benchmark
{
    private const int WarmUps = 3;

    /// <summary>Runs it.</summary>
    /// <param name="config">The model.</param>
    /// <param name="device">Where.</param>
    /// <param name="batch">Images.</param>
    /// <param name="resolution">The side of the images.</param>
    /// <param name="train">Whether to time forward and backward too.</param>
    /// <param name="repeat">Runs of which the median is taken.</param>
    /// <param name="cancel">Stops between runs.</param>
    /// <exception cref="ConfigurationException">A size is out of range.</exception>
    /// <exception cref="ShapeException">The resolution does not divide.</exception>
    public static BenchmarkResult Run(ModelConfig config, Device device, int batch, int resolution, bool train, int repeat, CancellationToken cancel = default)
    {
        if (batch is < 1 or > 65536) throw new ConfigurationException($"batch is {batch}; it must be from 1 to 65536");
        if (repeat is < 1 or > 10000) throw new ConfigurationException($"repeat is {repeat}; it must be from 1 to 10000");
        using var model = new PixelDiTModel(config, device);
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

        long before = device.Launches;
        Forward();
        long forwardLaunches = device.Launches - before, trainLaunches = 0;
        var forward = Time(Forward, repeat, device, cancel);
        Timing? forwardBackward = null;
        if (train)
        {
            model.Parameters.RequireGradients();
            before = device.Launches;
            ForwardBackward();
            trainLaunches = device.Launches - before;
            forwardBackward = Time(ForwardBackward, repeat, device, cancel);
        }
        device.Profile = new LaunchProfile();
        if (train) ForwardBackward();
        else Forward();
        var kernels = device.Profile.Times;
        device.Profile = null;
        return new BenchmarkResult(forward, forwardBackward, forwardLaunches, trainLaunches, ModelCost.ForwardFlops(config, batch, resolution, resolution) / 1e9, device.Arena.PeakBytes, kernels);

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

    private static Timing Time(Action run, int repeat, Device device, CancellationToken cancel)
    {
        for (int i = 0; i < WarmUps; i++) run();
        device.Synchronize();
        var times = new double[repeat];
        for (int i = 0; i < repeat; i++)
        {
            cancel.ThrowIfCancellationRequested();
            long began = Stopwatch.GetTimestamp();
            run();
            device.Synchronize();
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }
        return Timing.Of(times);
    }
}

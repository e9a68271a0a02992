using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>Times a model's forward, its backward and its training step with random weights and inputs.</summary>
internal static class Benchmark
{
    /// <summary>Checks a number of images.</summary>
    /// <exception cref="ConfigurationException">It is out of range.</exception>
    public static void RequireBatch(int batch)
    {
        if (batch is < 1 or > 65536) throw new ConfigurationException($"batch is {batch}; it must be from 1 to 65536");
    }

    /// <summary>Runs it.</summary>
    /// <param name="config">The model.</param>
    /// <param name="device">Where.</param>
    /// <param name="batch">Images.</param>
    /// <param name="size">The size of the images.</param>
    /// <param name="train">Whether to time forward and backward too.</param>
    /// <param name="step">Whether to time the whole training step too.</param>
    /// <param name="repeat">Runs of which the median is taken.</param>
    /// <param name="precision">What products round to.</param>
    /// <param name="cancel">Stops between runs.</param>
    /// <param name="warmUp">Seconds of runs before the first that counts.</param>
    /// <exception cref="ConfigurationException">A size is out of range.</exception>
    /// <exception cref="ShapeException">The size does not divide.</exception>
    public static BenchmarkResult Run(ModelConfig config, Device device, int batch, ImageSize size, bool train, bool step, int repeat, Precision precision = Precision.Single, CancellationToken cancel = default, double warmUp = Repeated.WarmUpSeconds)
    {
        RequireBatch(batch);
        Repeated.RequireCount(repeat);
        using var model = PixelTransformer.Create(config, device);
        model.Precision = precision;
        model.RequireDivides(size.Height, size.Width);
        foreach (var (parameter, index) in model.Parameters.All.Select((parameter, index) => (parameter, index)))
        {
            // Larger than initialisation's zeros, small enough that nothing overflows.
            Noise.Fill(parameter.Value, 1, (ulong)index);
            float scale = parameter.Shape.Rank > 1 ? 1 / MathF.Sqrt(parameter.Shape[^1]) : 0.1f;
            Combine.Forward(scale, parameter.Value, 0, parameter.Value, parameter.Value);
        }
        model.Parameters.MarkChanged();
        using var inputs = new BenchmarkInputs(config, device, batch, size);
        device.Arena.ResetPeak();

        double gflop = ModelCost.ForwardFlops(config, batch, size.Height, size.Width) / 1e9;
        var forward = Repeated.Measure(Forward, gflop, repeat, device, warmUp, cancel);
        BenchmarkRun? forwardBackward = null, whole = null;
        if (train)
        {
            model.Parameters.RequireGradients();
            forwardBackward = Repeated.Measure(ForwardBackward, 3 * gflop, repeat, device, warmUp, cancel);
        }
        Action last = train ? ForwardBackward : Forward;
        using var optimizer = step ? new Optimizer(model.Parameters, new OptimizerConfig()) : null;
        if (optimizer is not null)
        {
            last = () => inputs.Step(model, optimizer);
            whole = Repeated.Measure(last, 3 * gflop, repeat, device, warmUp, cancel);
        }
        device.Profile = new LaunchProfile { Repeats = true };
        last();
        var kernels = device.Profile.Times;
        device.Profile = null;
        return new BenchmarkResult(forward, forwardBackward, whole, device.Arena.PeakBytes, kernels);

        void Forward()
        {
            using var tape = new Tape(device, recording: false);
            Output(tape);
        }

        Variable Output(Tape tape) => model is TextToImageModel text
            ? text.Forward(tape, tape.Input(inputs.X), inputs.Times, tape.Input(inputs.Condition))
            : ((PixelDiTModel)model).Forward(tape, tape.Input(inputs.X), inputs.Times, inputs.Condition);

        void ForwardBackward()
        {
            // A training step packs its changed weights again, so a fair count does too.
            model.Parameters.MarkChanged();
            model.Parameters.ClearGradients();
            using var tape = new Tape(device, recording: true);
            tape.Backward(tape.MeanSquaredError(Output(tape), inputs.Noise));
        }
    }
}

using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>What people look at while a run trains, and after it.</summary>
internal sealed class LookOptions
{
    private readonly Option<double> _guidance = Cli.Number("--sample-guidance", "Guidance of the sample grids.", 2);
    private readonly Option<int> _steps = Cli.Option("--sample-steps", "Sampler steps of the sample grids; 0 draws none.", 50);
    private readonly Option<int> _every = Cli.Option("--sample-every", "Steps between sample grids, which begin with the same noise each time and are kept as samples/STEP.png; 0 draws one at the end only.", 0);
    private readonly Option<bool> _noEvents = new("--no-tensorboard") { Description = "Write no event files for TensorBoard." };

    private readonly Option<bool> _noMetadata = Cli.NoMetadata();

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("What to look at", [_every, _steps, _guidance, _noMetadata, _noEvents]);

    /// <summary>What can be looked at while a run trains.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="isText">Whether the model is a text model.</param>
    /// <param name="training">The run's settings.</param>
    /// <exception cref="ConfigurationException">A number is out of range.</exception>
    public WatchConfig Watch(Settings settings, bool isText, TrainingConfig training)
        => new WatchConfig { Sampling = Sampling(settings, isText, training), SampleEvery = settings.Get(_every), Metadata = !settings.Get(_noMetadata), WritesEvents = !settings.Get(_noEvents) }.Validate();

    private SamplingConfig? Sampling(Settings settings, bool isText, TrainingConfig training)
    {
        int steps = settings.Get(_steps);
        if (steps < 0) throw new ConfigurationException($"sample-steps is {steps}; it must be 0 (no grid) or above");
        return steps == 0 ? null : new SamplingConfig
        {
            Sampler = isText ? Sampler.DpmSolver : Sampler.FlowDpm,
            Steps = steps,
            Guidance = settings.Get(_guidance),
            TimeShift = (float)training.TimeShift
        }.Validate();
    }
}

using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>What people look at while a run trains, and after it.</summary>
internal sealed class LookOptions
{
    private readonly Option<double> _guidance = Cli.Number("--sample-guidance", "Guidance of the sample grid drawn at the end.", 2);
    private readonly Option<int> _steps = Cli.Option("--sample-steps", "Sampler steps of the sample grid; 0 draws none.", 50);

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("What to look at", [_guidance, _steps]);

    /// <summary>How a sample grid is drawn; null for none.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="isText">Whether the model is a text model.</param>
    /// <param name="training">The run's settings.</param>
    /// <exception cref="ConfigurationException">A number is out of range.</exception>
    public SamplingConfig? Sampling(Settings settings, bool isText, TrainingConfig training)
    {
        int steps = settings.Get(_steps);
        if (steps < 0) throw new ConfigurationException($"sample-steps is {steps}; it must be 0 (no grid) or above");
        return steps == 0 ? null : new SamplingConfig
        {
            Sampler = isText ? Sampler.DpmSolver : Sampler.FlowDpm,
            Steps = steps,
            Guidance = settings.Get(_guidance),
            TimeShift = isText ? (float)training.TimeShift : 1
        }.Validate();
    }
}

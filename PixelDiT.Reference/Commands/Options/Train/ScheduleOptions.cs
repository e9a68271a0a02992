using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>How long a run is and how its learning rate moves.</summary>
internal sealed class ScheduleOptions
{
    private static readonly TrainingConfig s_defaults = new();

    private readonly Option<int> _steps = Cli.Option("--steps", "Steps.", s_defaults.Steps), _warmup = Cli.Option("--warmup", "Steps over which the learning rate rises from 0.", 0);
    private readonly ChoiceOption _decay = new("--lr-decay", "How the learning rate moves after the warm-up.", ["constant", "cosine"], "constant");
    private readonly Option<bool> _extend = new("--extend") { Description = "With --resume: let the cosine of the learning rate fall over the new --steps, from where it is." };

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("Schedule", [_steps, _warmup, _decay, _extend]);

    /// <summary>The option that a run's settings do not keep.</summary>
    public Option Extend => _extend;

    /// <summary>Whether the end of the cosine moves.</summary>
    /// <exception cref="ConfigurationException">The run is a new one.</exception>
    public bool IsExtended(Settings settings, bool resuming)
    {
        if (settings.Get(_extend) && !resuming) throw new ConfigurationException("--extend moves the end of the cosine of a run that goes on; --resume was expected with it");
        return settings.Get(_extend);
    }

    /// <summary>Sets the schedule of a run.</summary>
    public TrainingConfig Read(Settings settings, TrainingConfig config) => config with
    {
        Steps = settings.Get(_steps),
        Warmup = settings.Get(_warmup),
        Decay = settings.Get(_decay) == "cosine" ? LearningRateDecay.Cosine : LearningRateDecay.Constant
    };
}

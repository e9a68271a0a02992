using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>How long a run is and how its learning rate moves.</summary>
internal sealed class ScheduleOptions
{
    private const string StepName = "step";

    private static readonly TrainingConfig s_defaults = new();

    private readonly Option<int> _steps = Cli.Option("--steps", "Steps.", s_defaults.Steps), _warmup = Cli.Option("--warmup", "Steps over which the learning rate rises from 0.", 0);
    private readonly ChoiceOption _decay = new("--lr-decay", "How the learning rate moves after the warm-up.", ["constant", "cosine", "step"], "constant");
    private readonly Option<double[]> _epochs = new("--lr-decay-epochs") { Description = "With --lr-decay step: the epochs at each of which the learning rate is multiplied by --lr-decay-factor; the paper has 160. May be repeated.", HelpName = "N" };
    private readonly Option<double> _factor = Cli.Number("--lr-decay-factor", "With --lr-decay step: what the learning rate is multiplied by.", s_defaults.DecayFactor);
    private readonly Option<bool> _extend = new("--extend") { Description = "With --resume: let the cosine of the learning rate fall over the new --steps, from where it is." };

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("Schedule", [_steps, _warmup, _decay, _epochs, _factor, _extend]);

    /// <summary>Whether the end of the cosine moves.</summary>
    /// <exception cref="ConfigurationException">The run is a new one.</exception>
    public bool IsExtended(Settings settings, bool resuming)
    {
        if (settings.Get(_extend) && !resuming) throw new ConfigurationException("--extend moves the end of the cosine of a run that goes on; --resume was expected with it");
        return settings.Get(_extend);
    }

    /// <summary>Options that config.json leaves out, since the schedule has no such number.</summary>
    public IEnumerable<Option> NotRecorded(Settings settings) => settings.Get(_decay) == StepName ? [_extend] : [_extend, _epochs, _factor];

    /// <summary>Sets the schedule of a run.</summary>
    /// <exception cref="ConfigurationException">An option is of another schedule.</exception>
    public TrainingConfig Read(Settings settings, TrainingConfig config)
    {
        string decay = settings.Get(_decay);
        if (decay != StepName && new Option[] { _epochs, _factor }.FirstOrDefault(settings.IsGiven) is { } lone) throw new ConfigurationException($"{lone.Name} is of --lr-decay {StepName}; lr-decay is {decay}");
        return config with
        {
            Steps = settings.Get(_steps),
            Warmup = settings.Get(_warmup),
            Decay = decay switch { "cosine" => LearningRateDecay.Cosine, StepName => LearningRateDecay.Step, _ => LearningRateDecay.Constant },
            DecayEpochs = settings.IsGiven(_epochs) ? settings.Get(_epochs) : [],
            DecayFactor = settings.Get(_factor)
        };
    }
}

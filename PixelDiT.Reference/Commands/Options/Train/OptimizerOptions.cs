using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>The optimiser of a run and the average of its weights.</summary>
internal sealed class OptimizerOptions
{
    private static readonly OptimizerConfig s_adam = new();
    private static readonly CameConfig s_came = new();

    private readonly ChoiceOption _optimizer = new("--optimizer", "AdamW, or CAME as the authors train their text models; CAME keeps an average of the weights only where --ema is given.", ["adamw", "came"], "adamw");
    private readonly Option<double> _rate = Cli.Number("--lr", "The learning rate.", s_adam.LearningRate), _weightDecay = Cli.Number("--weight-decay", "Decoupled weight decay.", 0);
    private readonly ChoiceOption _scale = new("--lr-scale", "What the learning rate is multiplied by: none, sqrt (the root of batch/256, as the authors do for text models) or linear (batch/256).", ["none", "sqrt", "linear"], "none");
    private readonly Option<double> _clip = Cli.Number("--clip", $"The largest norm of all gradients; 0 for no clipping. With CAME {s_came.Clip} where it is not given.", s_adam.Clip);
    private readonly Option<double> _beta1 = Cli.Number("--beta1", "The decay of the mean of gradients, or with CAME of updates.", s_adam.Beta1), _beta2 = Cli.Number("--beta2", "The decay of the mean of squared gradients.", s_adam.Beta2);
    private readonly Option<double> _epsilon = Cli.Number("--eps", "What AdamW adds to the root of the mean square.", s_adam.Epsilon);
    private readonly Option<double> _ema = Cli.Number("--ema", "The share of the averaged weights that a step keeps, once warmed up: min(ema, (1+n)/(10+n)); with CAME it is not warmed up.", s_adam.EmaDecay);
    private readonly Option<bool> _steadyEma = new("--no-ema-warmup") { Description = "Keep the share --ema from the first step on, as the authors do." };

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("Optimiser", [_optimizer, _rate, _scale, _weightDecay, _clip, _beta1, _beta2, _epsilon, _ema, _steadyEma]);

    /// <summary>Sets the optimiser of a run.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="config">The run's other settings.</param>
    /// <exception cref="ConfigurationException">An option is of the other optimiser.</exception>
    public TrainingConfig Read(Settings settings, TrainingConfig config)
    {
        double rate = Scaled(settings.Get(_rate), settings.Get(_scale), config.Batch);
        if (IsCame(settings) && new Option[] { _epsilon, _steadyEma }.FirstOrDefault(settings.IsGiven) is { } ofAdam) throw new ConfigurationException($"{ofAdam.Name} is of AdamW; CAME has no such number");
        return config with
        {
            Optimizer = new OptimizerConfig
            {
                LearningRate = rate,
                WeightDecay = settings.Get(_weightDecay),
                Clip = settings.Get(_clip),
                Beta1 = settings.Get(_beta1),
                Beta2 = settings.Get(_beta2),
                Epsilon = settings.Get(_epsilon),
                EmaDecay = settings.Get(_ema),
                EmaWarmup = !settings.Get(_steadyEma)
            },
            Came = !IsCame(settings) ? null : new CameConfig
            {
                LearningRate = rate,
                WeightDecay = settings.Get(_weightDecay),
                Clip = settings.IsGiven(_clip) ? settings.Get(_clip) : s_came.Clip,
                Beta1 = settings.Get(_beta1),
                Beta2 = settings.Get(_beta2),
                EmaDecay = settings.IsGiven(_ema) ? settings.Get(_ema) : null
            }
        };
    }

    /// <summary>Options that config.json leaves out, since the optimiser has no such number or takes another default.</summary>
    public IEnumerable<Option> NotRecorded(Settings settings) => IsCame(settings) ? [.. new Option[] { _ema, _clip }.Where(option => !settings.IsGiven(option)), _epsilon, _steadyEma] : [];

    private bool IsCame(Settings settings) => settings.Get(_optimizer) == "came";

    private static double Scaled(double rate, string rule, int batch) => rule switch
    {
        "sqrt" => LearningRateSchedule.SquareRootScaled(rate, batch),
        "linear" => LearningRateSchedule.LinearlyScaled(rate, batch),
        _ => rate
    };
}

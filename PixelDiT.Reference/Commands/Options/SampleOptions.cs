using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that decide which images are drawn: the command line first, then the recipe, then the defaults.</summary>
internal sealed class SampleOptions
{
    private const int PerClass = 8, MostPerClass = 1_000_000, LargestSide = 4096;

    private static readonly SamplingConfig s_defaults = new() { Steps = 50, Guidance = 2 };

    private readonly Option<string?> _recipe = new("--recipe") { Description = $"Published settings by name: {string.Join(", ", SamplingRecipes.Names)}; other options win over it.", HelpName = "NAME" };
    private readonly Option<string[]> _classes = new("--class") { Description = "Classes by number or name, with commas, such as 0,3,5, or a range, such as 0-3; all; or none, which is no class. May be repeated: a name with a comma is an option of its own. [default: all]", HelpName = "CLASS" };
    private readonly Option<int> _count = new("--count") { Description = $"Images of each class. [default: {PerClass}, with --npz {SamplingRecipes.ImagesPerClass}]", HelpName = "N" };
    private readonly ChoiceOption _sampler = new("--sampler", "How to step.", SamplerNames.All, s_defaults.Sampler.Name);
    private readonly Option<int> _steps = Cli.Option("--steps", "Sampler steps.", s_defaults.Steps);
    private readonly Option<double> _guidance = Cli.Number("--guidance", "g in v = u + g(c - u); 1 is none.", s_defaults.Guidance);
    private readonly Option<(float Min, float Max)> _interval = Cli.Interval("--interval", "The times between which guidance applies.", s_defaults.Interval);
    private readonly Option<double> _timeShift = Cli.Number("--time-shift", "s of the time shift t/(t+(1-t)s).", s_defaults.TimeShift);
    private readonly Option<int> _resolution = new("--resolution") { Description = "The side of the images. [default: what the model was trained on]", HelpName = "N" };
    private readonly SeedOption _seed = new("The seed of the first image's noise; the next image's is one more.");
    private readonly Option<string?> _seeds = new("--seeds") { Description = "A text file with a seed for each image, one a line, in the place of --seed.", HelpName = "FILE" };

    /// <summary>Says the seed that was drawn, where one was.</summary>
    public void Announce() => _seed.Announce();

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _recipe, _classes, _count, _sampler, _steps, _guidance, _interval, _timeShift, _resolution, _seed, _seeds }) command.Options.Add(option);
    }

    /// <summary>What the options say without a model.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="isArchive">Whether images go into an archive.</param>
    /// <exception cref="ConfigurationException">A value is out of range, or two exclude each other.</exception>
    public (SamplingRecipe? Recipe, SamplingConfig Sampling, int PerClass) Check(ParseResult parsed, bool isArchive)
    {
        var recipe = parsed.GetValue(_recipe) is { } name ? SamplingRecipes.Get(name) : null;
        var given = recipe?.Sampling ?? s_defaults;
        var sampling = new SamplingConfig
        {
            Sampler = Cli.IsGiven(parsed, _sampler) ? Sampler.Parse(parsed.GetRequiredValue(_sampler)) : given.Sampler,
            Steps = Cli.IsGiven(parsed, _steps) ? parsed.GetValue(_steps) : given.Steps,
            Guidance = Cli.IsGiven(parsed, _guidance) ? parsed.GetValue(_guidance) : given.Guidance,
            Interval = Cli.IsGiven(parsed, _interval) ? parsed.GetValue(_interval) : given.Interval,
            TimeShift = Cli.IsGiven(parsed, _timeShift) ? (float)parsed.GetValue(_timeShift) : given.TimeShift
        }.Validate();
        if (Cli.IsGiven(parsed, _seed) && Cli.IsGiven(parsed, _seeds)) throw new ConfigurationException("--seed and --seeds exclude each other");
        int count = Cli.IsGiven(parsed, _count) ? parsed.GetValue(_count) : isArchive ? SamplingRecipes.ImagesPerClass : PerClass;
        if (count is < 1 or > MostPerClass) throw new ConfigurationException($"count is {count}; it must be from 1 to {MostPerClass}");
        return (recipe, sampling, count);
    }

    /// <summary>The images to draw from a model.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="isArchive">Whether images go into an archive.</param>
    /// <param name="info">What the model's file says.</param>
    /// <param name="weights">The hash of its weights.</param>
    /// <exception cref="ConfigurationException">A value is out of range, a class is unknown, or the resolution is.</exception>
    /// <exception cref="FileFormatException">The list of seeds does not fit.</exception>
    public SamplePlan Plan(ParseResult parsed, bool isArchive, ModelInfo info, string weights)
    {
        var (recipe, sampling, count) = Check(parsed, isArchive);
        int side = Cli.IsGiven(parsed, _resolution) ? parsed.GetValue(_resolution) : recipe?.Resolution ?? info.Resolution;
        if (side is < 1 or > LargestSide)
        {
            throw new ConfigurationException(side == 0
                ? "--resolution is missing, and the model file does not say what it was trained on"
                : $"resolution is {side}; it must be from 1 to {LargestSide}");
        }
        var plan = new SamplePlan
        {
            Recipe = recipe,
            Sampling = sampling,
            Resolution = side,
            Classes = new ClassList(info.Config.Classes, info.ClassNames).Choose(parsed.GetValue(_classes) is { Length: > 0 } chosen ? chosen : null),
            ClassNames = info.ClassNames,
            NullClass = info.Config.NullClass,
            PerClass = count,
            Seed = Cli.IsGiven(parsed, _seed) ? parsed.GetValue(_seed) : recipe?.Seed ?? 0,
            Weights = weights
        };
        return parsed.GetValue(_seeds) is { } list ? plan with { Seeds = SeedList.Read(list, plan.Count) } : plan;
    }
}

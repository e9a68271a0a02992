using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that decide which images are drawn: the command line first, then the recipe, then the model's file, then the defaults of its kind.</summary>
internal sealed class SampleOptions
{
    private const int PerClass = 8, Most = 1_000_000;
    private const string One = "one", Two = "two", Float = "float32", Rounded = "bf16";

    private static readonly SamplingConfig s_classes = new() { Steps = 50, Guidance = 2 }, s_texts = new() { Sampler = Sampler.DpmSolver, Steps = 50, Guidance = 2.75 };

    private readonly Option<string?> _recipe = new("--recipe") { Description = $"Published settings by name: {string.Join(", ", SamplingRecipes.Names)}; other options win over it.", HelpName = "NAME" };
    private readonly Option<string[]> _classes = new("--class") { Description = "Classes by number or name, with commas, such as 0,3,5, or a range, such as 0-3; all; or none, which is no class. May be repeated: a name with a comma is an option of its own. [default: all]", HelpName = "CLASS" };
    private readonly Option<int> _count = new("--count") { Description = $"Images of each class or prompt. [default: {PerClass}, with --npz {SamplingRecipes.ImagesPerClass}, of prompts 1]", HelpName = "N" };
    private readonly ChoiceOption _sampler = new("--sampler", $"How to step. [default: {s_classes.Sampler.Name}, of text models {s_texts.Sampler.Name}]", SamplerNames.All);
    private readonly Option<int> _steps = Cli.Option("--steps", "Sampler steps.", s_classes.Steps);
    private readonly Option<double> _guidance = Cli.Number("--guidance", $"g in v = u + g(c - u); 1 is none. [default: {s_classes.Guidance}, of text models {s_texts.Guidance}]");
    private readonly Option<(float Min, float Max)> _interval = Cli.Interval("--interval", "The times, of text models the noise levels, between which guidance applies.", s_classes.Interval);
    private readonly Option<double> _timeShift = Cli.Number("--time-shift", $"s of the time shift t/(t+(1-t)s). [default: what the file says, that of its training; else {s_classes.TimeShift}, of text models by the images' pixels 4 from 512·1024 on, 3 from 256·512 on, below 1]");
    private readonly SeedOption _seed = new("The seed of the first image's noise; the next image's is one more. Image k of every prompt has seed + k, so that it does not depend on other prompts.");
    private readonly Option<string?> _seeds = new("--seeds") { Description = "A text file with a seed for each image, one a line, in the place of --seed.", HelpName = "FILE" };
    private readonly ChoiceOption _timeType = new("--time-dtype", $"What the time that a text model is told is rounded to: {Rounded} as in the authors' program, for pictures that equal its own.", [Float, Rounded], Float);
    private readonly ChoiceOption _passes = new("--guidance-passes", "Whether a text model evaluates both sides of guidance in one pass, which takes more memory, or in two; the images are the same.", [One, Two], Two);
    private readonly SizeOptions _sizes = new();
    private readonly PromptOptions _prompts = new();

    /// <summary>The options of the text encoder.</summary>
    public EncoderOptions Encoder { get; } = new();

    /// <summary>Whether both sides of guidance are one pass.</summary>
    public bool IsOnePass(ParseResult parsed) => parsed.GetValue(_passes) == One;

    /// <summary>The size that is asked for; null where none is.</summary>
    public ImageSize? Asked(ParseResult parsed) => _sizes.Asked(parsed);

    /// <summary>The first option on the command line that says anything but a size; null where there is none.</summary>
    public string? FirstGiven(ParseResult parsed)
        => ((Option[])[_recipe, _classes, .. _prompts.All, _count, _sampler, _steps, _guidance, _interval, _timeShift, _seed, _seeds, _timeType, _passes, .. Encoder.All]).FirstOrDefault(option => Cli.IsGiven(parsed, option))?.Name;

    /// <summary>The first option on the command line that decides the pictures, which a picture that is drawn again does itself; null where there is none. An encoder is looked for where it is, and passes do not matter.</summary>
    public string? FirstDeciding(ParseResult parsed)
        => ((Option[])[_recipe, _classes, .. _prompts.All, _count, _sampler, _steps, _guidance, _interval, _timeShift, .. _sizes.All, _seed, _seeds, _timeType]).FirstOrDefault(option => Cli.IsGiven(parsed, option))?.Name;

    /// <summary>The files that the options name, which the run must not write over.</summary>
    public IEnumerable<string?> Files(ParseResult parsed) => [_prompts.File(parsed), parsed.GetValue(_seeds), ConfigOption.FileOf(parsed), .. Encoder.Files(parsed)];

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_recipe);
        command.Options.Add(_classes);
        _prompts.AddTo(command);
        foreach (Option option in new Option[] { _count, _sampler, _steps, _guidance, _interval, _timeShift }) command.Options.Add(option);
        _sizes.AddTo(command);
        foreach (Option option in new Option[] { _seed, _seeds, _timeType, _passes }) command.Options.Add(option);
        Encoder.AddTo(command);
    }

    /// <summary>Adds the options to a verb that draws one picture.</summary>
    public void AddForOne(Command command)
    {
        foreach (Option option in new Option[] { _recipe, _classes, _prompts.Prompt, _prompts.Negative, _sampler, _steps, _guidance, _interval, _timeShift }) command.Options.Add(option);
        _sizes.AddTo(command);
        foreach (Option option in new Option[] { _seed, _timeType }) command.Options.Add(option);
        Encoder.AddTo(command);
    }

    /// <summary>The one picture to draw from a model.</summary>
    /// <inheritdoc cref="Plan" path="/param"/>
    /// <inheritdoc cref="Plan" path="/exception"/>
    public SamplePlan PlanOne(ParseResult parsed, StoredModel stored, IReadOnlyList<FilePrompt> prompts)
    {
        var config = stored.Info.Config;
        if (!config.IsText && !Cli.IsGiven(parsed, _classes) && !_prompts.AreGiven(parsed)) throw new ConfigurationException($"{stored.Source}: holds a {config.KindName} model of {config.Classes} classes; --class was expected");
        var plan = Plan(parsed, stored, prompts, isArchive: false) with { PerRow = 1 };
        return plan.Count == 1 ? plan : throw new ConfigurationException($"{plan.Count} {(config.IsText ? "prompts" : "classes")} are given; one was expected");
    }

    /// <summary>What the options say without a model: checked, and the prompts read.</summary>
    /// <param name="parsed">The command line.</param>
    /// <returns>The prompts; none where classes are drawn.</returns>
    /// <exception cref="ConfigurationException">A value is out of range, or two exclude each other.</exception>
    /// <exception cref="FileFormatException">The prompts cannot be read.</exception>
    public IReadOnlyList<FilePrompt> Check(ParseResult parsed)
    {
        Config(parsed, Recipe(parsed)?.Sampling ?? s_classes);
        _sizes.Check(parsed);
        if (Cli.IsGiven(parsed, _seed) && Cli.IsGiven(parsed, _seeds)) throw new ConfigurationException("--seed and --seeds exclude each other");
        if (Cli.IsGiven(parsed, _classes) && _prompts.AreGiven(parsed)) throw new ConfigurationException("--class and prompts exclude each other: a model draws classes or texts");
        if (Cli.IsGiven(parsed, _count) && parsed.GetValue(_count) is < 1 or > Most) throw new ConfigurationException($"count is {parsed.GetValue(_count)}; it must be from 1 to {Most}");
        _seed.Announce();
        return _prompts.Read(parsed);
    }

    /// <summary>The images to draw from a model, whose weights are not known yet.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="stored">The model's file.</param>
    /// <param name="prompts">What <see cref="Check"/> has read.</param>
    /// <param name="isArchive">Whether images go into an archive.</param>
    /// <exception cref="ConfigurationException">A value is out of range, a class is unknown, the size is, or an option is of the other kind of model.</exception>
    /// <exception cref="FileFormatException">The list of seeds does not fit.</exception>
    public SamplePlan Plan(ParseResult parsed, StoredModel stored, IReadOnlyList<FilePrompt> prompts, bool isArchive)
    {
        var recipe = Recipe(parsed);
        bool isText = stored.Info.Config.IsText;
        if (Foreign(parsed, isText) is { } foreign) throw new ConfigurationException($"{stored.Source}: holds a {stored.Info.Config.KindName} model; {foreign} is of {ModelConfig.NameOfKind(!isText)} ones");
        if (recipe is not null && recipe.IsText != isText) throw new ConfigurationException($"{stored.Source}: holds a {stored.Info.Config.KindName} model; the recipe {recipe.Name} is of {ModelConfig.NameOfKind(!isText)} ones");
        if (isText && prompts.Count == 0) throw new ConfigurationException($"{stored.Source}: holds a text-to-image model; --prompt or --prompts was expected");
        var plan = isText ? PlanTexts(parsed, recipe, stored.Info, prompts) : PlanClasses(parsed, recipe, stored.Info, isArchive);
        return parsed.GetValue(_seeds) is { } list ? plan with { Seeds = SeedList.Read(list, plan.Count) } : plan;
    }

    private SamplePlan PlanClasses(ParseResult parsed, SamplingRecipe? recipe, ModelInfo info, bool isArchive) => new ClassPlan
    {
        Recipe = recipe,
        Sampling = Config(parsed, recipe?.Sampling ?? s_classes with { TimeShift = (float)(info.TimeShift ?? s_classes.TimeShift) }).ValidateFor(text: false),
        Size = _sizes.Size(parsed, recipe?.Resolution ?? info.Size, info.Config.Patch),
        Classes = new ClassList(info.Config.Classes, info.ClassNames).Choose(parsed.GetValue(_classes) is { Length: > 0 } chosen ? chosen : null),
        ClassNames = info.ClassNames,
        NullClass = info.Config.NullClass,
        PerRow = Cli.IsGiven(parsed, _count) ? parsed.GetValue(_count) : isArchive ? SamplingRecipes.ImagesPerClass : PerClass,
        Seed = Seed(parsed, recipe),
        Weights = ""
    };

    private SamplePlan PlanTexts(ParseResult parsed, SamplingRecipe? recipe, ModelInfo info, IReadOnlyList<FilePrompt> prompts)
    {
        if (Cli.IsGiven(parsed, _seeds) && prompts.FirstOrDefault(prompt => prompt.Seed is not null) is { } seeded) throw new ConfigurationException($"--seeds gives each image its seed, and so does line {seeded.Line} of --prompts");
        var planned = _prompts.Plan(parsed, prompts, _sizes, recipe?.Resolution ?? info.Size, info.Config.Patch);
        var given = recipe?.Sampling ?? s_texts with { TimeShift = (float)(info.TimeShift ?? ShiftOf(planned.Max(prompt => prompt.Size.Area))) };
        var plan = new TextPlan
        {
            Recipe = recipe,
            Sampling = Config(parsed, given).ValidateFor(text: true),
            Prompts = planned,
            PerRow = Cli.IsGiven(parsed, _count) ? parsed.GetValue(_count) : 1,
            RoundTime = parsed.GetValue(_timeType) == Rounded,
            Seed = Seed(parsed, recipe),
            Weights = ""
        };
        if (plan.Count > Most) throw new ConfigurationException($"{prompts.Count} prompts with {plan.PerRow} images each are {plan.Count} images; at most {Most} were expected");
        if (!plan.IsGuided && _prompts.HasNegative(parsed, prompts)) Terminal.Complain("guidance is 1, which leads away from nothing: negative prompts have no effect");
        return plan;
    }

    /// <summary>The shift by size where a model does not say: 4 and 3 are published for 1024² and 512²; between them, and below 512², the bounds are halfway in the number of pixels by factors.</summary>
    internal static double ShiftOf(long pixels) => pixels switch
    {
        >= 512 * 1024 => 4,
        >= 256 * 512 => 3,
        _ => 1
    };

    private SamplingRecipe? Recipe(ParseResult parsed) => parsed.GetValue(_recipe) is { } name ? SamplingRecipes.Get(name) : null;

    private ulong Seed(ParseResult parsed, SamplingRecipe? recipe) => Cli.IsGiven(parsed, _seed) ? parsed.GetValue(_seed) : recipe?.Seed ?? 0;

    /// <summary>The first option that a model of the other kind has.</summary>
    private string? Foreign(ParseResult parsed, bool isText)
        => (isText ? [_classes] : (Option[])[.. _prompts.All, _timeType, _passes, .. Encoder.All]).FirstOrDefault(option => Cli.IsGiven(parsed, option))?.Name;

    private SamplingConfig Config(ParseResult parsed, SamplingConfig given) => new SamplingConfig
    {
        Sampler = Cli.IsGiven(parsed, _sampler) ? Sampler.Parse(parsed.GetRequiredValue(_sampler)) : given.Sampler,
        Steps = Cli.IsGiven(parsed, _steps) ? parsed.GetValue(_steps) : given.Steps,
        Guidance = Cli.IsGiven(parsed, _guidance) ? parsed.GetValue(_guidance) : given.Guidance,
        Interval = Cli.IsGiven(parsed, _interval) ? parsed.GetValue(_interval) : given.Interval,
        TimeShift = Cli.IsGiven(parsed, _timeShift) ? (float)parsed.GetValue(_timeShift) : given.TimeShift
    }.Validate();
}

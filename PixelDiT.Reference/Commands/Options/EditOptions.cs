using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that say what is edited, and how.</summary>
internal sealed class EditOptions
{
    private const string Pad = "pad", Cut = "cut", SingleName = "edited";

    private static readonly FlowEditConfig s_defaults = new();

    private readonly Option<string?> _image = new("--image") { Description = "The picture: PNG, JPEG, WebP, GIF or BMP of any size. With --edits the folder of the pictures. [default with --edits: its own folder]", HelpName = "FILE|DIR" };
    private readonly Option<string?> _edits = new("--edits") { Description = "A file of edits, JSON lines with image, source_prompt and prompt (class models: source_class and class), and if wanted id, mask, negative and seed. Interrupted, the same command goes on.", HelpName = "FILE" };
    private readonly Option<string?> _sourcePrompt = new("--source-prompt") { Description = "What the picture shows.", HelpName = "TEXT" }, _prompt = new("--prompt") { Description = "What it shall show.", HelpName = "TEXT" };
    private readonly Option<string?> _negative = new("--negative") { Description = "What guidance leads away from. [default: the empty text]", HelpName = "TEXT" };
    private readonly Option<string?> _sourceClass = new("--source-class") { Description = "The class of the picture, of a class model: a name, a number, or none.", HelpName = "CLASS" }, _class = new("--class") { Description = "The class that it shall have.", HelpName = "CLASS" };
    private readonly Option<string?> _mask = new("--mask") { Description = "A picture of the same size, bright where something may change: what is outside is measured by itself.", HelpName = "FILE" };
    private readonly Option<bool> _keepOutside = new("--keep-outside") { Description = "Keep the pixels outside the mask as they are." };
    private readonly ChoiceOption _fit = new("--fit", $"How a picture whose sides are no multiples of the model's patch is brought to it: {Pad} (mirrored at the right and the lower edge, which is taken off again) or {Cut} (to its centre).", [Pad, Cut], Pad);
    private readonly Option<int> _steps = Cli.Option("--steps", "Steps of the whole way from noise to data.", s_defaults.Steps);
    private readonly Option<int> _max = Cli.Option("--n-max", "The edit begins with this many steps to go: more changes more, and coarser things; 0 changes nothing.", s_defaults.MaxSteps);
    private readonly Option<int> _min = Cli.Option("--n-min", "The last so many steps are ordinary sampling of the target, which adds detail and keeps less.", s_defaults.MinSteps);
    private readonly Option<int> _draws = Cli.Option("--n-avg", "Draws of noise whose velocities are averaged in each step: more is smoother, and takes as many times longer.", s_defaults.Draws);
    private readonly Option<double> _sourceGuidance = Cli.Number("--source-guidance", "Guidance of the source; 1 is none.", s_defaults.SourceGuidance), _guidance = Cli.Number("--guidance", "Guidance of the target; 1 is none.", s_defaults.Guidance);
    private readonly Option<double> _timeShift = Cli.Number("--time-shift", "s of the time shift. [default: what the file says, else as sample]");
    private readonly SeedOption _seed = new("The seed of the noise; every edit begins from it.");

    /// <summary>The options of the text encoder.</summary>
    public EncoderOptions Encoder { get; } = new();

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _image, _sourcePrompt, _prompt, _negative, _sourceClass, _class, _mask, _keepOutside, _edits, _fit, _steps, _max, _min, _draws, _sourceGuidance, _guidance, _timeShift, _seed }) command.Options.Add(option);
        Encoder.AddTo(command);
    }

    /// <summary>The files that the options name, which the run must not write over.</summary>
    public IEnumerable<string?> Files(ParseResult parsed) => [parsed.GetValue(_edits), ConfigOption.FileOf(parsed), .. Encoder.Files(parsed)];

    /// <summary>How pictures are brought to the grid.</summary>
    public GridFit Fit(ParseResult parsed) => parsed.GetValue(_fit) == Cut ? GridFit.Cut : GridFit.Pad;

    /// <summary>Whether pixels outside a mask are kept.</summary>
    public bool KeepsOutside(ParseResult parsed) => parsed.GetValue(_keepOutside);

    /// <summary>Whether there may be several edits.</summary>
    public bool IsMany(ParseResult parsed) => parsed.GetValue(_edits) is not null;

    /// <summary>The settings, whose time shift may follow from a picture's size.</summary>
    /// <exception cref="ConfigurationException">A value is out of range.</exception>
    public FlowEditConfig Config(ParseResult parsed, ModelInfo info, long pixels) => new FlowEditConfig
    {
        Steps = parsed.GetValue(_steps),
        MaxSteps = parsed.GetValue(_max),
        MinSteps = parsed.GetValue(_min),
        Draws = parsed.GetValue(_draws),
        SourceGuidance = parsed.GetValue(_sourceGuidance),
        Guidance = parsed.GetValue(_guidance),
        TimeShift = Cli.IsGiven(parsed, _timeShift) ? (float)parsed.GetValue(_timeShift) : (float)(info.TimeShift ?? (info.Config.IsText ? SampleOptions.ShiftOf(pixels) : 1))
    }.Validate();

    /// <summary>The edits that are asked for.</summary>
    /// <exception cref="ConfigurationException">One is not said whole, or an option is of the other kind of model.</exception>
    /// <exception cref="FileFormatException">The file of edits cannot be read.</exception>
    public IReadOnlyList<EditJob> Jobs(ParseResult parsed, StoredModel stored)
    {
        bool isText = stored.Info.Config.IsText;
        Option[] foreign = isText ? [_sourceClass, _class] : [_sourcePrompt, _prompt, _negative, .. Encoder.All];
        if (foreign.FirstOrDefault(option => Cli.IsGiven(parsed, option)) is { } other) throw new ConfigurationException($"{stored.Source}: holds a {stored.Info.Config.KindName} model; {other.Name} is of {ModelConfig.NameOfKind(!isText)} ones");
        _seed.Announce();
        var (source, target) = isText ? (_sourcePrompt, _prompt) : (_sourceClass, _class);
        ulong seed = parsed.GetValue(_seed);
        string negative = parsed.GetValue(_negative) ?? "";
        if (parsed.GetValue(_edits) is { } file)
        {
            if (new Option[] { source, target, _mask }.FirstOrDefault(option => Cli.IsGiven(parsed, option)) is { } given) throw new ConfigurationException($"{given.Name} and --edits exclude each other: the file says it of each edit");
            string folder = parsed.GetValue(_image) ?? Path.GetDirectoryName(Path.GetFullPath(file))!;
            if (!Directory.Exists(folder)) throw new ConfigurationException($"--image is {folder}; with --edits the folder of the pictures was expected");
            return EditFile.Read(file, folder, negative, seed, isText);
        }
        string Required(Option<string?> option, string what) => parsed.GetValue(option) ?? throw new ConfigurationException($"{option.Name} is missing; {what} was expected");
        string image = Required(_image, "the picture's file");
        if (Directory.Exists(image)) throw new ConfigurationException($"--image is {image}, a folder; a picture was expected, or --edits with what is to be done to those in it");
        if (KeepsOutside(parsed) && parsed.GetValue(_mask) is null) throw new ConfigurationException("--keep-outside keeps what is outside the mask; --mask is missing");
        return [new(SingleName, image, parsed.GetValue(_mask), Required(source, "what the picture shows"), Required(target, "what it shall show"), negative, seed)];
    }

    /// <summary>The label of a class as a person writes it.</summary>
    /// <exception cref="ConfigurationException">It is unknown, or several.</exception>
    public static int Label(ModelInfo info, EditJob job, string written)
    {
        try
        {
            return new ClassList(info.Config.Classes, info.ClassNames).Choose([written]) is [var label] ? label : throw new ConfigurationException($"class '{written}' is several; one was expected");
        }
        catch (ConfigurationException error) when (job.Line > 0)
        {
            throw new ConfigurationException($"--edits line {job.Line}: {error.Message}");
        }
    }
}

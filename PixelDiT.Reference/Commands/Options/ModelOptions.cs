using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that choose a model: a preset, or its sizes, or a preset with some sizes changed.</summary>
internal sealed class ModelOptions
{
    private readonly string _preset;

    private readonly ChoiceOption _presetName;
    private readonly Option<int> _hidden = Size("--hidden", "D, the width of a patch token."), _heads = Size("--heads", "h, attention heads.");
    private readonly Option<int> _patch = Size("--patch", "p, the side of a patch in pixels."), _patchDepth = Size("--patch-depth", "N, patch blocks.");
    private readonly Option<int> _pixelDepth = Size("--pixel-depth", "M, pixel (PiT) blocks."), _pixelHidden = Size("--pixel-hidden", "d, the width of a pixel token.");
    private readonly Option<int> _channels = Cli.Option("--channels", "Image channels: 3 for colour, 1 for gray.", 3);
    private readonly Option<int> _textWidth = Size("--text-width", "The width of a text's states; the encoder's."), _textTokens = Size("--text-tokens", "Tokens of a text at most.");
    private readonly Option<string?> _from = new("--from") { Description = "A model file to begin with, in the place of new weights; it says the model's sizes. Another number of classes gets a new table of classes.", HelpName = "FILE" };
    private readonly bool _mayBegin;
    private ModelConfig? _basis;
    private readonly ChoiceOption _pixelLevel = new(
        "--pixel-level", "The pixel level: full, the paper's; or one of its ablations: patch-adaln (a modulation a patch), no-compaction (attention over all pixels), none (patches alone, with a linear head).",
        PixelLevelNames.All, PixelLevelKind.Full.Name);
    private readonly Option<bool> _postModulation = new("--post-modulation") { Description = "Modulate after attention and MLP in the pixel blocks: the authors' cure for loss spikes." };

    /// <param name="preset">The preset that holds where none is given.</param>
    /// <param name="mayBegin">Whether it may begin with a model from a file.</param>
    public ModelOptions(string preset, bool mayBegin = false)
    {
        (_preset, _mayBegin) = (preset, mayBegin);
        _presetName = new("--preset", "Sizes by name.", Presets.Names, preset);
    }

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in Group.Options) command.Options.Add(option);
    }

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("Model", [.. Sizes, .. _mayBegin ? (Option[])[_from] : []]);

    /// <summary>Sizes belong to a run's settings only if no model file says them.</summary>
    public IReadOnlyList<Option> NotRecorded(Settings settings) => From(settings) is null ? [] : Sizes;

    /// <summary>The options of a model's sizes.</summary>
    public IReadOnlyList<Option> Sizes => [_presetName, _hidden, _heads, _patch, _patchDepth, _pixelDepth, _pixelHidden, _channels, _pixelLevel, _postModulation, _textWidth, _textTokens];

    /// <summary>The model file that a run begins with, or null.</summary>
    public string? From(Settings settings) => settings.IsGiven(_from) ? settings.Get(_from) : null;

    /// <summary>Takes the sizes of the model that a run begins with; from the run itself where it goes on, since that file may be gone.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="run">The folder of a run that goes on; else null.</param>
    /// <exception cref="ConfigurationException">A size is given as well.</exception>
    /// <exception cref="FileFormatException">The file holds no model.</exception>
    public void ReadBasis(Settings settings, string? run)
    {
        if (From(settings) is not { } path) return;
        if (Sizes.FirstOrDefault(settings.IsGiven) is { } given) throw new ConfigurationException($"{given.Name} is of new models; {_from.Name} says the sizes");
        using var stored = StoredModel.Open(run is not null && File.Exists(Path.Combine(run, Checkpoint.ModelFile)) ? run : path);
        _basis = stored.Info.Config;
    }

    /// <summary>Image channels.</summary>
    public int Channels(Settings settings) => _basis?.Channels ?? settings.Get(_channels);

    /// <summary>The preset's name.</summary>
    public string Preset(Settings settings) => settings.IsGiven(_presetName) ? settings.Get(_presetName) : _preset;

    /// <summary>Checks that the model is a preset with no size changed.</summary>
    /// <exception cref="ConfigurationException">One is.</exception>
    public void RequirePreset(Settings settings)
    {
        if (Build(settings) != Presets.Get(Preset(settings))) throw new ConfigurationException($"--peer is told the preset {Preset(settings)}; options that change the model's sizes cannot be compared");
    }

    /// <summary>Whether the preset is of a text model.</summary>
    public bool IsText(Settings settings) => _basis?.IsText ?? Presets.Get(Preset(settings)).IsText;

    /// <summary>The width of a text's states, where it is given.</summary>
    public int? TextWidth(Settings settings) => _basis is { IsText: true } ? _basis.TextWidth : settings.IsGiven(_textWidth) ? settings.Get(_textWidth) : null;

    /// <summary>The most tokens of a text, where it is given.</summary>
    public int? TextTokens(Settings settings) => _basis is { IsText: true } ? _basis.TextTokens : settings.IsGiven(_textTokens) ? settings.Get(_textTokens) : null;

    /// <summary>The model that the options describe.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="classes">The data's classes; null leaves the preset's.</param>
    /// <exception cref="ConfigurationException">The sizes do not fit.</exception>
    public ModelConfig Build(Settings settings, int? classes = null)
    {
        if (_basis is not null) return (_basis with { Classes = classes ?? _basis.Classes }).Validate();
        var preset = Presets.Get(Preset(settings));
        if (!preset.IsText && (TextWidth(settings) ?? TextTokens(settings)) is not null) throw new ConfigurationException($"{_textWidth.Name} and {_textTokens.Name} are of text models; the preset {Preset(settings)} is of a class model");
        var level = PixelLevelNames.Parse(settings.Get(_pixelLevel));
        if (level == PixelLevelKind.None && new Option[] { _pixelDepth, _pixelHidden, _postModulation }.FirstOrDefault(settings.IsGiven) is { } given)
            throw new ConfigurationException($"{given.Name} is of a pixel level; {_pixelLevel.Name} {level.Name} has none");
        var model = preset with
        {
            Hidden = Given(settings, _hidden, preset.Hidden),
            Heads = Given(settings, _heads, preset.Heads),
            Patch = Given(settings, _patch, preset.Patch),
            PatchDepth = Given(settings, _patchDepth, preset.PatchDepth),
            PixelDepth = Given(settings, _pixelDepth, preset.PixelDepth),
            PixelHidden = Given(settings, _pixelHidden, preset.PixelHidden),
            Channels = settings.Get(_channels),
            Classes = classes ?? preset.Classes,
            TextWidth = TextWidth(settings) ?? preset.TextWidth,
            TextTokens = TextTokens(settings) ?? preset.TextTokens,
            PostModulation = settings.Get(_postModulation)
        };
        return model.With(level).Validate();
    }

    private static int Given(Settings settings, Option<int> option, int preset) => settings.IsGiven(option) ? settings.Get(option) : preset;

    private static Option<int> Size(string name, string description) => new(name) { Description = $"{description} [default: the preset's]", HelpName = "N" };
}

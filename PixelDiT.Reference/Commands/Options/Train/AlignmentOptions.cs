using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.HeldOut;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Alignment;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>Representation alignment: the teacher, and how the model's tokens are turned towards its.</summary>
internal sealed class AlignmentOptions
{
    private static readonly AlignmentConfig s_defaults = new() { Block = AlignmentConfig.BlockOfClasses, Inner = 1 };

    private readonly Option<string?> _teacher = new("--repa") { Description = "Align tokens with those of a teacher: a file of DINOv2 weights (dinov2_vitb14_pretrain.pth, or safetensors), or a folder that features has made.", HelpName = "FILE|DIR" };
    private readonly Option<double> _weight = Cli.Number("--repa-weight", "What the loss of the alignment is multiplied by.", s_defaults.Weight);
    private readonly Option<int> _block = new("--repa-block") { Description = $"The patch block, from 1, whose tokens are aligned. [default: {AlignmentConfig.BlockOfClasses}, of text models {AlignmentConfig.BlockOfText}; of shallower models the middle one]", HelpName = "N" };
    private readonly Option<int> _inner = new("--repa-inner") { Description = $"The inner width of the projector. [default: D, of text models {AlignmentConfig.InnerOfText}]", HelpName = "N" };
    private readonly Option<int> _heads = new("--repa-heads") { Description = $"Heads of the teacher. [default: one for every {DinoConfig.HeadWidth} channels]", HelpName = "N" };

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("Representation alignment (REPA)", [_teacher, _weight, _block, _inner, _heads]);

    /// <summary>Options that belong to a run's settings only with a teacher, and only where they were said.</summary>
    public IEnumerable<Option> NotRecorded(Settings settings)
        => settings.IsGiven(_teacher) ? new Option[] { _block, _inner, _heads }.Where(option => !settings.IsGiven(option)) : Group.Options;

    /// <summary>The settings; null without a teacher.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="model">The model's sizes.</param>
    /// <exception cref="ConfigurationException">A number is out of range, or given without a teacher.</exception>
    public AlignmentConfig? Read(Settings settings, ModelConfig model)
    {
        if (!settings.IsGiven(_teacher))
        {
            if (Group.Options.FirstOrDefault(settings.IsGiven) is { } lone) throw new ConfigurationException($"{lone.Name} is of representation alignment; {_teacher.Name} was expected with it");
            return null;
        }
        int usual = model.IsText ? AlignmentConfig.BlockOfText : AlignmentConfig.BlockOfClasses;
        var config = new AlignmentConfig
        {
            Weight = settings.Get(_weight),
            Block = settings.IsGiven(_block) ? settings.Get(_block) : usual < model.PatchDepth ? usual : (model.PatchDepth + 1) / 2,
            Inner = settings.IsGiven(_inner) ? settings.Get(_inner) : model.IsText ? AlignmentConfig.InnerOfText : model.Hidden
        }.Validate();
        if (config.Block > model.PatchDepth) throw new ConfigurationException($"repa-block is {config.Block}; the model has {model.PatchDepth} patch blocks");
        if (model.Channels != 3) throw new ConfigurationException($"{_teacher.Name} needs images in colour; the model has {model.Channels} channel");
        return config;
    }

    /// <summary>Opens the teacher; null without one.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="data">What is trained on.</param>
    /// <param name="model">The model's sizes.</param>
    /// <param name="config">The run's settings.</param>
    /// <param name="cancel">Ends the opening.</param>
    /// <exception cref="PixelDiTException">The teacher cannot be opened, or is of other data.</exception>
    public ITeacher? Open(Settings settings, Device device, TrainingData data, ModelConfig model, TrainingConfig config, CancellationToken cancel)
    {
        if (config.Alignment is null) return null;
        string path = settings.Get(_teacher) is { Length: > 0 } given ? given : throw new ConfigurationException($"{_teacher.Name} is ''; a file of DINOv2 weights, or a folder of features, was expected");
        if (FeatureFolder.Is(path))
        {
            if (settings.IsGiven(_heads)) throw new ConfigurationException($"{_heads.Name} is of a network; {path} holds what one has made");
            var (height, width) = data.Largest;
            var (listing, images) = data switch
            {
                ClassData { Source: PartOfImages part } => (Preparation.Identify(part.Whole.ListingHash, part.Whole.Preparation), part.Whole.Count),
                ClassData { Source: var source } => (Preparation.Identify(source.ListingHash, source.Preparation), source.Count),
                CaptionedData => throw new ConfigurationException($"{path}: features are of images of classes; a file of DINOv2 weights was expected for a text model"),
                _ => throw new ConfigurationException($"{path}: features are of images of one size; a file of DINOv2 weights was expected with --buckets")
            };
            Func<long, long>? place = data is ClassData { Source: PartOfImages cut } ? cut.IndexInWhole : null;
            return new StoredTeacher(device, path, listing, images, height, width, config.Flip, place);
        }
        using var weights = OpenWeights(path, settings.IsGiven(_heads) ? settings.Get(_heads) : null);
        return new DinoTeacher(device, weights, model.IsText ? null : model.Patch, config.Precision, cancel: cancel);
    }

    /// <summary>Opens a file of weights; the message of a failure says what else is possible.</summary>
    internal static DinoWeights OpenWeights(string path, int? heads)
    {
        if (Directory.Exists(path)) throw new ConfigurationException($"{path}: is a folder without {FeatureFolder.IndexFile}; a file of DINOv2 weights, or a folder that features has made, was expected");
        return new DinoWeights(path, heads);
    }
}

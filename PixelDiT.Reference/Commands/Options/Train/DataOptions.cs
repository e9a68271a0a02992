using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.HeldOut;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Commands.Options.Train;

/// <summary>The images of a run and how a step takes them.</summary>
internal sealed class DataOptions
{
    private static readonly TrainingConfig s_defaults = new();

    private readonly Option<string> _data = new("--data") { Description = $"The images (required): {Cli.Forms(ImageSources.Known)}. For a text model, with captions: {Cli.Forms(CaptionedSources.Known)}.", HelpName = "SOURCE" };
    private readonly TrainingSize _size = new();
    private readonly ChoiceOption _buckets = BucketOption.Create();
    private readonly SourceChoice _source = new();
    private readonly Option<bool> _flip = new("--flip") { Description = "Mirror half of a class model's images left to right, chosen anew in every epoch." };
    private readonly Option<double> _classDrop = Cli.Number("--class-drop", "The share of images trained without their class, or of a text model with the empty text for their caption.", s_defaults.ConditionDrop);
    private readonly Option<double> _timeShift = Cli.Number("--time-shift", "s of the time shift t/(t+(1-t)s); the authors use 3 at 512x512, and 4 at 1024x1024 for text.", s_defaults.TimeShift);

    private readonly Option<int> _heldOut = Cli.Option("--held-out", "Images that are not trained on and whose loss is measured: of the source's own test images where it has such (idx, cifar10), else taken out of it, the same ones whatever the seed; 0 for none.", 0);
    private readonly Option<int> _heldOutEvery = Cli.Option("--held-out-every", "Steps between measurements of the loss of held-out images.", new WatchConfig().HeldOutEvery);

    /// <summary>All of them.</summary>
    public OptionGroup Group => new("Data", [_data, _size.Resolution, _size.Width, _size.Height, _buckets, _flip, _classDrop, _timeShift, _heldOut, _heldOutEvery, .. _source.All]);

    /// <summary>Takes the held-out images out of what is trained on.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="data">All images.</param>
    /// <param name="channels">Channels of images.</param>
    /// <param name="size">Their size.</param>
    /// <param name="cancel">Ends the opening of test images.</param>
    /// <returns>What is trained on, and what is held out or null.</returns>
    /// <exception cref="DataException">There are not so many images.</exception>
    public (TrainingData Training, TrainingData? HeldOut) HoldOut(Settings settings, TrainingData data, int channels, ImageSize size, CancellationToken cancel)
    {
        int count = settings.Get(_heldOut);
        if (count < 0) throw new ConfigurationException($"held-out is {count}; it must be 0 (none) or above");
        if (count == 0) return settings.IsGiven(_heldOutEvery) ? throw new ConfigurationException($"{_heldOutEvery.Name} is of held-out images; {_heldOut.Name} was expected with it") : (data, null);
        if (data is CaptionedData captioned)
        {
            var (trained, held) = PartOfCaptions.Cut(captioned.Source, count);
            return (new CaptionedData(trained, captioned.Encoder), new CaptionedData(held, captioned.Encoder));
        }
        var source = ((ClassData)data).Source;
        string spec = Spec(settings, isText: false);
        if (ImageSources.HasTestImages(spec))
        {
            var test = ImageSources.Open(spec, size, channels, ImagePart.HeldOut, Source(settings, cancel));
            return (data, new ClassData(count == test.Count ? test : PartOfImages.Cut(test, count).HeldOut));
        }
        var (training, heldOut) = PartOfImages.Cut(source, count);
        return (new ClassData(training), new ClassData(heldOut));
    }

    /// <summary>Steps between measurements.</summary>
    public int HeldOutEvery(Settings settings) => settings.Get(_heldOutEvery);

    /// <summary>Whether the source was given.</summary>
    public bool IsGiven(Settings settings) => settings.IsGiven(_data);

    /// <summary>The source as a person spelled it.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public string Spec(Settings settings, bool isText) => settings.IsGiven(_data)
        ? settings.Get(_data)
        : throw new ConfigurationException("--data is missing; one of " + string.Join(", ", (isText ? CaptionedSources.Known : ImageSources.Known).Select(known => known.Form)) + " was expected");

    /// <summary>Checks that options do not contradict each other.</summary>
    /// <exception cref="ConfigurationException">They do.</exception>
    public void Check(Settings settings, ModelOptions model)
    {
        BucketOption.Check(settings, _buckets, model, _size);
        if (model.IsText(settings) && settings.IsGiven(_flip)) throw new ConfigurationException($"{_flip.Name} is of class models: a caption may say what is left and what is right");
    }

    /// <summary>Settles how pictures of classes are brought to their size, where nothing says it: a run that goes on keeps what it had, and one that does not say was begun when there was one way.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="isText">Whether pictures have captions.</param>
    /// <param name="resumed">The folder of the run that goes on, or null.</param>
    public void SettleResize(Settings settings, bool isText, string? resumed)
    {
        if (isText || settings.IsGiven(_source.Resize) || ImageSources.IsDrawn(Spec(settings, isText))) return;
        var rule = resumed is null ? ResizeRule.Adm : RunFolder.ResizeOf(resumed);
        settings.Assume(_source.Resize, ResizeRules.NameOf(rule));
    }

    /// <summary>Sets what a run's steps take of the data.</summary>
    public TrainingConfig Read(Settings settings, TrainingConfig config) => config with
    {
        Size = _size.Read(settings),
        ConditionDrop = settings.Get(_classDrop),
        TimeShift = settings.Get(_timeShift),
        Flip = settings.Get(_flip)
    };

    /// <summary>How the source is opened.</summary>
    public SourceOptions Source(Settings settings, CancellationToken cancel) => _source.Read(settings, cancel);

    /// <summary>The published sizes to which images are brought; null for one size.</summary>
    public AspectBuckets? Buckets(Settings settings) => BucketOption.Read(settings, _buckets);

    /// <summary>Sides that no square has belong to a run's settings only if they were said, the side of squares only if they were not, and numbers of held-out images only if there are such.</summary>
    public IEnumerable<Option> NotRecorded(Settings settings)
        => [.. new Option[] { _size.Width, _size.Height }.Where(option => !settings.IsGiven(option)), .. settings.IsGiven(_buckets) || settings.IsGiven(_size.Width) ? (Option[])[_size.Resolution] : [], .. settings.Get(_heldOut) == 0 ? (Option[])[_heldOut, _heldOutEvery] : []];
}

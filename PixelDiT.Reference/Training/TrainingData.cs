using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Training.Alignment;

namespace PixelDiT.Reference.Training;

/// <summary>What a run is trained on, and what follows from its kind: which trainer, and which pictures show how far it is.</summary>
public abstract class TrainingData
{
    /// <summary>How messages call it.</summary>
    public abstract string Name { get; }

    /// <summary>The size of the largest images, which decides the memory of a step.</summary>
    public abstract (int Height, int Width) Largest { get; }

    /// <summary>The size of a sample sheet's pictures.</summary>
    public abstract (int Height, int Width) SampleSize { get; }

    /// <summary>Pictures of a sample sheet in the order of its rows, and how many stand in a row.</summary>
    public abstract (int Count, int Columns) Samples { get; }

    /// <summary>The pictures of a sample sheet, in words.</summary>
    public abstract string SamplesInWords { get; }

    /// <summary>A trainer of a model of this kind.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The settings.</param>
    /// <param name="teacher">Where a teacher's tokens come from, with an alignment.</param>
    /// <param name="ranks">The processes that train together; null for one alone.</param>
    /// <exception cref="PixelDiTException">The data does not fit the model, or a setting is out of range.</exception>
    internal abstract Trainer CreateTrainer(PixelTransformer model, TrainingConfig config, ITeacher? teacher = null, ICommunicator? ranks = null);

    /// <summary>What the file of a model that was trained on this says of it.</summary>
    internal abstract ModelInfo Describe(ModelConfig sizes, TrainingConfig config, long steps);

    /// <summary>What the pictures of a sample sheet show, and the model that draws them.</summary>
    /// <param name="model">The model, whose weights have the hash <paramref name="weights"/>.</param>
    /// <param name="sampling">How.</param>
    /// <param name="seed">The first picture's seed.</param>
    /// <param name="weights">The hash of the model's weights.</param>
    /// <param name="cancel">Stops the encoding of captions.</param>
    internal abstract SampleDrawing DrawingOf(PixelTransformer model, SamplingConfig sampling, ulong seed, string weights, CancellationToken cancel);

    /// <summary>Draws the pictures of a sample sheet; values that are not finite become black.</summary>
    /// <param name="drawing">As of <see cref="DrawingOf"/>.</param>
    /// <param name="atATime">Pictures at a time; at least 1.</param>
    /// <param name="report">Is told after every step of the sampler how many pictures are done, shares of those in hand included.</param>
    /// <param name="cancel">Stops the drawing.</param>
    internal static IReadOnlyList<Picture> Draw(SampleDrawing drawing, int atATime, Action<double>? report, CancellationToken cancel)
    {
        var (plan, pictures) = (drawing.Plan, new List<Picture>());
        foreach (long[] images in plan.Batches(0, atATime))
        {
            float[] values = drawing.DrawValues(images, (step, _) => report?.Invoke(images[0] + (images.Length * (double)step / plan.Sampling.Steps)), cancel);
            var (height, width) = plan.SizeOf(images[0]);
            pictures.AddRange(Picture.FromBatch(values, drawing.Model.Config.Channels, height, width));
        }
        return pictures;
    }

    /// <summary>Pictures of a sample sheet that are drawn at a time: few enough that both sides of guidance take no more than the images of a step.</summary>
    internal int SamplesAtATime(TrainingConfig config) => Math.Clamp(config.Batch / config.Accumulate / 2, 1, MostAtATime);

    /// <summary>The most pictures that are drawn at a time.</summary>
    private protected abstract int MostAtATime { get; }
}

/// <summary>Images of classes.</summary>
/// <param name="source">The images.</param>
public sealed class ClassData(IImageSource source) : TrainingData
{
    private const int MostClasses = 16, PicturesPerClass = 8;

    /// <summary>The images.</summary>
    public IImageSource Source { get; } = source;

    /// <inheritdoc/>
    public override string Name => Source.Name;

    /// <inheritdoc/>
    public override (int Height, int Width) Largest => (Source.Height, Source.Width);

    /// <inheritdoc/>
    public override (int Height, int Width) SampleSize => Largest;

    /// <inheritdoc/>
    public override (int Count, int Columns) Samples => (Math.Min(MostClasses, Source.Classes) * PicturesPerClass, PicturesPerClass);

    /// <inheritdoc/>
    public override string SamplesInWords => $"{PicturesPerClass} of {(Source.Classes > MostClasses ? $"the first {MostClasses} classes" : $"each class")}";

    internal override Trainer CreateTrainer(PixelTransformer model, TrainingConfig config, ITeacher? teacher = null, ICommunicator? ranks = null) => new ClassTrainer((PixelDiTModel)model, Source, config, teacher, ranks);

    internal override ModelInfo Describe(ModelConfig sizes, TrainingConfig config, long steps) => new(sizes, steps, new(Source.Height, Source.Width), Source.ClassNames) { TimeShift = config.TimeShift == 1 ? null : config.TimeShift };

    private protected override int MostAtATime => 64;

    internal override SampleDrawing DrawingOf(PixelTransformer model, SamplingConfig sampling, ulong seed, string weights, CancellationToken cancel) => new((PixelDiTModel)model, new ClassPlan
    {
        Sampling = sampling,
        Size = new(Source.Height, Source.Width),
        Classes = [.. Enumerable.Range(0, Math.Min(MostClasses, Source.Classes))],
        ClassNames = Source.ClassNames,
        NullClass = model.Config.NullClass,
        PerRow = PicturesPerClass,
        Seed = seed,
        Precision = model.Precision,
        Weights = weights
    });
}

/// <summary>Images with captions, and what encodes these.</summary>
/// <param name="source">Images and captions.</param>
/// <param name="encoder">The encoder; stays its owner's.</param>
public sealed class CaptionedData(ICaptionedSource source, ITextEncoder encoder) : TrainingData
{
    private const int MostPrompts = 8, PicturesPerPrompt = 8;

    private IReadOnlyList<string>? _prompts;

    /// <summary>Images and captions.</summary>
    public ICaptionedSource Source { get; } = source;

    /// <summary>What encodes captions.</summary>
    public ITextEncoder Encoder { get; } = encoder;

    /// <inheritdoc/>
    public override string Name => Source.Name;

    /// <inheritdoc/>
    public override (int Height, int Width) Largest => Source.Sizes.MaxBy(size => (long)size.Height * size.Width);

    /// <summary>Of several sizes the one nearest to a square.</summary>
    public override (int Height, int Width) SampleSize => Source.Sizes.MinBy(size => (double)Math.Max(size.Height, size.Width) / Math.Min(size.Height, size.Width));

    /// <inheritdoc/>
    public override (int Count, int Columns) Samples => (Prompts.Count * PicturesPerPrompt, PicturesPerPrompt);

    /// <inheritdoc/>
    public override string SamplesInWords => $"{PicturesPerPrompt} of each of {(Prompts.Count == 1 ? "one caption" : $"{Prompts.Count} captions")}";

    /// <summary>The captions of a sample sheet: of the first images, each once.</summary>
    public IReadOnlyList<string> Prompts => _prompts ??= FirstCaptions();

    internal override Trainer CreateTrainer(PixelTransformer model, TrainingConfig config, ITeacher? teacher = null, ICommunicator? ranks = null) => new TextTrainer((TextToImageModel)model, Source, Encoder, config, teacher, ranks);

    internal override ModelInfo Describe(ModelConfig sizes, TrainingConfig config, long steps)
        => new(sizes, steps, Source.Sizes is [var (height, width)] ? new(height, width) : null, []) { TextEncoder = Encoder.Name, TimeShift = config.TimeShift };

    private protected override int MostAtATime => PicturesPerPrompt;

    internal override SampleDrawing DrawingOf(PixelTransformer model, SamplingConfig sampling, ulong seed, string weights, CancellationToken cancel)
    {
        var (height, width) = SampleSize;
        var names = PromptNames.Choose(Prompts.Select(prompt => ((string?)null, prompt)));
        var plan = new TextPlan
        {
            Sampling = sampling,
            // Every picture has noise of its own.
            Prompts = [.. Prompts.Zip(names).Select((prompt, row) => new PlannedPrompt(prompt.First, "", new(height, width), prompt.Second) { Seed = unchecked(seed + (ulong)(row * PicturesPerPrompt)) })],
            PerRow = PicturesPerPrompt,
            Encoder = Encoder.Name,
            EncoderIdentity = Encoder.Identity,
            Seed = seed,
            Precision = model.Precision,
            Weights = weights
        };
        return new((TextToImageModel)model, plan, TextStates.Encode(plan, Encoder, model.Config, null, cancel));
    }

    private List<string> FirstCaptions()
    {
        var found = new List<string>();
        float[] image = [];
        for (long index = 0; index < Math.Min(Source.Count, 4 * MostPrompts) && found.Count < MostPrompts; index++)
        {
            var (height, width) = Source.Sizes[Source.SizeOf(index)];
            if (image.Length != Source.Channels * height * width) image = new float[Source.Channels * height * width];
            string caption = Source.Read(index, 0, image);
            if (caption.Length > 0 && !found.Contains(caption)) found.Add(caption);
        }
        return found.Count > 0 ? found : [""];
    }
}

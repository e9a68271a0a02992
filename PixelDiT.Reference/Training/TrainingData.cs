using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Models;
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

    /// <summary>What stands before the rows of a sample sheet: the names of classes, or captions.</summary>
    public abstract IReadOnlyList<string> SampleNames { get; }

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

    /// <summary>Draws the pictures of a sample sheet.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sampling">How.</param>
    /// <param name="seed">The first picture's seed.</param>
    /// <param name="atATime">Pictures at a time; at least 1.</param>
    /// <param name="report">Is told after every step of the sampler how many pictures are done, shares of those in hand included.</param>
    /// <param name="cancel">Stops the drawing.</param>
    /// <returns>[count, C, H, W], of one size.</returns>
    internal abstract float[] DrawSamples(PixelTransformer model, SamplingConfig sampling, ulong seed, int atATime, Action<double>? report, CancellationToken cancel);

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
    public override IReadOnlyList<string> SampleNames => Source.ClassNames;

    /// <inheritdoc/>
    public override string SamplesInWords => $"{PicturesPerClass} of {(Source.Classes > MostClasses ? $"the first {MostClasses} classes" : $"each class")}";

    internal override Trainer CreateTrainer(PixelTransformer model, TrainingConfig config, ITeacher? teacher = null, ICommunicator? ranks = null) => new ClassTrainer((PixelDiTModel)model, Source, config, teacher, ranks);

    internal override ModelInfo Describe(ModelConfig sizes, TrainingConfig config, long steps) => new(sizes, steps, new(Source.Height, Source.Width), Source.ClassNames);

    private protected override int MostAtATime => 64;

    internal override float[] DrawSamples(PixelTransformer model, SamplingConfig sampling, ulong seed, int atATime, Action<double>? report, CancellationToken cancel)
    {
        int[] labels = [.. Enumerable.Range(0, Samples.Count).Select(i => i / PicturesPerClass)];
        return new ClassSampler((PixelDiTModel)model, sampling).Sample(
            labels, Source.Height, Source.Width, seed, atATime, (first, step, state) => report?.Invoke(first + (state.Shape[0] * (double)step / sampling.Steps)), cancel);
    }
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
    public override IReadOnlyList<string> SampleNames => Prompts;

    /// <inheritdoc/>
    public override string SamplesInWords => $"{PicturesPerPrompt} of each of {(Prompts.Count == 1 ? "one caption" : $"{Prompts.Count} captions")}";

    /// <summary>The captions of a sample sheet: of the first images, each once.</summary>
    public IReadOnlyList<string> Prompts => _prompts ??= FirstCaptions();

    internal override Trainer CreateTrainer(PixelTransformer model, TrainingConfig config, ITeacher? teacher = null, ICommunicator? ranks = null) => new TextTrainer((TextToImageModel)model, Source, Encoder, config, teacher, ranks);

    internal override ModelInfo Describe(ModelConfig sizes, TrainingConfig config, long steps)
        => new(sizes, steps, Source.Sizes is [var (height, width)] ? new(height, width) : null, []) { TextEncoder = Encoder.Name, TimeShift = config.TimeShift };

    private protected override int MostAtATime => PicturesPerPrompt;

    internal override float[] DrawSamples(PixelTransformer model, SamplingConfig sampling, ulong seed, int atATime, Action<double>? report, CancellationToken cancel)
    {
        var (height, width) = SampleSize;
        var states = Encoder.Encode([new Prompt("", Negative: true), .. Prompts.Select(words => new Prompt(words))], null, cancel);
        int size = model.Config.Channels * height * width;
        var images = new float[Samples.Count * size];
        var sampler = new TextSampler((TextToImageModel)model, sampling);
        for (int first = 0; first < Samples.Count;)
        {
            // Those of one caption are drawn together.
            int row = first / PicturesPerPrompt, count = Math.Min(atATime, ((row + 1) * PicturesPerPrompt) - first), begin = first;
            ulong[] seeds = [.. Enumerable.Range(0, count).Select(k => unchecked(seed + (ulong)(begin + k)))];
            float[] drawn = sampler.Sample(
                [.. Enumerable.Repeat(states[1 + row], count)], states[0], seeds, height, width, (step, _) => report?.Invoke(begin + (count * (double)step / sampling.Steps)), cancel);
            drawn.CopyTo(images.AsSpan(first * size));
            first += count;
        }
        return images;
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

using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data.Drawings;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Reference.Training;

/// <summary>What the demonstration of text measured of one kind of prompt.</summary>
/// <param name="Kind">The kind, in words.</param>
/// <param name="IsShown">Whether training shows what these prompts ask for.</param>
/// <param name="Agreement">The share of generated pictures that show all their prompts say.</param>
/// <param name="Real">The same share of real pictures of these prompts, which training has not seen.</param>
/// <param name="Chance">The same share of faultless pictures of other prompts.</param>
/// <param name="Pictures">How many pictures.</param>
internal sealed record TextDemoKind(string Kind, bool IsShown, double Agreement, double Real, double Chance, int Pictures);

/// <summary>What the demonstration of text measured.</summary>
/// <param name="Kinds">By kind of prompt.</param>
/// <param name="Spread">The mean distance between two pictures of one prompt over that between two real ones: near 0 when a prompt is always the same picture.</param>
internal sealed record TextDemoResult(IReadOnlyList<TextDemoKind> Kinds, double Spread)
{
    /// <summary>The share of pictures that agree, where training shows what is asked for or does not.</summary>
    public double Agreement(bool shown) => Share(kind => kind.IsShown == shown, kind => kind.Agreement);

    /// <summary>The share of real pictures that agree.</summary>
    public double Real => Share(_ => true, kind => kind.Real);

    /// <summary>The share of faultless pictures of other prompts that agree.</summary>
    public double Chance => Share(_ => true, kind => kind.Chance);

    private double Share(Func<TextDemoKind, bool> which, Func<TextDemoKind, double> value) => Kinds.Where(which).Sum(kind => kind.Pictures * value(kind)) / Kinds.Where(which).Sum(kind => kind.Pictures);
}

/// <summary>
/// The text model in small: trains on captioned drawings for a few minutes on a CPU, with the encoder <c>words</c>, and asks for what training has shown and for combinations that it never has.
/// </summary>
internal static class TextDemo
{
    private const int Side = 32, PerKind = 32, OnSheet = 8, AtATime = 16, SpreadPrompts = 8, SpreadPictures = 8;

    /// <summary>
    /// The model: narrower than the class demonstration's, with MM-DiT blocks, so that it sees more pictures in the same time. 18 tokens hold the longest caption, of two figures and a ground, behind the beginning of the text.
    /// </summary>
    public static ModelConfig Sizes { get; } = new() { Hidden = 64, Heads = 4, Patch = 8, PatchDepth = 3, PixelDepth = 1, PixelHidden = 8, Classes = 0, TextWidth = 64, TextTokens = 18 };

    /// <summary>The training settings: those of the class demonstration, for more steps.</summary>
    public static TrainingConfig Training { get; } = Demo.Training with { Steps = 18000 };

    /// <summary>The sampler's settings.</summary>
    public static SamplingConfig Sampling { get; } = new() { Sampler = Sampler.DpmSolver, Steps = 16, Guidance = 2, TimeShift = 2 };

    /// <summary>How many pictures are drawn.</summary>
    public static int Images => (4 * PerKind) + Words.Length + (SpreadPrompts * SpreadPictures);

    /// <summary>What is asked for where one word changes at a time.</summary>
    private static Prompt[] Words { get; } =
    [
        One(Figure.Square, Colour.Red, FigureSize.Large, Place.Left, Ground.Dark), One(Figure.Square, Colour.Blue, FigureSize.Large, Place.Left, Ground.Dark),
        One(Figure.Disc, Colour.Blue, FigureSize.Large, Place.Left, Ground.Dark), One(Figure.Disc, Colour.Blue, FigureSize.Small, Place.Left, Ground.Dark),
        One(Figure.Disc, Colour.Blue, FigureSize.Small, Place.Bottom, Ground.Dark), One(Figure.Disc, Colour.Blue, FigureSize.Small, Place.Bottom, Ground.Light),
        One(Figure.Disc, Colour.Green, FigureSize.Small, Place.Bottom, Ground.Light), One(Figure.Triangle, Colour.Green, FigureSize.Small, Place.Bottom, Ground.Light)
    ];

    /// <summary>A run of the demonstration in a folder.</summary>
    /// <inheritdoc cref="TrainingRun.Create" path="/exception"/>
    public static TrainingRun Create(string folder, Device device, ExistingRun existing)
        => TrainingRun.Create(folder, device, new CaptionedData(new CaptionedShapes(Side), new WordsEncoder(Sizes.TextWidth, Sizes.TextTokens)), Sizes, Training, existing);

    /// <summary>Draws samples.png (eight prompts of each kind) and words.png, and measures the pictures.</summary>
    /// <param name="run">The run, trained to its end.</param>
    /// <param name="report">Is told after every step of the sampler how many pictures are done, shares of those in hand included, and of how many.</param>
    /// <param name="cancel">Stops the drawing.</param>
    /// <param name="metadata">Whether the pictures carry what made them.</param>
    public static TextDemoResult Draw(TrainingRun run, Action<double, int>? report = null, CancellationToken cancel = default, bool metadata = true)
    {
        using var averaged = (TextToImageModel)run.Averaged();
        var encoder = ((CaptionedData)run.Data).Encoder;
        float[] empty = encoder.Encode([new Text.Prompt("", Negative: true)])[0];
        var sampler = new TextSampler(averaged, Sampling);
        int side = Side, size = averaged.Config.Channels * side * side, done = 0;
        var measure = new DrawingMeasure(side);

        var kinds = new List<TextDemoKind>();
        var shown = new List<(Prompt Prompt, ulong Seed, Picture Picture)>();
        string weights = WeightHash.Of(averaged);
        foreach (var (kind, isShown, prompts) in Kinds())
        {
            ulong seed = Training.Seed + (ulong)done;
            float[] images = Sample(prompts, k => seed + (ulong)k), real = Real(prompts);
            kinds.Add(new TextDemoKind(kind, isShown, measure.Agreement(images, prompts), measure.Agreement(real, prompts), DrawingMeasure.Chance(prompts), prompts.Length));
            shown.AddRange(prompts.Zip(Picture.FromBatch(images, averaged.Config.Channels, side, side)).Take(OnSheet).Select((entry, k) => (entry.First, seed + (ulong)k, entry.Second)));
        }
        Write(run.SamplesPath, shown);

        // One seed for all: what differs is what the word has changed.
        var row = Picture.FromBatch(Sample(Words, _ => Training.Seed), averaged.Config.Channels, side, side);
        Write(run.WordsPath, [.. Words.Zip(row).Select(entry => (entry.First, Training.Seed, entry.Second))]);

        Prompt[] repeated = [.. Kinds()[0].Prompts.Take(SpreadPrompts).SelectMany(prompt => Enumerable.Repeat(prompt, SpreadPictures))];
        return new TextDemoResult(kinds, measure.Spread(Sample(repeated, k => Training.Seed + (ulong)(done + k)), repeated));

        void Write(string path, IReadOnlyList<(Prompt Prompt, ulong Seed, Picture Picture)> entries)
        {
            string[] texts = [.. entries.Select(entry => entry.Prompt.ToString())];
            var plan = new TextPlan
            {
                Sampling = Sampling,
                Prompts = [.. entries.Zip(texts, PromptNames.Choose(texts.Select(text => ((string?)null, text)))).Select(entry => new PlannedPrompt(entry.Second, "", side, entry.Third) { Seed = entry.First.Seed })],
                SheetColumns = OnSheet,
                PerRow = 1,
                Encoder = encoder.Name,
                EncoderIdentity = encoder.Identity,
                Seed = Training.Seed,
                Weights = weights
            };
            var record = metadata ? new PictureRecord(plan, averaged.Device, TextStates.Encode(plan, encoder, averaged.Config)) : null;
            PngWriter.Write(path, SampleSheet.GridOf(plan, [.. entries.Select(entry => entry.Picture)]), record?.OfSheet(PictureKind.Grid));
        }

        float[] Sample(Prompt[] prompts, Func<int, ulong> seed)
        {
            var images = new float[prompts.Length * size];
            for (int first = 0; first < prompts.Length; first += AtATime)
            {
                Prompt[] some = [.. prompts.Skip(first).Take(AtATime)];
                var texts = encoder.Encode([.. some.Select(prompt => new Text.Prompt(prompt.ToString()))]);
                ulong[] seeds = [.. Enumerable.Range(first, some.Length).Select(seed)];
                int before = done + first;
                sampler.Sample(texts, empty, seeds, side, side, (step, _) => report?.Invoke(before + (some.Length * (double)step / Sampling.Steps), Images), cancel).CopyTo(images.AsSpan(first * size));
            }
            done += prompts.Length;
            return images;
        }
    }

    private static float[] Real(Prompt[] prompts)
    {
        int side = Side, size = 3 * side * side;
        var images = new float[prompts.Length * size];
        foreach (var (i, prompt) in prompts.Index()) CaptionedShapes.HeldOut(prompt, (ulong)i).Draw(side, images.AsSpan(i * size, size));
        return images;
    }

    /// <summary>Prompts that say all there is to say, evenly over what there is.</summary>
    private static (string Kind, bool IsShown, Prompt[] Prompts)[] Kinds() =>
    [
        ("one figure, shown", true, Singles(Combination.Shown)), ("two figures, shown", true, Pairs(CombinationPair.Shown)),
        ("one figure, never shown", false, Singles(Combination.NeverShown)), ("two figures, never shown", false, Pairs(CombinationPair.NeverShown))
    ];

    private static Prompt[] Singles(IReadOnlyList<Combination> all) =>
        [.. Evenly(all).Select((combination, i) => One(combination.Figure, combination.Colour, (FigureSize)(i % 2), combination.Place, (Ground)(i / 2 % 2)))];

    private static Prompt[] Pairs(IReadOnlyList<CombinationPair> all) =>
        [.. Evenly(all).Select((pair, i) => Prompt.Of(new Scene(0, (Ground)(i % 2), Small(pair.First), Small(pair.Second))))];

    private static Prompt One(Figure figure, Colour colour, FigureSize size, Place place, Ground ground) => Prompt.Of(new Scene(0, ground, new PlacedFigure(figure, colour, size, place)));

    private static PlacedFigure Small(Combination combination) => new(combination.Figure, combination.Colour, FigureSize.Small, combination.Place);

    private static IEnumerable<T> Evenly<T>(IReadOnlyList<T> all) => Enumerable.Range(0, PerKind).Select(i => all[(int)((i + 0.5) * all.Count / PerKind)]);
}

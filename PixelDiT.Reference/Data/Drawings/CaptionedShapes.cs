using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Drawings;

/// <summary>
/// Drawings of one or two coloured figures with captions such as "a small red square at the left on a dark ground": a data set without files, to learn from texts with. The index is the key of a counter-based hash, so a
/// drawing is the same on every machine and in every run. Two thirds have one figure, a third two. The training part shows only what <see cref="Combination.IsShown"/> and <see cref="CombinationPair.IsShown"/> let it; the
/// held-out part shows everything. Half of the captions say all there is to say; the others leave out size, place and ground at random, each half of the time, so that a prompt may.
/// </summary>
public sealed class CaptionedShapes : ICaptionedSource
{
    /// <summary>How many drawings a part has.</summary>
    public const long ImagesInPart = 1L << 40;

    private const float PairShare = 1f / 3;

    // Counters of a drawing's choices; those of its looks lie below.
    private const ulong PairDraw = 64, ContentDraw = 65, SizeDraw = 66, GroundDraw = 67;

    private readonly ulong _firstKey;
    private readonly int _resolution;
    private readonly IReadOnlyList<Combination> _singles;
    private readonly IReadOnlyList<CombinationPair> _pairs;

    /// <summary>Opens one part.</summary>
    /// <param name="resolution">H = W, in pixels; at least <see cref="Scene.LeastResolution"/>.</param>
    /// <param name="part">The two parts share no drawing.</param>
    /// <exception cref="DataException">The resolution is too small.</exception>
    public CaptionedShapes(int resolution, ImagePart part = ImagePart.Training)
    {
        if (resolution < Scene.LeastResolution) throw new DataException($"shapes: the resolution is {resolution}; with captions it must be at least {Scene.LeastResolution}");
        (_resolution, Sizes) = (resolution, [(resolution, resolution)]);
        bool all = part == ImagePart.HeldOut;
        (_singles, _pairs, _firstKey) = all ? (Combination.All, CombinationPair.All, (ulong)ImagesInPart) : (Combination.Shown, CombinationPair.Shown, 0);
        using var hash = new ListingHash();
        ListingHash = hash.Add("captioned shapes").Add((long)part).ToHex();
    }

    /// <inheritdoc/>
    public string Name => "shapes";

    /// <inheritdoc/>
    public long Count => ImagesInPart;

    /// <inheritdoc/>
    public int Channels => 3;

    /// <inheritdoc/>
    public string ListingHash { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(int Height, int Width)> Sizes { get; }

    /// <inheritdoc/>
    public bool InOrder => false;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> Skipped => [];

    /// <inheritdoc/>
    public IEnumerable<string> Captions => Contents().SelectMany(content => Shortened(Prompt.Of(content))).Select(prompt => prompt.ToString()).Distinct();

    /// <inheritdoc/>
    public int SizeOf(long index)
    {
        this.CheckIndex(index);
        return 0;
    }

    /// <summary>What a drawing shows.</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <exception cref="DataException">The index is out of range.</exception>
    internal Scene SceneOf(long index)
    {
        this.CheckIndex(index);
        ulong key = _firstKey + (ulong)index;
        var ground = (Ground)(CounterHash.Bits(key, GroundDraw) & 1);
        ulong content = CounterHash.Bits(key, ContentDraw);
        if (CounterHash.Uniform(key, PairDraw) < PairShare)
        {
            var pair = _pairs[(int)(content % (ulong)_pairs.Count)];
            return new Scene(key, ground, Placed(pair.First, FigureSize.Small), Placed(pair.Second, FigureSize.Small));
        }
        return new Scene(key, ground, Placed(_singles[(int)(content % (ulong)_singles.Count)], (FigureSize)(CounterHash.Bits(key, SizeDraw) & 1)));
    }

    /// <summary>What the caption of a drawing says.</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <param name="draw">Chooses what it leaves out.</param>
    /// <exception cref="DataException">The index is out of range.</exception>
    internal Prompt PromptOf(long index, ulong draw) => Shorten(Prompt.Of(SceneOf(index)), CounterHash.Bits(draw, (ulong)index));

    /// <inheritdoc/>
    public string Read(long index, ulong draw, Span<float> image)
    {
        this.CheckRead(index, image);
        SceneOf(index).Draw(_resolution, image);
        return PromptOf(index, draw).ToString();
    }

    /// <summary>A held-out scene of which a prompt is true, whether training shows what it asks for or not.</summary>
    /// <param name="prompt">What it must show; what it leaves out is drawn.</param>
    /// <param name="number">Which of such scenes, below 2⁶³.</param>
    /// <exception cref="DataException">There is no such scene (<see cref="Prompt.Draw"/>).</exception>
    internal static Scene HeldOut(Prompt prompt, ulong number) => prompt.Draw((1UL << 63) + number);

    private static PlacedFigure Placed(Combination combination, FigureSize size) => new(combination.Figure, combination.Colour, size, combination.Place);

    /// <summary>Every scene of the part, up to its key.</summary>
    private IEnumerable<Scene> Contents() =>
        (from combination in _singles from size in Enum.GetValues<FigureSize>() from ground in Enum.GetValues<Ground>() select new Scene(0, ground, Placed(combination, size)))
        .Concat(from pair in _pairs from ground in Enum.GetValues<Ground>() select new Scene(0, ground, Placed(pair.First, FigureSize.Small), Placed(pair.Second, FigureSize.Small)));

    private static Prompt Shorten(Prompt prompt, ulong bits)
    {
        bool Leaves(int bit) => (bits >> bit & 1) == 1;
        return Leaves(0) ? LeaveOut(prompt, Leaves(1), Leaves(2), Leaves(3)) : prompt;
    }

    /// <summary>All that <see cref="Shorten"/> can make of a prompt.</summary>
    private static IEnumerable<Prompt> Shortened(Prompt prompt) => Enumerable.Range(0, 8).Select(bits => LeaveOut(prompt, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0));

    /// <summary>Of two figures the places stay, since they tell which is which.</summary>
    private static Prompt LeaveOut(Prompt prompt, bool size, bool place, bool ground) => prompt with
    {
        First = prompt.First with { Size = size ? null : prompt.First.Size, Place = place && prompt.Second is null ? null : prompt.First.Place },
        Ground = ground ? null : prompt.Ground
    };
}

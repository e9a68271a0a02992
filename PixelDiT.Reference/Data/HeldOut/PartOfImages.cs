using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;

namespace PixelDiT.Reference.Data.HeldOut;

/// <summary>The images of a source that are trained on, or those that are held out.</summary>
public sealed class PartOfImages : IImageSource
{
    private readonly HeldOutSplit _split;
    private readonly ImagePart _part;

    private PartOfImages(IImageSource whole, HeldOutSplit split, ImagePart part, int heldOut)
    {
        (Whole, _split, _part) = (whole, split, part);
        var counts = new long[whole.Classes];
        for (long index = 0; index < split.CountOf(ImagePart.HeldOut); index++) counts[whole.Label(split.IndexOf(ImagePart.HeldOut, index))]++;
        ClassCounts = part == ImagePart.HeldOut ? counts : [.. whole.ClassCounts.Zip(counts, (all, held) => all - held)];
        using var hash = new ListingHash();
        ListingHash = hash.Add("part").Add(whole.ListingHash).Add(heldOut).Add((long)part).ToHex();
    }

    /// <summary>Cuts a source in two.</summary>
    /// <param name="whole">The source.</param>
    /// <param name="heldOut">How many images are held out.</param>
    /// <exception cref="DataException">There are not more images than that.</exception>
    public static (PartOfImages Training, PartOfImages HeldOut) Cut(IImageSource whole, int heldOut)
    {
        var split = new HeldOutSplit(whole.Name, whole.Count, heldOut);
        return (new(whole, split, ImagePart.Training, heldOut), new(whole, split, ImagePart.HeldOut, heldOut));
    }

    /// <summary>The source that it is a part of.</summary>
    public IImageSource Whole { get; }

    /// <inheritdoc/>
    public string Name => Whole.Name;

    /// <inheritdoc/>
    public int Classes => Whole.Classes;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => Whole.ClassNames;

    /// <inheritdoc/>
    public IReadOnlyList<long> ClassCounts { get; }

    /// <inheritdoc/>
    public string ListingHash { get; }

    /// <inheritdoc/>
    public long Count => _split.CountOf(_part);

    /// <inheritdoc/>
    public int Channels => Whole.Channels;

    /// <inheritdoc/>
    public int Height => Whole.Height;

    /// <inheritdoc/>
    public int Width => Whole.Width;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> Skipped => Whole.Skipped;

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks => Whole.Remarks;

    /// <inheritdoc/>
    public Originals? Originals => Whole.Originals;

    /// <inheritdoc/>
    public Preparation? Preparation => Whole.Preparation;

    /// <summary>The index in <see cref="Whole"/> of an image.</summary>
    /// <exception cref="DataException">The index is out of range.</exception>
    public long IndexInWhole(long index)
    {
        this.CheckIndex(index);
        return _split.IndexOf(_part, index);
    }

    /// <inheritdoc/>
    public int Label(long index) => Whole.Label(IndexInWhole(index));

    /// <inheritdoc/>
    public int Read(long index, Span<float> image) => Whole.Read(IndexInWhole(index), image);
}

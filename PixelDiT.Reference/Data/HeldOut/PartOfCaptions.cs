using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;

namespace PixelDiT.Reference.Data.HeldOut;

/// <summary>The captioned images of a source that are trained on, or those that are held out.</summary>
public sealed class PartOfCaptions : ICaptionedSource, IDisposable
{
    private readonly HeldOutSplit _split;
    private readonly ImagePart _part;

    private PartOfCaptions(ICaptionedSource whole, HeldOutSplit split, ImagePart part, int heldOut)
    {
        (Whole, _split, _part) = (whole, split, part);
        using var hash = new ListingHash();
        ListingHash = hash.Add("part").Add(whole.ListingHash).Add(heldOut).Add((long)part).ToHex();
    }

    /// <summary>Cuts a source in two.</summary>
    /// <param name="whole">The source.</param>
    /// <param name="heldOut">How many images are held out.</param>
    /// <exception cref="DataException">There are not more images than that.</exception>
    public static (PartOfCaptions Training, PartOfCaptions HeldOut) Cut(ICaptionedSource whole, int heldOut)
    {
        var split = new HeldOutSplit(whole.Name, whole.Count, heldOut);
        return (new(whole, split, ImagePart.Training, heldOut), new(whole, split, ImagePart.HeldOut, heldOut));
    }

    /// <summary>The source that it is a part of.</summary>
    public ICaptionedSource Whole { get; }

    /// <inheritdoc/>
    public string Name => Whole.Name;

    /// <inheritdoc/>
    public long Count => _split.CountOf(_part);

    /// <inheritdoc/>
    public int Channels => Whole.Channels;

    /// <inheritdoc/>
    public string ListingHash { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(int Height, int Width)> Sizes => Whole.Sizes;

    /// <inheritdoc/>
    public bool InOrder => Whole.InOrder;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> Skipped => Whole.Skipped;

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks => Whole.Remarks;

    /// <inheritdoc/>
    public Originals? Originals => Whole.Originals;

    /// <inheritdoc/>
    public Preparation? Preparation => Whole.Preparation;

    /// <inheritdoc/>
    public IEnumerable<string> Captions => Whole.Captions;

    /// <summary>The index in <see cref="Whole"/> of an image.</summary>
    /// <exception cref="DataException">The index is out of range.</exception>
    public long IndexInWhole(long index)
    {
        this.CheckIndex(index);
        return _split.IndexOf(_part, index);
    }

    /// <inheritdoc/>
    public int SizeOf(long index) => Whole.SizeOf(IndexInWhole(index));

    /// <inheritdoc/>
    public string Read(long index, ulong draw, Span<float> image) => Whole.Read(IndexInWhole(index), draw, image);

    /// <summary>Closes the files of the source, as its other part does.</summary>
    public void Dispose() => (Whole as IDisposable)?.Dispose();
}

using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data.InMemory;

/// <summary>Pictures that a program has in memory, each with a caption, as images of one size to train a text model on.</summary>
public sealed class CaptionedPictureList : ICaptionedSource
{
    private readonly List<byte[]> _images = [];
    private readonly List<string> _captions = [];

    /// <summary>Takes pictures.</summary>
    /// <param name="pictures">The pictures, of any sizes, and for each its caption. They are walked once and not kept.</param>
    /// <param name="size">The size of an image, sides from 8 to 4096 pixels.</param>
    /// <param name="channels">3, or 1 for gray.</param>
    /// <param name="resize">How pictures are brought to that size.</param>
    /// <param name="name">What messages call the source.</param>
    /// <exception cref="DataException">There is no picture, or a number is out of range.</exception>
    public CaptionedPictureList(IEnumerable<(Picture Picture, string Caption)> pictures, ImageSize size, int channels = 3, ResizeRule resize = ResizeRule.Area, string name = "pictures")
    {
        ImagePlanes.Require(name, size, channels);
        (Name, Channels, Sizes, Preparation) = (name, channels, [(size.Height, size.Width)], new(resize, Background.White));
        using var hash = new ListingHash();
        hash.Add("captioned picture list");
        foreach (var (picture, caption) in pictures)
        {
            hash.Add(picture.Width).Add(picture.Height).Add(picture.Channels).Add(picture.Pixels).Add(caption);
            _images.Add(ImagePlanes.Of(name, _captions.Count, picture, size, channels, resize));
            _captions.Add(caption);
        }
        if (_captions.Count == 0) throw new DataException($"{name}: holds no picture; at least one was expected");
        ListingHash = hash.ToHex();
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long Count => _captions.Count;

    /// <inheritdoc/>
    public int Channels { get; }

    /// <summary>As <see cref="ICaptionedSource.ListingHash"/>; here the pixels count.</summary>
    public string ListingHash { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(int Height, int Width)> Sizes { get; }

    /// <inheritdoc/>
    public bool InOrder => false;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> Skipped => [];

    /// <inheritdoc/>
    public Preparation? Preparation { get; }

    /// <inheritdoc/>
    public IEnumerable<string> Captions => _captions.Distinct(StringComparer.Ordinal);

    /// <inheritdoc/>
    public int SizeOf(long index)
    {
        this.CheckIndex(index);
        return 0;
    }

    /// <inheritdoc/>
    public string Read(long index, ulong draw, Span<float> image)
    {
        this.CheckRead(index, image);
        PixelBytes.ToValues(_images[(int)index], image);
        return _captions[(int)index];
    }
}

using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data.InMemory;

/// <summary>Pictures that a program has in memory, each of a class, as images to train on. They are cut and scaled once, when the list is made, as those of a folder are.</summary>
public sealed class PictureList : IImageSource
{
    private readonly List<byte[]> _images = [];
    private readonly List<int> _labels = [];

    /// <summary>Takes pictures.</summary>
    /// <param name="pictures">The pictures, of any sizes, and for each its class, 0 … K − 1. They are walked once and not kept.</param>
    /// <param name="classNames">A name for each of the K classes.</param>
    /// <param name="size">The size of an image, sides from 8 to 4096 pixels.</param>
    /// <param name="channels">3, or 1 for gray.</param>
    /// <param name="resize">How pictures are brought to that size.</param>
    /// <param name="name">What messages call the source.</param>
    /// <exception cref="DataException">There is no picture, a label is no class, or a number is out of range.</exception>
    public PictureList(IEnumerable<(Picture Picture, int Label)> pictures, IReadOnlyList<string> classNames, ImageSize size, int channels = 3, ResizeRule resize = ResizeRule.Adm, string name = "pictures")
    {
        ImagePlanes.Require(name, size, channels);
        (Name, ClassNames, Channels, Height, Width, Preparation) = (name, [.. classNames], channels, size.Height, size.Width, new(resize, Background.White));
        var counts = new long[ClassNames.Count];
        using var hash = new ListingHash();
        hash.Add("picture list").Add(ClassNames);
        foreach (var (picture, label) in pictures)
        {
            if (label < 0 || label >= counts.Length) throw new DataException($"{name}: picture {_labels.Count} is of class {label}; there are {counts.Length} names of classes, from 0 on");
            hash.Add(picture.Width).Add(picture.Height).Add(picture.Channels).Add(picture.Pixels).Add(label);
            _images.Add(ImagePlanes.Of(name, _labels.Count, picture, size, channels, resize));
            _labels.Add(label);
            counts[label]++;
        }
        if (_labels.Count == 0) throw new DataException($"{name}: holds no picture; at least one was expected");
        (ClassCounts, ListingHash) = (counts, hash.ToHex());
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Classes => ClassNames.Count;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public IReadOnlyList<long> ClassCounts { get; }

    /// <summary>As <see cref="IImageSource.ListingHash"/>; here the pixels count.</summary>
    public string ListingHash { get; }

    /// <inheritdoc/>
    public long Count => _labels.Count;

    /// <inheritdoc/>
    public int Channels { get; }

    /// <inheritdoc/>
    public int Height { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> Skipped => [];

    /// <inheritdoc/>
    public Preparation? Preparation { get; }

    /// <inheritdoc/>
    public int Label(long index)
    {
        this.CheckIndex(index);
        return _labels[(int)index];
    }

    /// <inheritdoc/>
    public int Read(long index, Span<float> image)
    {
        this.CheckRead(index, image);
        PixelBytes.ToValues(_images[(int)index], image);
        return _labels[(int)index];
    }
}

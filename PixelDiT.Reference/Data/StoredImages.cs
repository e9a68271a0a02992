namespace PixelDiT.Reference.Data;

/// <summary>
/// Images of one size held in memory as bytes, as MNIST and CIFAR-10 come. They are scaled when read, so that what is held does not grow with the
/// resolution. Gray is repeated into three channels; colour becomes gray as 0.299 R + 0.587 G + 0.114 B.
/// </summary>
internal sealed class StoredImages : IImageSource
{
    private readonly byte[] pixels;
    private readonly byte[] labels;
    private readonly int storedChannels, storedSide;
    private readonly PixelResize resize;
    private readonly Lazy<string> listingHash;

    /// <summary>Takes the images as they are.</summary>
    /// <param name="name">As in <see cref="IImageSource.Name"/>.</param>
    /// <param name="classNames">A name for each class.</param>
    /// <param name="pixels">[N, stored channels, stored side, stored side].</param>
    /// <param name="labels">[N], each less than the number of classes.</param>
    /// <param name="storedChannels">1 or 3.</param>
    /// <param name="storedSide">Pixels.</param>
    /// <param name="resolution">The side that Read writes, in pixels.</param>
    /// <param name="channels">The channels that Read writes, 1 or 3.</param>
    public StoredImages(
        string name, IReadOnlyList<string> classNames, byte[] pixels, byte[] labels, int storedChannels, int storedSide, int resolution, int channels)
    {
        (Name, ClassNames, Channels, Height, Width) = (name, classNames, channels, resolution, resolution);
        (this.pixels, this.labels, this.storedChannels, this.storedSide) = (pixels, labels, storedChannels, storedSide);
        resize = new PixelResize(storedSide, storedSide, resolution, resolution);
        listingHash = new Lazy<string>(Hash);
        var counts = new long[classNames.Count];
        foreach (byte label in labels) counts[label]++;
        ClassCounts = counts;
        var empty = classNames.Where((_, label) => counts[label] == 0).ToArray();
        const int Shown = 10;
        Remarks = empty.Length == 0 ? [] : [$"{empty.Length} of {classNames.Count} classes {(empty.Length == 1 ? "has" : "have")} no images: {string.Join(", ", empty.Take(Shown))}{(empty.Length > Shown ? ", …" : "")}"];
        Originals = new Originals((storedSide, storedSide), (storedSide, storedSide), storedSide < resolution ? labels.Length : 0, 0);
    }

    public string Name { get; }

    public int Classes => ClassNames.Count;

    public IReadOnlyList<string> ClassNames { get; }

    public IReadOnlyList<long> ClassCounts { get; }

    public string ListingHash => listingHash.Value;

    public long Count => labels.Length;

    public int Channels { get; }

    public int Height { get; }

    public int Width { get; }

    public IReadOnlyList<SkippedImage> Skipped => [];

    public IReadOnlyList<string> Remarks { get; }

    public Originals? Originals { get; }

    public int Label(long index)
    {
        this.CheckIndex(index);
        return labels[index];
    }

    public int Read(long index, Span<float> image)
    {
        this.CheckRead(index, image);
        int area = Height * Width, storedArea = storedSide * storedSide;
        var stored = pixels.AsSpan(checked((int)(index * storedChannels * storedArea)), storedChannels * storedArea);
        Span<byte> plane = area <= 4096 ? stackalloc byte[area] : new byte[area];

        if (Channels == 1 && storedChannels == 3)
        {
            Span<byte> gray = storedArea <= 4096 ? stackalloc byte[storedArea] : new byte[storedArea];
            for (int i = 0; i < storedArea; i++) gray[i] = PixelScale.Gray(stored[i], stored[storedArea + i], stored[2 * storedArea + i]);
            resize.Apply(gray, plane);
            PixelScale.ToValues(plane, image);
            return labels[index];
        }
        for (int c = 0; c < Channels; c++)
        {
            if (c < storedChannels) resize.Apply(stored.Slice(c * storedArea, storedArea), plane);
            PixelScale.ToValues(plane, image[(c * area)..]);
        }
        return labels[index];
    }

    /// <summary>The images are in memory, so that their content costs little to hash.</summary>
    private string Hash()
    {
        using var hash = new ListingHash();
        return hash.Add("stored").Add(ClassNames).Add(storedChannels).Add(storedSide).Add(labels).Add(pixels).ToHex();
    }
}

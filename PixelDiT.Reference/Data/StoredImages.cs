using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Images of one size held in memory as bytes, as MNIST and CIFAR-10 come. They are scaled when read, so that what is held does not grow with the
/// resolution. Gray is repeated into three channels; colour becomes gray as 0.299 R + 0.587 G + 0.114 B.
/// </summary>
internal sealed class StoredImages : IImageSource
{
    private const int MostOnStack = 4096;

    private readonly byte[] _pixels;
    private readonly byte[] _labels;
    private readonly int _storedChannels, _storedSide;
    private readonly bool _isAdm;
    private readonly (int Left, int Top, int Width, int Height) _part;
    private readonly PixelResize _resize;
    private readonly Lazy<string> _listingHash;

    /// <summary>Takes the images as they are.</summary>
    /// <param name="name">As in <see cref="IImageSource.Name"/>.</param>
    /// <param name="classNames">A name for each class.</param>
    /// <param name="pixels">[N, stored channels, stored side, stored side].</param>
    /// <param name="labels">[N], each less than the number of classes.</param>
    /// <param name="storedChannels">1 or 3.</param>
    /// <param name="storedSide">Pixels.</param>
    /// <param name="size">The size that Read writes, in pixels.</param>
    /// <param name="channels">The channels that Read writes, 1 or 3.</param>
    /// <param name="resize">How they are brought to that size; null for <see cref="ResizeRule.Adm"/>.</param>
    public StoredImages(
        string name, IReadOnlyList<string> classNames, byte[] pixels, byte[] labels, int storedChannels, int storedSide, ImageSize size, int channels, ResizeRule? resize = null)
    {
        (Name, ClassNames, Channels, Height, Width) = (name, classNames, channels, size.Height, size.Width);
        (this._pixels, this._labels, this._storedChannels, this._storedSide) = (pixels, labels, storedChannels, storedSide);
        if (size != new ImageSize(storedSide)) Preparation = new(resize ?? ResizeRule.Adm, Background.White);
        _isAdm = Preparation?.Resize == ResizeRule.Adm;
        _part = size.CentreOf(storedSide, storedSide);
        _resize = new PixelResize(_part.Height, _part.Width, size.Height, size.Width);
        _listingHash = new Lazy<string>(Hash);
        var counts = new long[classNames.Count];
        foreach (byte label in labels) counts[label]++;
        ClassCounts = counts;
        var empty = classNames.Where((_, label) => counts[label] == 0).ToArray();
        const int Shown = 10;
        Remarks = empty.Length == 0 ? [] : [$"{empty.Length} of {classNames.Count} classes {(empty.Length == 1 ? "has" : "have")} no images: {string.Join(", ", empty.Take(Shown))}{(empty.Length > Shown ? ", …" : "")}"];
        Originals = new Originals((storedSide, storedSide), (storedSide, storedSide), storedSide < Math.Max(size.Height, size.Width) ? labels.Length : 0, 0);
    }

    public string Name { get; }

    public int Classes => ClassNames.Count;

    public IReadOnlyList<string> ClassNames { get; }

    public IReadOnlyList<long> ClassCounts { get; }

    public string ListingHash => _listingHash.Value;

    public long Count => _labels.Length;

    public int Channels { get; }

    public int Height { get; }

    public int Width { get; }

    public IReadOnlyList<SkippedImage> Skipped => [];

    public IReadOnlyList<string> Remarks { get; }

    public Originals? Originals { get; }

    public Preparation? Preparation { get; }

    public int Label(long index)
    {
        this.CheckIndex(index);
        return _labels[index];
    }

    public int Read(long index, Span<float> image)
    {
        this.CheckRead(index, image);
        int area = Height * Width, storedArea = _storedSide * _storedSide;
        if (_isAdm)
        {
            ReadAdm(index, image);
            return _labels[index];
        }
        var stored = _pixels.AsSpan(checked((int)(index * _storedChannels * storedArea)), _storedChannels * storedArea);
        Span<byte> plane = area <= MostOnStack ? stackalloc byte[area] : new byte[area];
        bool turnsGray = Channels == 1 && _storedChannels == 3;
        int grayArea = turnsGray ? storedArea : 0, cutArea = IsWhole ? 0 : _part.Width * _part.Height;
        Span<byte> gray = grayArea <= MostOnStack ? stackalloc byte[grayArea] : new byte[grayArea];
        Span<byte> part = cutArea <= MostOnStack ? stackalloc byte[cutArea] : new byte[cutArea];

        if (turnsGray)
        {
            for (int i = 0; i < storedArea; i++) gray[i] = PixelScale.Gray(stored[i], stored[storedArea + i], stored[2 * storedArea + i]);
            _resize.Apply(Cut(gray, part), plane);
            PixelScale.ToValues(plane, image);
            return _labels[index];
        }
        for (int c = 0; c < Channels; c++)
        {
            if (c < _storedChannels) _resize.Apply(Cut(stored.Slice(c * storedArea, storedArea), part), plane);
            PixelScale.ToValues(plane, image[(c * area)..]);
        }
        return _labels[index];
    }

    private void ReadAdm(long index, Span<float> image)
    {
        int storedArea = _storedSide * _storedSide, area = Height * Width;
        var stored = _pixels.AsSpan(checked((int)(index * _storedChannels * storedArea)), _storedChannels * storedArea);
        var pixels = new byte[stored.Length];
        for (int c = 0; c < _storedChannels; c++)
        {
            for (int i = 0; i < storedArea; i++) pixels[(i * _storedChannels) + c] = stored[(c * storedArea) + i];
        }
        var scaled = ResizeRules.Adm(new Picture(_storedSide, _storedSide, _storedChannels, pixels), new ImageSize(Height, Width));
        byte[] planes = _storedChannels == 1 ? scaled.Pixels : PixelScale.ToPlanes(scaled, Channels);
        for (int at = 0; at < image.Length; at += area) PixelScale.ToValues(planes.AsSpan(at % planes.Length, area), image[at..]);
    }

    private bool IsWhole => _part.Width == _storedSide && _part.Height == _storedSide;

    /// <summary>What of a plane is shown.</summary>
    private ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> plane, Span<byte> part)
    {
        if (IsWhole) return plane;
        for (int y = 0; y < _part.Height; y++) plane.Slice(((_part.Top + y) * _storedSide) + _part.Left, _part.Width).CopyTo(part[(y * _part.Width)..]);
        return part;
    }

    /// <summary>The images are in memory, so that their content costs little to hash.</summary>
    private string Hash()
    {
        using var hash = new ListingHash();
        return hash.Add("stored").Add(ClassNames).Add(_storedChannels).Add(_storedSide).Add(_labels).Add(_pixels).ToHex();
    }
}

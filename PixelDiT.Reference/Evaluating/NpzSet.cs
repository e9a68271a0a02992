using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Numpy;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Evaluating;

/// <summary>
/// An archive of NumPy as ADM's evaluation suite has them: pictures <c>arr_0</c>, bytes [n, H, W, 3] (or of 1 channel), perhaps their classes <c>arr_1</c>; and, or instead, statistics <c>mu</c>, <c>sigma</c>, <c>mu_s</c>, <c>sigma_s</c>. Pictures are read one after the other.
/// </summary>
public sealed class NpzSet : IImageSet
{
    private const string Pixels = "arr_0", Classes = "arr_1";

    private readonly string _path;
    private readonly NpzReader _reader;
    private readonly int _channels;
    private readonly long[]? _labels;
    private readonly string? _memory;

    /// <summary>Opens an archive and checks the shapes of its arrays.</summary>
    /// <param name="path">The file.</param>
    /// <param name="memory">Where hashes of files are remembered, or null.</param>
    /// <exception cref="FileFormatException">It is no archive, or an array is not as expected; the message names it.</exception>
    public NpzSet(string path, string? memory = null)
    {
        (_path, _memory) = (path, memory);
        _reader = NpzReader.Open(path);
        try
        {
            Given = StatisticsFile.Read(_reader);
            if (!_reader.Contains(Pixels))
            {
                if (Given is null) throw new FileFormatException($"{path}: has neither pictures {Pixels} nor statistics mu and sigma; it has {string.Join(", ", _reader.Entries.Take(8).Select(entry => entry.Name))}");
                return;
            }
            var pixels = _reader[Pixels];
            if (pixels.Type != "|u1" || pixels.Shape is not [>= 1, >= 1 and <= ImageSize.LargestSide, >= 1 and <= ImageSize.LargestSide, 1 or 3])
            {
                throw new FileFormatException($"{path}: {Pixels} is of type {pixels.Type} and shape [{string.Join(", ", pixels.Shape)}]; bytes (|u1) [n, H, W, 3] were expected");
            }
            (Count, Size, _channels) = (pixels.Shape[0], new ImageSize((int)pixels.Shape[1], (int)pixels.Shape[2]), (int)pixels.Shape[3]);
            _labels = ReadLabels();
            if (_labels is not null) ClassNames = [.. Enumerable.Range(0, (int)_labels.Max() + 1).Select(label => $"{label}")];
        }
        catch
        {
            _reader.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name => _path;

    /// <inheritdoc/>
    public string Kind => "npz";

    /// <inheritdoc/>
    public long Count { get; }

    /// <inheritdoc/>
    public ImageSize? Size { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; } = [];

    /// <summary>SHA-256 of the file.</summary>
    public string Identity => field ??= FileHash.Of(_path, _memory);

    /// <inheritdoc/>
    public GivenStatistics? Given { get; }

    /// <inheritdoc/>
    public IEnumerable<SetPicture> Read(CancellationToken cancel)
    {
        if (Size is not { } size) yield break;
        long at = 0;
        foreach (byte[] pixels in _reader.ReadRows(Pixels))
        {
            cancel.ThrowIfCancellationRequested();
            yield return new SetPicture(new Picture(size.Width, size.Height, _channels, pixels), _labels is null ? null : (int)_labels[at]);
            at++;
        }
    }

    /// <summary>The classes; null where there are none, or not one for each picture.</summary>
    private long[]? ReadLabels()
    {
        const int mostClasses = 1 << 16;
        if (!_reader.Contains(Classes) || _reader[Classes] is not { Type: "<i8", Shape: [var count] } || count != Count) return null;
        long[] labels = _reader.ReadIntegers(Classes);
        return labels.All(label => label is >= 0 and < mostClasses) ? labels : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();
}

using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Picture files of classes, in a folder or an archive. Every file is decoded once when the source opens, so that what is skipped is known before training
/// and does not depend on the order of reading. What was decoded is kept while all of it fits into <see cref="MostKept"/>; otherwise an image is read from the cache,
/// and where there is none, decoded at every read.
/// </summary>
internal class ListedImages : IImageSource
{
    /// <summary>The memory that decoded images may take, in bytes: 2 GiB, ten thousand colour images at 256², 170 thousand at 64².</summary>
    public const long MostKept = 1L << 31;

    private readonly IPictureFiles _files;
    private readonly int[] _slots;
    private readonly byte[]?[] _kept;
    private readonly StoredImageFile? _stored;
    private readonly TimeSpan _limit;
    private readonly Preparation _preparation;

    /// <summary>Decodes files.</summary>
    /// <param name="files">The files; at least one.</param>
    /// <param name="size">The size of an image, in pixels.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="name">What the user called the source.</param>
    /// <param name="options">How it is opened.</param>
    /// <param name="preparation">How pictures become images.</param>
    /// <param name="mostKept">The memory that decoded images may take, in bytes.</param>
    /// <param name="limit">What decoding a file may take; only one that hangs takes so long.</param>
    /// <param name="mostCached">The bytes of images that are kept in the cache; of more only what is known of each.</param>
    /// <exception cref="DataException">No picture is readable, or none of a class that must have some, or decoding one hangs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ListedImages(
        IPictureFiles files, ImageSize size, int channels, string name, SourceOptions options, Preparation preparation, long mostKept = MostKept, TimeSpan? limit = null, long mostCached = ImageCache.MostBytes)
    {
        (Name, Channels, Height, Width) = (name, channels, size.Height, size.Width);
        (_files, _preparation, _limit) = (files, preparation, limit ?? DecodingThreads.Limit);

        long imageBytes = channels * size.Area;
        bool keep = files.Count * imageBytes <= mostKept;
        _kept = keep ? new byte[]?[files.Count] : [];
        var (records, stored, remark) = Load(keep, options, mostCached);
        _stored = keep ? null : stored;

        _slots = [.. Enumerable.Range(0, files.Count).Where(i => records[i].Reason is null)];
        var skipped = Enumerable.Range(0, files.Count).Where(i => records[i].Reason is not null).Select(i => new SkippedImage(files.PathOf(i), records[i].Reason!)).ToArray();
        if (_slots.Length == 0) throw new DataException($"{files.Place}: none of {files.Count} images is readable; the first, {skipped[0].Path}: {skipped[0].Reason}");
        ClassCounts = Counts();
        if (!options.AllowEmptyClasses) CheckClasses(records);
        Skipped = [.. skipped, .. files.LeftOut];
        Remarks = remark is null ? files.Remarks : [.. files.Remarks, remark];
        Originals = Summary(records, record => record.Width < size.Width || record.Height < size.Height);
        using var hash = new ListingHash();
        files.AddIdentity(hash, _slots);
        ListingHash = hash.ToHex();
    }

    public string Name { get; }

    public int Classes => ClassNames.Count;

    public IReadOnlyList<string> ClassNames => _files.ClassNames;

    public IReadOnlyList<long> ClassCounts { get; }

    public string ListingHash { get; }

    public long Count => _slots.Length;

    public int Channels { get; }

    public int Height { get; }

    public int Width { get; }

    public IReadOnlyList<SkippedImage> Skipped { get; }

    public IReadOnlyList<string> Remarks { get; }

    public Originals? Originals { get; }

    public Preparation? Preparation => _preparation;

    public int Label(long index)
    {
        this.CheckIndex(index);
        return _files.LabelOf(_slots[index]);
    }

    public int Read(long index, Span<float> image)
    {
        this.CheckRead(index, image);
        int slot = _slots[index];
        PixelScale.ToValues((_kept.Length > 0 ? _kept[slot] : null) ?? ReadAgain(slot), image);
        return _files.LabelOf(slot);
    }

    /// <summary>Which of the files an image is.</summary>
    public int SlotOf(long index) => _slots[index];

    /// <summary>Decodes files, many at a time.</summary>
    /// <param name="files">The files.</param>
    /// <param name="decode">Makes an image of a file's content; to be told how many pixels it has when that begins.</param>
    /// <param name="keep">Is given each image, from any thread.</param>
    /// <param name="options">Progress and cancellation.</param>
    /// <param name="limit">What decoding a file may take.</param>
    /// <returns>What is to be known of each file; the reason of those that cannot be decoded.</returns>
    /// <exception cref="DataException">Decoding a file hangs, or there is no memory for it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal static ImageRecord[] DecodeAll(IPictureFiles files, Func<byte[], Action<long>, DecodedImage> decode, Action<int, byte[]> keep, SourceOptions options, TimeSpan limit)
    {
        var records = new ImageRecord[files.Count];
        DecodingThreads.Run(files.Count, files.PathOf, (i, begins) =>
        {
            byte[]? content = null;
            try
            {
                content = files.Read(i);
                var image = decode(content, begins);
                records[i] = new ImageRecord(null, image.Width, image.Height, image.IsTurned, Crc32.Append(0, image.Pixels));
                keep(i, image.Pixels);
            }
            catch (OutOfMemoryException error)
            {
                // It ends the run, since what is left out must not depend on the machine.
                throw new DataException($"{files.PathOf(i)}: there is not enough memory to decode it; make it smaller, or take it out of the data", error);
            }
            catch (DataException error)
            {
                records[i] = new ImageRecord(error.Message, 0, 0, false, 0) { IsUnread = content is null && (files.MayChange(i) || error.InnerException is IOException) };
            }
        }, options.Progress, limit, options.Cancel);
        return records;
    }

    /// <summary>Decodes a file that was decoded before.</summary>
    /// <exception cref="DataException">It no longer can be.</exception>
    internal static byte[] DecodeAgain(IPictureFiles files, int slot, string source, Func<byte[], Action<long>, DecodedImage> decode, TimeSpan limit)
    {
        string path = files.PathOf(slot);
        byte[]? pixels = null;
        try
        {
            DecodingThreads.Run(1, _ => path, (_, begins) => pixels = decode(files.Read(slot), begins).Pixels, limit: limit);
            return pixels!;
        }
        catch (DataException error)
        {
            throw new DataException(error.Message.StartsWith(path, StringComparison.Ordinal) ? error.Message : $"{path}: was readable when {source} was opened and now {error.Message}", error);
        }
    }

    private byte[] ReadAgain(int slot)
    {
        var pixels = new byte[Channels * Height * Width];
        return _stored is not null && _stored.TryRead(slot, pixels) ? pixels : DecodeAgain(_files, slot, Name, Decode, _limit);
    }

    private DecodedImage Decode(byte[] file, Action<long> begins) => ImageDecoder.Decode(file, new(Height, Width), Channels, begins, _preparation);

    /// <summary>Takes the images from the cache, or decodes them and puts them there. Of images that are too many for it, it has what is known of each, so that they need not be decoded to see which are readable.</summary>
    private (ImageRecord[] Records, StoredImageFile? Stored, string? Remark) Load(bool keep, SourceOptions options, long mostCached)
    {
        if (options.CacheFolder is not { } cache) return (DecodeAll((index, pixels) => Keep(index, pixels, keep), options), null, null);
        int imageBytes = Channels * Height * Width;
        string? tooLarge = ImageCache.TooLarge((long)_files.Count * imageBytes, mostCached);
        bool storesPixels = tooLarge is null;
        int storedBytes = storesPixels ? imageBytes : 0;
        string path = ImageCache.FileOf(cache, _files, new(Height, Width), Channels, _preparation);
        if (StoredImageFile.TryOpen(path, _files.Count, storedBytes) is { } stored && (!keep || (storesPixels && stored.TryReadAll((index, pixels) => Keep(index, pixels, keep)))))
        {
            ImageCache.Touch(path);
            return (stored.Records, storesPixels ? stored : null, Remark(tooLarge));
        }
        var records = ImageCache.Fill(path, _files.Count, storedBytes, write => DecodeAll((index, pixels) =>
        {
            Keep(index, pixels, keep);
            if (storesPixels) write(index, pixels);
        }, options), out string? failure);
        return (records, storesPixels && failure is null ? StoredImageFile.TryOpen(path, _files.Count, imageBytes) : null, Remark(failure ?? tooLarge));
    }

    private static string? Remark(string? problem) => problem is null ? null : $"the images are not kept in the cache: {problem}";

    private void Keep(int index, byte[] pixels, bool keep)
    {
        if (keep) _kept[index] = pixels;
    }

    private ImageRecord[] DecodeAll(Action<int, byte[]> keep, SourceOptions options) => DecodeAll(_files, Decode, keep, options, _limit);

    private long[] Counts()
    {
        var counts = new long[ClassNames.Count];
        foreach (int slot in _slots) counts[_files.LabelOf(slot)]++;
        return counts;
    }

    private void CheckClasses(ImageRecord[] records)
    {
        for (int i = 0; i < _files.Count; i++)
        {
            int label = _files.LabelOf(i);
            if (ClassCounts[label] > 0) continue;
            throw new DataException($"{_files.Place}: none of the pictures of class '{ClassNames[label]}' is readable; the first, {_files.PathOf(i)}: {records[i].Reason}; --allow-empty-classes takes the class all the same");
        }
    }

    /// <summary>What the pictures were.</summary>
    internal static Originals Summary(ImageRecord[] records, Func<ImageRecord, bool> isScaledUp)
    {
        var read = records.Where(record => record.Reason is null).ToArray();
        var (smallest, largest) = (read.MinBy(record => Math.Min(record.Width, record.Height))!, read.MaxBy(record => (long)record.Width * record.Height)!);
        return new Originals(
            (smallest.Width, smallest.Height), (largest.Width, largest.Height),
            read.Count(isScaledUp), read.Count(record => record.IsTurned));
    }
}

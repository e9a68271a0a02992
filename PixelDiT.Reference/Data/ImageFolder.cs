using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Picture files, a subfolder a class (<see cref="FolderListing"/>). Every file is decoded once when the source opens, so that what is skipped is known before training
/// and does not depend on the order of reading. What was decoded is kept while all of it fits into <see cref="MostKept"/>; otherwise an image is read from the cache,
/// and where there is none, decoded at every read.
/// </summary>
internal sealed class ImageFolder : IImageSource
{
    /// <summary>The memory that decoded images may take, in bytes: 2 GiB, ten thousand colour images at 256², 170 thousand at 64².</summary>
    public const long MostKept = 1L << 31;

    private readonly FolderFile[] _files;
    private readonly int[] _slots;
    private readonly byte[]?[] _kept;
    private readonly StoredImageFile? _stored;
    private readonly TimeSpan _limit;

    /// <summary>Finds and decodes the images below a folder.</summary>
    /// <param name="folder">The folder that holds a subfolder for each class.</param>
    /// <param name="size">The size of an image, in pixels.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="name">What the user called the source; otherwise "folder:" and the folder.</param>
    /// <param name="options">How it is opened.</param>
    /// <param name="mostKept">The memory that decoded images may take, in bytes.</param>
    /// <param name="limit">What decoding a file may take; only one that hangs takes so long.</param>
    /// <exception cref="DataException">There is no such folder, it or a class of it has no picture, no picture in it is readable, or decoding one hangs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ImageFolder(string folder, ImageSize size, int channels, string? name = null, SourceOptions? options = null, long mostKept = MostKept, TimeSpan? limit = null)
        : this(FolderListing.Read(folder, options?.AllowEmptyClasses ?? false, options?.Cancel ?? default), folder, size, channels, name ?? $"folder:{folder}", options ?? new SourceOptions(), mostKept, limit)
    {
    }

    /// <summary>Decodes the images of a listing.</summary>
    /// <inheritdoc cref="ImageFolder(string, ImageSize, int, string?, SourceOptions?, long, TimeSpan?)"/>
    /// <param name="listing">The files; at least one.</param>
    /// <param name="folder">The folder that they are of.</param>
    /// <param name="size">The size of an image, in pixels.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="name">What the user called the source.</param>
    /// <param name="options">How it is opened.</param>
    /// <param name="mostKept">The memory that decoded images may take, in bytes.</param>
    /// <param name="limit">What decoding a file may take.</param>
    public ImageFolder(FolderListing listing, string folder, ImageSize size, int channels, string name, SourceOptions options, long mostKept = MostKept, TimeSpan? limit = null)
    {
        (Name, Channels, Height, Width) = (name, channels, size.Height, size.Width);
        _limit = limit ?? DecodingThreads.Limit;
        (ClassNames, _files) = (listing.ClassNames, [.. listing.Files]);

        long imageBytes = channels * size.Area;
        _kept = new byte[]?[_files.Length];
        bool keep = _files.Length * imageBytes <= mostKept;
        var (records, stored, remark) = Load(folder, listing, keep, options);
        _stored = keep ? null : stored;

        _slots = [.. Enumerable.Range(0, _files.Length).Where(i => records[i].Reason is null)];
        var skipped = Enumerable.Range(0, _files.Length).Where(i => records[i].Reason is not null).Select(i => new SkippedImage(_files[i].Path, records[i].Reason!)).ToArray();
        if (_slots.Length == 0) throw new DataException($"{folder}: none of {_files.Length} images is readable; the first, {skipped[0].Path}: {skipped[0].Reason}");
        ClassCounts = Counts();
        if (!options.AllowEmptyClasses) CheckClasses(folder, records);
        Skipped = [.. skipped, .. listing.LeftOut];
        Remarks = [.. ((string?[])[listing.Remark, remark]).OfType<string>()];
        Originals = Summary(records, record => record.Width < size.Width || record.Height < size.Height);
        ListingHash = Hash();
    }

    public string Name { get; }

    public int Classes => ClassNames.Count;

    public IReadOnlyList<string> ClassNames { get; }

    public IReadOnlyList<long> ClassCounts { get; }

    public string ListingHash { get; }

    public long Count => _slots.Length;

    public int Channels { get; }

    public int Height { get; }

    public int Width { get; }

    public IReadOnlyList<SkippedImage> Skipped { get; }

    public IReadOnlyList<string> Remarks { get; }

    public Originals? Originals { get; }

    public int Label(long index)
    {
        this.CheckIndex(index);
        return _files[_slots[index]].Label;
    }

    public int Read(long index, Span<float> image)
    {
        this.CheckRead(index, image);
        int slot = _slots[index];
        PixelScale.ToValues(_kept[slot] ?? ReadAgain(slot), image);
        return _files[slot].Label;
    }

    /// <summary>The file of an image.</summary>
    public FolderFile FileOf(long index) => _files[_slots[index]];

    /// <summary>Decodes files, many at a time.</summary>
    /// <param name="files">The files.</param>
    /// <param name="decode">Makes an image of a file's content; to be told how many pixels it has when that begins.</param>
    /// <param name="keep">Is given each image, from any thread.</param>
    /// <param name="options">Progress and cancellation.</param>
    /// <param name="limit">What decoding a file may take.</param>
    /// <returns>What is to be known of each file; the reason of those that cannot be decoded.</returns>
    /// <exception cref="DataException">Decoding a file hangs, or there is no memory for it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal static ImageRecord[] DecodeAll(FolderFile[] files, Func<byte[], Action<long>, DecodedImage> decode, Action<int, byte[]> keep, SourceOptions options, TimeSpan limit)
    {
        var records = new ImageRecord[files.Length];
        DecodingThreads.Run(files.Length, i => files[i].Path, (i, begins) =>
        {
            byte[]? content = null;
            try
            {
                content = FileStart.ReadAll(files[i].Path);
                var image = decode(content, begins);
                records[i] = new ImageRecord(null, image.Width, image.Height, image.IsTurned, Crc32.Append(0, image.Pixels));
                keep(i, image.Pixels);
            }
            catch (OutOfMemoryException error)
            {
                // It ends the run, since what is left out must not depend on the machine.
                throw new DataException($"{files[i].Path}: there is not enough memory to decode it; make it smaller, or take it out of the data", error);
            }
            catch (DataException error)
            {
                records[i] = new ImageRecord(error.Message, 0, 0, false, 0) { IsUnread = content is null && files[i].Length > 0 };
            }
        }, options.Progress, limit, options.Cancel);
        return records;
    }

    /// <summary>Decodes a file that was decoded before.</summary>
    /// <exception cref="DataException">It no longer can be.</exception>
    internal static byte[] DecodeAgain(string path, string source, Func<byte[], Action<long>, DecodedImage> decode, TimeSpan limit)
    {
        byte[]? pixels = null;
        try
        {
            DecodingThreads.Run(1, _ => path, (_, begins) => pixels = decode(FileStart.ReadAll(path), begins).Pixels, limit: limit);
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
        return _stored is not null && _stored.TryRead(slot, pixels) ? pixels : DecodeAgain(_files[slot].Path, Name, Decode, _limit);
    }

    private DecodedImage Decode(byte[] file, Action<long> begins) => ImageDecoder.Decode(file, new(Height, Width), Channels, begins);

    /// <summary>Takes the images from the cache, or decodes them and puts them there.</summary>
    private (ImageRecord[] Records, StoredImageFile? Stored, string? Remark) Load(string folder, FolderListing listing, bool keep, SourceOptions options)
    {
        int imageBytes = Channels * Height * Width;
        if (options.CacheFolder is not { } cache) return (DecodeAll((index, pixels) => Keep(index, pixels, keep), options), null, null);
        if (ImageCache.TooLarge((long)_files.Length * imageBytes) is { } tooLarge)
        {
            return (DecodeAll((index, pixels) => Keep(index, pixels, keep), options), null, $"the images are not kept in the cache: {tooLarge}");
        }
        string path = ImageCache.FileOf(cache, folder, listing, new(Height, Width), Channels);
        if (StoredImageFile.TryOpen(path, _files.Length, imageBytes) is { } stored && (!keep || KeepAll(stored, imageBytes)))
        {
            ImageCache.Touch(path);
            return (stored.Records, stored, null);
        }
        var records = ImageCache.Fill(path, _files.Length, imageBytes, write => DecodeAll((index, pixels) =>
        {
            Keep(index, pixels, keep);
            write(index, pixels);
        }, options), out string? failure);
        return (records, failure is null ? StoredImageFile.TryOpen(path, _files.Length, imageBytes) : null, failure is null ? null : $"the images are not kept in the cache: {failure}");
    }

    private void Keep(int index, byte[] pixels, bool keep)
    {
        if (keep) _kept[index] = pixels;
    }

    private bool KeepAll(StoredImageFile stored, int imageBytes)
    {
        for (int i = 0; i < _files.Length; i++)
        {
            if (stored.Records[i].Reason is not null) continue;
            _kept[i] = new byte[imageBytes];
            if (!stored.TryRead(i, _kept[i])) return false;
        }
        return true;
    }

    private ImageRecord[] DecodeAll(Action<int, byte[]> keep, SourceOptions options) => DecodeAll(_files, Decode, keep, options, _limit);

    private long[] Counts()
    {
        var counts = new long[ClassNames.Count];
        foreach (int slot in _slots) counts[_files[slot].Label]++;
        return counts;
    }

    private void CheckClasses(string folder, ImageRecord[] records)
    {
        for (int i = 0; i < _files.Length; i++)
        {
            var (path, label) = (_files[i].Path, _files[i].Label);
            if (ClassCounts[label] > 0) continue;
            throw new DataException($"{folder}: none of the pictures of class '{ClassNames[label]}' is readable; the first, {path}: {records[i].Reason}; --allow-empty-classes takes the class all the same");
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

    private string Hash()
    {
        using var hash = new ListingHash();
        hash.Add("folder").Add(ClassNames);
        foreach (int slot in _slots) hash.Add(_files[slot].Label).Add(_files[slot].Name).Add(_files[slot].Length);
        return hash.ToHex();
    }
}

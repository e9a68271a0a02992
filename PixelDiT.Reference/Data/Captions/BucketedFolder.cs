using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data.Captions;

/// <summary>
/// The pictures of a listing in the sizes of aspect buckets: each in the one nearest to its ratio, scaled until it covers it and cut out of the middle as the text trainer does. All are decoded once at the beginning; as many
/// as fit into memory are kept, the others decoded at every read.
/// </summary>
internal sealed class BucketedFolder
{
    private readonly FolderListing _files;
    private readonly AspectBuckets _buckets;
    private readonly int _channels;
    private readonly string _name;
    private readonly Background _background;
    private readonly byte[]?[] _kept;
    private readonly int[] _slots, _bucketOf;

    /// <summary>Decodes all pictures.</summary>
    /// <param name="listing">The files; at least one.</param>
    /// <param name="folder">Where they lie.</param>
    /// <param name="buckets">The sizes.</param>
    /// <param name="channels">3 or 1.</param>
    /// <param name="name">What the user called the source.</param>
    /// <param name="options">Progress and cancellation.</param>
    /// <param name="mostKept">The memory that decoded images may take, in bytes.</param>
    /// <exception cref="DataException">No picture is readable, or decoding one hangs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public BucketedFolder(FolderListing listing, string folder, AspectBuckets buckets, int channels, string name, SourceOptions options, long mostKept = ListedImages.MostKept)
    {
        (_files, _buckets, _channels, _name, _kept) = (listing, buckets, channels, name, new byte[]?[listing.Files.Count]);
        _background = options.Background ?? Background.White;
        long bytes = 0;
        var records = ListedImages.DecodeAll(_files, Decode, (index, pixels) =>
        {
            if (Interlocked.Add(ref bytes, pixels.Length) <= mostKept) _kept[index] = pixels;
        }, options, DecodingThreads.Limit);
        _slots = [.. Enumerable.Range(0, _files.Count).Where(slot => records[slot].Reason is null)];
        Skipped = [.. _files.Files.Zip(records).Where(pair => pair.Second.Reason is not null).Select(pair => new SkippedImage(pair.First.Path, pair.Second.Reason!)), .. listing.LeftOut];
        if (_slots.Length == 0) throw new DataException($"{folder}: none of {_files.Count} images is readable; the first, {Skipped[0].Path}: {Skipped[0].Reason}");
        var numbers = buckets.All.Index().ToDictionary(bucket => bucket.Item, bucket => bucket.Index);
        _bucketOf = [.. records.Select(record => record.Reason is null ? numbers[Bucket(record)] : -1)];
        Originals = ListedImages.Summary(records, record => record.Height < Bucket(record).Height || record.Width < Bucket(record).Width);

        AspectBucket Bucket(ImageRecord record) => buckets.Closest(record.Height, record.Width);
    }

    /// <summary>Images that are readable.</summary>
    public int Count => _slots.Length;

    /// <summary>What is not, and what the listing left out.</summary>
    public IReadOnlyList<SkippedImage> Skipped { get; }

    /// <summary>What the pictures were.</summary>
    public Originals Originals { get; }

    /// <summary>Which of the listing's files an image is.</summary>
    public int SlotOf(long index) => _slots[index];

    /// <summary>The bucket of an image.</summary>
    public int BucketOf(long index) => _bucketOf[_slots[index]];

    /// <summary>An image's bytes, [C, H, W] of its bucket.</summary>
    /// <exception cref="DataException">Its file is no longer readable, or has become another.</exception>
    public byte[] Read(long index)
    {
        int slot = _slots[index];
        if (_kept[slot] is { } kept) return kept;
        var pixels = ListedImages.DecodeAgain(_files, slot, _name, Decode, DecodingThreads.Limit);
        var bucket = _buckets.All[_bucketOf[slot]];
        return pixels.Length == _channels * bucket.Height * bucket.Width ? pixels : throw new DataException($"{_files.PathOf(slot)}: is another picture than when {_name} was opened");
    }

    private DecodedImage Decode(byte[] file, Action<long> begins) => ImageDecoder.DecodeUpright(file, Fit, _background, begins);

    private byte[] Fit(Picture picture)
    {
        var bucket = _buckets.Closest(picture.Height, picture.Width);
        return PixelScale.ToPlanes(PillowCrop.Cover(picture, picture.Height, picture.Width, bucket.Height, bucket.Width), _channels);
    }
}

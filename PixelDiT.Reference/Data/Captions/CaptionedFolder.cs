using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data.Captions;

/// <summary>
/// Picture files with captions (<see cref="CaptionFiles"/>), in a folder and in those below it: of one size as <see cref="ListedImages"/> makes them, or rectangles of aspect buckets (<see cref="BucketedFolder"/>). A picture without
/// a caption is left out.
/// </summary>
internal sealed class CaptionedFolder : ICaptionedSource
{
    private readonly ListedImages? _squares;
    private readonly BucketedFolder? _rectangles;
    private readonly IReadOnlyList<string>[] _captions;

    /// <summary>Finds and decodes the pictures.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="size">The size, where there are no buckets.</param>
    /// <param name="buckets">The sizes; null for one size.</param>
    /// <param name="channels">3 or 1.</param>
    /// <param name="name">What the user called the source.</param>
    /// <param name="options">How it is opened; images in buckets are not kept in the cache.</param>
    /// <exception cref="DataException">There is no such folder, no picture in it is readable or has a caption, a <c>metadata.jsonl</c> is damaged, or decoding a picture hangs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public CaptionedFolder(string folder, ImageSize size, AspectBuckets? buckets, int channels, string name, SourceOptions options)
    {
        (Name, Channels) = (name, channels);
        var listing = FolderListing.ReadDeep(folder, options.Cancel, options.CacheFolder);
        var (files, captions) = (new CaptionFiles(folder), new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal));
        var (pictures, remarks) = (listing.Files.Count, new List<string>());
        listing.LeaveOut(file =>
        {
            options.Cancel.ThrowIfCancellationRequested();
            var (found, reason) = files.Of(file.Name);
            if (found is not null) captions[file.Name] = found;
            return reason;
        });
        if (listing.Files.Count == 0) throw new DataException($"{folder}: none of {pictures} pictures has a caption; {listing.LeftOut[^pictures].Path}: {listing.LeftOut[^pictures].Reason}");
        remarks.AddRange(files.Remarks(listing.Files.Select(file => file.Name)));

        Func<long, int> slotOf;
        Preparation = new(options.Resize ?? ResizeRule.Area, options.Background ?? Background.White);
        if (buckets is null)
        {
            _squares = new ListedImages(listing, size, channels, name, options, Preparation.Value);
            (Count, Sizes, Skipped, Originals, slotOf) = (_squares.Count, [(size.Height, size.Width)], _squares.Skipped, _squares.Originals, _squares.SlotOf);
            remarks.InsertRange(0, _squares.Remarks);
        }
        else
        {
            _rectangles = new BucketedFolder(listing, folder, buckets, channels, name, options);
            (Count, Sizes, Skipped, Originals, slotOf) = (_rectangles.Count, [.. buckets.All.Select(bucket => (bucket.Height, bucket.Width))], _rectangles.Skipped, _rectangles.Originals, _rectangles.SlotOf);
            if (listing.Remark is { } remark) remarks.Insert(0, remark);
        }
        Remarks = remarks;

        _captions = new IReadOnlyList<string>[Count];
        using var hash = new ListingHash();
        hash.Add("captioned folder");
        for (int i = 0; i < Count; i++)
        {
            var file = listing.Files[slotOf(i)];
            _captions[i] = captions[file.Name];
            hash.Add(file.Name).Add(file.Length).Add(_captions[i]);
        }
        ListingHash = hash.ToHex();
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long Count { get; }

    /// <inheritdoc/>
    public int Channels { get; }

    /// <inheritdoc/>
    public string ListingHash { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(int Height, int Width)> Sizes { get; }

    /// <inheritdoc/>
    public bool InOrder => false;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> Skipped { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks { get; }

    /// <inheritdoc/>
    public Originals? Originals { get; }

    /// <inheritdoc/>
    public Preparation? Preparation { get; }

    /// <inheritdoc/>
    public IEnumerable<string> Captions => _captions.SelectMany(captions => captions).Distinct(StringComparer.Ordinal);

    /// <inheritdoc/>
    public int SizeOf(long index)
    {
        this.CheckIndex(index);
        return _rectangles?.BucketOf(index) ?? 0;
    }

    /// <inheritdoc/>
    public string Read(long index, ulong draw, Span<float> image)
    {
        this.CheckRead(index, image);
        if (_rectangles is null) _squares!.Read(index, image);
        else PixelScale.ToValues(_rectangles.Read(index), image);
        var captions = _captions[index];
        return captions[(int)(CounterHash.Bits(draw, (ulong)index) % (ulong)captions.Count)];
    }
}

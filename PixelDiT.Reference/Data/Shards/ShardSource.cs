using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Shards;

/// <summary>
/// A folder of indexed tar shards as a source: images in the order of the shards, of the size of the first stage or in the buckets of the later ones, with a caption drawn by its score. As in the published trainer an image
/// that cannot be read gives its place to the next one that can, of the same bucket; one that says no size is in no bucket. Shards are opened as they are needed; for buckets, all of them once at the beginning.
/// </summary>
internal sealed class ShardSource : ICaptionedSource, IDisposable
{
    private readonly CaptionedImages _images;
    private readonly AspectBuckets? _buckets;
    private readonly int _resolution;
    // Of each image in a bucket its number in the data set, and its bucket; null where all are of one size.
    private readonly int[]? _indices;
    private readonly byte[]? _bucketOf;

    /// <summary>Opens shards.</summary>
    /// <param name="folder">The folder with their index.</param>
    /// <param name="resolution">H = W, where there are no buckets.</param>
    /// <param name="buckets">The sizes, at most 256; null for one size.</param>
    /// <param name="channels">3 or 1.</param>
    /// <param name="name">What the user called the source.</param>
    /// <param name="options">Progress and cancellation.</param>
    /// <exception cref="FileFormatException">The index or a shard is missing or damaged.</exception>
    /// <exception cref="DataException">No image says its size.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ShardSource(string folder, int resolution, AspectBuckets? buckets, int channels, string name, SourceOptions options)
    {
        (_resolution, _buckets, Channels, Name) = (resolution, buckets, channels, name);
        _images = new CaptionedImages(folder);
        try
        {
            using (var hash = new ListingHash())
            {
                _images.AddTo(hash.Add("shards"));
                ListingHash = hash.ToHex();
            }
            Sizes = buckets is null ? [(resolution, resolution)] : [.. buckets.All.Select(bucket => (bucket.Height, bucket.Width))];
            Count = _images.Count;
            if (buckets is null) return;
            (_indices, _bucketOf) = Sort(buckets, options);
            Count = _indices.Length;
            if (Count == 0) throw new DataException($"{folder}: none of {_images.Count} images says its height and width in its .json; for buckets they must");
        }
        catch
        {
            _images.Dispose();
            throw;
        }
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
    public bool InOrder => true;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> Skipped { get; private set; } = [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks => _images.Remarks;

    /// <inheritdoc/>
    public IEnumerable<string> Captions => Enumerable.Range(0, _images.Count).SelectMany(_images.CaptionTexts).Distinct(StringComparer.Ordinal);

    /// <inheritdoc/>
    public int SizeOf(long index)
    {
        this.CheckIndex(index);
        return _bucketOf is null ? 0 : _bucketOf[index];
    }

    /// <inheritdoc/>
    public string Read(long index, ulong draw, Span<float> image)
    {
        this.CheckRead(index, image);
        // A double's 53 bits.
        double u = (CounterHash.Bits(draw, (ulong)index) >> 11) * (1.0 / (1L << 53));
        var read = _buckets is null
            ? _images.ReadSquareOrNext((int)index, _resolution, u)
            : _images.ReadBucketOrNext(_indices![index], _buckets.All[_bucketOf![index]], _buckets, u);
        PixelScale.ToValues(PixelScale.ToPlanes(read.Picture, Channels), image);
        return read.Caption;
    }

    /// <summary>Closes the shards.</summary>
    public void Dispose() => _images.Dispose();

    private (int[] Indices, byte[] BucketOf) Sort(AspectBuckets buckets, SourceOptions options)
    {
        var (indices, bucketOf, skipped) = (new List<int>(), new List<byte>(), new List<SkippedImage>());
        var numbers = buckets.All.Index().ToDictionary(bucket => bucket.Item, bucket => checked((byte)bucket.Index));
        for (int index = 0; index < _images.Count; index++)
        {
            options.Cancel.ThrowIfCancellationRequested();
            if (_images.Listed(index) is { } said)
            {
                indices.Add(index);
                bucketOf.Add(numbers[buckets.Closest(said.Height, said.Width)]);
            }
            else
            {
                skipped.Add(new SkippedImage(_images.NameOf(index), "its .json says no height and width, so it is in no bucket"));
            }
            options.Progress?.Invoke(index + 1, _images.Count);
        }
        Skipped = skipped;
        return ([.. indices], [.. bucketOf]);
    }
}

using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Evaluating;

/// <summary>The first images of a data source, as training reads them.</summary>
/// <param name="source">The source.</param>
/// <param name="count">How many, at most as many as it has.</param>
public sealed class SourceSet(IImageSource source, long count) : IImageSet
{
    /// <summary>The source.</summary>
    public IImageSource Source => source;

    /// <inheritdoc/>
    public string Name => source.Name;

    /// <inheritdoc/>
    public string Kind => "data source";

    /// <inheritdoc/>
    public long Count { get; } = Math.Min(count, source.Count);

    /// <inheritdoc/>
    public ImageSize? Size => new ImageSize(source.Height, source.Width);

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => source.ClassNames;

    /// <summary>The source's listing and how its pictures are prepared, its size and channels.</summary>
    public string Identity
    {
        get
        {
            using var hash = new ListingHash();
            return hash.Add(Preparation.Identify(source.ListingHash, source.Preparation)).Add(source.Channels).Add(source.Height).Add(source.Width).ToHex();
        }
    }

    /// <inheritdoc/>
    public IEnumerable<SetPicture> Read(CancellationToken cancel)
    {
        float[] image = new float[source.Channels * source.Height * source.Width];
        for (long i = 0; i < Count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            int label = source.Read(i, image);
            yield return new SetPicture(Picture.FromImage(image, source.Channels, source.Height, source.Width), label);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Images with captions, of one size or of a few. Every member may be used from several threads at once; an index and a draw decide image and caption, whatever was read before or by whom.
/// </summary>
public interface ICaptionedSource
{
    /// <summary>What the source was opened as, for messages and logs; for example "shapes" or "folder:pictures".</summary>
    string Name { get; }

    /// <summary>The number of images; indices are 0 … Count − 1. A procedural source has more than any training run will read.</summary>
    long Count { get; }

    /// <summary>C, 3 for red, green, blue and 1 for gray.</summary>
    int Channels { get; }

    /// <summary>
    /// The identity of the data, 64 hexadecimal digits: equal for the same images in the same order with the same captions, however the source was called, wherever it lies and at whatever size it is read. Of pictures and
    /// tars in files names and lengths count, not their content; of captions beside pictures the text.
    /// </summary>
    string ListingHash { get; }

    /// <summary>H and W in pixels: one entry for a source of one size, otherwise the sizes that its images are brought to; a batch has one of them.</summary>
    IReadOnlyList<(int Height, int Width)> Sizes { get; }

    /// <summary>Whether training walks the images in their own order and never shuffles them, as the authors do with tar shards.</summary>
    bool InOrder { get; }

    /// <summary>What could not be read when the source was opened, in a fixed order. Those images have no index.</summary>
    IReadOnlyList<SkippedImage> Skipped { get; }

    /// <summary>What a user should know of the data, a line each: what is left out and was counted only, and the like.</summary>
    IReadOnlyList<string> Remarks => [];

    /// <summary>What the images were before they were scaled; null for a source that draws them or does not look at them beforehand.</summary>
    Originals? Originals => null;

    /// <summary>How pictures become images; null where the kind of source alone says it.</summary>
    Preparation? Preparation => null;

    /// <summary>Every caption that may be drawn, each text once, in a fixed order, so that their embeddings can be computed beforehand. A source may read through all its files for it.</summary>
    /// <exception cref="PixelDiTException">A file can no longer be read.</exception>
    IEnumerable<string> Captions { get; }

    /// <summary>Which of <see cref="Sizes"/> an image has, without reading it.</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <exception cref="DataException">The index is out of range.</exception>
    int SizeOf(long index);

    /// <summary>Writes one image, (v/255 − 0.5)/0.5 of each byte v, so from −1 to 1 (SPEC §4), and chooses a caption.</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <param name="draw">Chooses among the captions of the image; the same number the same one.</param>
    /// <param name="image">[C, H, W], row-major; exactly C·H·W long, of the size that <see cref="SizeOf"/> names.</param>
    /// <returns>The caption; may be empty.</returns>
    /// <exception cref="DataException">The index is out of range, or a file that was readable when the source was opened no longer is.</exception>
    /// <exception cref="ShapeException"><paramref name="image"/> has another length.</exception>
    string Read(long index, ulong draw, Span<float> image);
}

/// <summary>The checks that every captioned source makes.</summary>
internal static class CaptionedSourceChecks
{
    /// <summary>Refuses an index that a source does not have.</summary>
    public static void CheckIndex(this ICaptionedSource source, long index)
    {
        if (index < 0 || index >= source.Count) throw new DataException($"{source.Name}: image {index} was asked for; there are {source.Count}");
    }

    /// <summary>Refuses an index that a source does not have, and a place of another size than the image's.</summary>
    public static void CheckRead(this ICaptionedSource source, long index, Span<float> image)
    {
        var (height, width) = source.Sizes[source.SizeOf(index)];
        int length = source.Channels * height * width;
        if (image.Length != length) throw new ShapeException($"{source.Name}: image {index} has {source.Channels}·{height}·{width} = {length} values; the array given has {image.Length}");
    }
}

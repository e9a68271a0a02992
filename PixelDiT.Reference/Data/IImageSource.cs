using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Labelled square images of one size. Every member may be used from several threads at once, and an index always gives the same image,
/// whatever was read before or by whom.
/// </summary>
public interface IImageSource
{
    /// <summary>What the source was opened as, for messages and logs; for example "shapes" or "idx:mnist".</summary>
    string Name { get; }

    /// <summary>K, the number of classes; labels are 0 … K − 1.</summary>
    int Classes { get; }

    /// <summary>A name for each class, in the order of the labels.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>The images of each class, in the order of the labels. They sum to <see cref="Count"/>.</summary>
    IReadOnlyList<long> ClassCounts { get; }

    /// <summary>
    /// The identity of the data, 64 hexadecimal digits: equal for the same images in the same order under the same classes, however the source was called, wherever
    /// it lies and at whatever size it is read. Of a folder of pictures the names and lengths of the files count, not their content.
    /// </summary>
    string ListingHash { get; }

    /// <summary>The number of images; indices are 0 … Count − 1. A procedural source has more than any training run will read.</summary>
    long Count { get; }

    /// <summary>C, 3 for red, green, blue and 1 for gray.</summary>
    int Channels { get; }

    /// <summary>H, in pixels.</summary>
    int Height { get; }

    /// <summary>W, in pixels; equal to H.</summary>
    int Width { get; }

    /// <summary>What could not be read when the source was opened, in a fixed order. Those images have no index.</summary>
    IReadOnlyList<SkippedImage> Skipped { get; }

    /// <summary>What a user should know of the data, a line each: what is left out and was counted only, classes without images, and the like.</summary>
    IReadOnlyList<string> Remarks => [];

    /// <summary>What the images were before they were scaled; null for a source that draws them.</summary>
    Originals? Originals => null;

    /// <summary>How pictures become images; null where nothing is done to them: they are drawn, or stored at this size.</summary>
    Preparation? Preparation => null;

    /// <summary>The label of an image, without reading it.</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <exception cref="DataException">The index is out of range.</exception>
    int Label(long index);

    /// <summary>Writes one image, (v/255 − 0.5)/0.5 of each byte v, so from −1 to 1 (SPEC §4).</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <param name="image">[C, H, W], row-major; exactly C·H·W long.</param>
    /// <returns>The label of the image.</returns>
    /// <exception cref="DataException">The index is out of range, or a file that was readable when the source was opened no longer is.</exception>
    /// <exception cref="ShapeException"><paramref name="image"/> has another length.</exception>
    int Read(long index, Span<float> image);
}

/// <summary>Something in a source that cannot be trained on.</summary>
/// <param name="Path">The file or folder.</param>
/// <param name="Reason">Why it was left out.</param>
public sealed record SkippedImage(string Path, string Reason);

/// <summary>Which images of a source to open; the two parts share no image.</summary>
public enum ImagePart
{
    /// <summary>The images to train on.</summary>
    Training,

    /// <summary>The images to measure with, never trained on.</summary>
    HeldOut
}

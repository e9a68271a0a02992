using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Measuring;

/// <summary>How far two pictures differ in some of their pixels.</summary>
/// <param name="Pixels">How many pixels were compared; at least 1.</param>
/// <param name="MeanSquaredError">Of values in [0, 1], over pixels and channels.</param>
/// <param name="Similarity">SSIM over the windows wholly within the region (<see cref="StructuralSimilarity"/>); null where none fits.</param>
/// <param name="Largest">The largest difference of a byte, 0 to 255.</param>
public sealed record PictureDifference(long Pixels, double MeanSquaredError, double? Similarity, int Largest)
{
    /// <summary>PSNR in dB, 10·log₁₀(1 / MSE); null for equal pixels, where it is infinite.</summary>
    public double? PeakSignalToNoise => MeanSquaredError == 0 ? null : -10 * Math.Log10(MeanSquaredError);

    /// <summary>Compares two pictures.</summary>
    /// <param name="a">A picture.</param>
    /// <param name="b">One of the same size.</param>
    /// <param name="region">[H, W], the pixels that count; null for all.</param>
    /// <returns>Null where no pixel counts.</returns>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static PictureDifference? Of(Picture a, Picture b, bool[]? region = null) => Of(a, b, [region])[0];

    /// <summary>The same of several regions, together.</summary>
    internal static PictureDifference?[] Of(Picture a, Picture b, IReadOnlyList<bool[]?> regions)
        => [.. regions.Zip(StructuralSimilarity.Of(a, b, regions), (region, similarity) => Of(a, b, region, similarity))];

    private static PictureDifference? Of(Picture a, Picture b, bool[]? region, double? similarity)
    {
        long pixels = 0, squares = 0;
        int largest = 0;
        for (int i = 0; i < a.Width * a.Height; i++)
        {
            if (region is not null && !region[i]) continue;
            pixels++;
            for (int at = i * a.Channels; at < (i + 1) * a.Channels; at++)
            {
                int difference = Math.Abs(a.Pixels[at] - b.Pixels[at]);
                squares += difference * difference;
                largest = Math.Max(largest, difference);
            }
        }
        return pixels == 0 ? null : new(pixels, squares / (255.0 * 255.0 * pixels * a.Channels), similarity, largest);
    }

    internal static void RequireAlike(Picture a, Picture b, bool[]? region)
    {
        if ((a.Width, a.Height, a.Channels) != (b.Width, b.Height, b.Channels))
            throw new ShapeException($"pictures of one size are compared; found {a.Width} × {a.Height} × {a.Channels} and {b.Width} × {b.Height} × {b.Channels}");
        if (region is not null && region.Length != a.Width * a.Height) throw new ShapeException($"a region of {region.Length} pixels was given for pictures of {a.Width} × {a.Height}");
    }
}

using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Measuring;

/// <summary>
/// SSIM (Wang, Bovik, Sheikh and Simoncelli 2004): how alike two pictures are in brightness, contrast and structure, in windows of 11×11 pixels weighted by a Gaussian of standard deviation 1.5.
/// <code>
/// SSIM = (2·μx·μy + C1)·(2·σxy + C2) / ((μx² + μy² + C1)·(σx² + σy² + C2)),  C1 = 0.01², C2 = 0.03²
/// </code>
/// Values are in [0, 1]; only windows that lie within the picture count, and the mean is taken over windows and channels, as scikit-image does with Gaussian weights and without the sample covariance.
/// </summary>
public static class StructuralSimilarity
{
    /// <summary>The side of a window, in pixels.</summary>
    public const int Window = 11;

    private const double Deviation = 1.5, C1 = 0.01 * 0.01, C2 = 0.03 * 0.03;

    private static readonly double[] s_weights = Weights();

    /// <summary>The mean over the windows that lie wholly within a region.</summary>
    /// <param name="a">A picture.</param>
    /// <param name="b">One of the same size.</param>
    /// <param name="region">[H, W], the pixels that count; null for all.</param>
    /// <returns>−1 to 1, and 1 for equal pictures; null where no window fits.</returns>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public static double? Of(Picture a, Picture b, bool[]? region = null) => Of(a, b, [region])[0];

    /// <summary>The means over several regions, for which windows are filtered once.</summary>
    internal static double?[] Of(Picture a, Picture b, IReadOnlyList<bool[]?> regions)
    {
        foreach (bool[]? region in regions) PictureDifference.RequireAlike(a, b, region);
        int height = a.Height - Window + 1, width = a.Width - Window + 1;
        var means = new double?[regions.Count];
        if (height < 1 || width < 1) return means;
        bool[]?[] within = [.. regions.Select(region => region is null ? null : Within(region, a.Height, a.Width))];
        long[] windows = [.. within.Select(inside => inside?.LongCount(counts => counts) ?? (long)height * width)];
        if (windows.All(count => count == 0)) return means;
        var sums = new double[regions.Count];
        for (int c = 0; c < a.Channels; c++)
        {
            double[] x = Channel(a, c), y = Channel(b, c);
            double[] meanX = Filter(x, a), meanY = Filter(y, a), squareX = Filter(Product(x, x), a), squareY = Filter(Product(y, y), a), both = Filter(Product(x, y), a);
            for (int i = 0; i < meanX.Length; i++)
            {
                double varianceX = squareX[i] - (meanX[i] * meanX[i]), varianceY = squareY[i] - (meanY[i] * meanY[i]), covariance = both[i] - (meanX[i] * meanY[i]);
                double alike = ((2 * meanX[i] * meanY[i]) + C1) * ((2 * covariance) + C2) / (((meanX[i] * meanX[i]) + (meanY[i] * meanY[i]) + C1) * (varianceX + varianceY + C2));
                for (int region = 0; region < sums.Length; region++)
                {
                    if (within[region]?[i] ?? true) sums[region] += alike;
                }
            }
        }
        for (int region = 0; region < sums.Length; region++) means[region] = windows[region] == 0 ? null : sums[region] / (windows[region] * a.Channels);
        return means;
    }

    private static double[] Weights()
    {
        double[] weights = [.. Enumerable.Range(-Window / 2, Window).Select(at => Math.Exp(-(double)(at * at) / (2 * Deviation * Deviation)))];
        double sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }

    private static double[] Channel(Picture picture, int c)
    {
        var values = new double[picture.Width * picture.Height];
        for (int i = 0; i < values.Length; i++) values[i] = picture.Pixels[(i * picture.Channels) + c] / 255.0;
        return values;
    }

    private static double[] Product(double[] a, double[] b)
    {
        var product = new double[a.Length];
        for (int i = 0; i < a.Length; i++) product[i] = a[i] * b[i];
        return product;
    }

    /// <summary>The weighted mean of every window, [H − 10, W − 10], along rows and then along columns.</summary>
    private static double[] Filter(double[] plane, Picture size)
    {
        int width = size.Width - Window + 1, height = size.Height - Window + 1;
        double[] lines = new double[size.Height * width], means = new double[height * width];
        for (int y = 0; y < size.Height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                double sum = 0;
                for (int k = 0; k < Window; k++) sum += s_weights[k] * plane[(y * size.Width) + x + k];
                lines[(y * width) + x] = sum;
            }
        }
        for (int y = 0; y < height; y++)
        {
            for (int k = 0; k < Window; k++)
            {
                for (int x = 0; x < width; x++) means[(y * width) + x] += s_weights[k] * lines[((y + k) * width) + x];
            }
        }
        return means;
    }

    /// <summary>Which windows lie wholly within a region, by sums over rectangles.</summary>
    private static bool[] Within(bool[] region, int height, int width)
    {
        var sums = new int[(height + 1) * (width + 1)];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int at = ((y + 1) * (width + 1)) + x + 1;
                sums[at] = (region[(y * width) + x] ? 1 : 0) + sums[at - 1] + sums[at - width - 1] - sums[at - width - 2];
            }
        }
        int across = width - Window + 1;
        var within = new bool[(height - Window + 1) * across];
        for (int i = 0; i < within.Length; i++)
        {
            int top = i / across, left = i % across, below = (top + Window) * (width + 1);
            within[i] = sums[below + left + Window] - sums[below + left] - sums[(top * (width + 1)) + left + Window] + sums[(top * (width + 1)) + left] == Window * Window;
        }
        return within;
    }
}

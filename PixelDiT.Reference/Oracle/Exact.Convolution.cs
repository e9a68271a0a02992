using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations.Convolutions;

namespace PixelDiT.Reference.Oracle;

/// <content>What networks over images compute and PixelDiT does not: convolutions and poolings of images [B, H, W, C].</content>
public static partial class Exact
{
    /// <summary>max(0, x), element by element.</summary>
    public static double[] Relu(double[] x) => Map(x.Length, i => Math.Max(0, x[i]));

    /// <summary>What the window of every output pixel sees: rows of [h, w, C], 0 in the padding.</summary>
    /// <param name="x">[B, height, width, channels]</param>
    /// <param name="height">H</param>
    /// <param name="width">W</param>
    /// <param name="channels">C</param>
    /// <param name="window">h, w, stride and padding</param>
    /// <returns>[B·H′·W′, h·w·C]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] ConvolutionPatches(double[] x, int height, int width, int channels, Window window)
        => [.. Places(x, height, width, channels, window).SelectMany(place => Enumerable.Range(0, window.Area * channels)
            .Select(k => At(x, height, width, channels, place.Image, place.Y + (k / channels / window.Width), place.X + (k / channels % window.Width), k % channels) ?? 0))];

    /// <summary>max(0, b_k + Σ weight · x) at every place of the window.</summary>
    /// <param name="x">[B, height, width, channels]</param>
    /// <param name="weight">[K, h, w, C]</param>
    /// <param name="bias">[K]</param>
    /// <param name="height">H</param>
    /// <param name="width">W</param>
    /// <param name="channels">C</param>
    /// <param name="window">h, w, stride and padding</param>
    /// <returns>[B, H′, W′, K]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] Convolution(double[] x, double[] weight, double[] bias, int height, int width, int channels, Window window)
    {
        int size = window.Area * channels;
        Expect(weight, (long)bias.Length * size, "weight");
        return [.. Places(x, height, width, channels, window).SelectMany(place => Enumerable.Range(0, bias.Length).Select(k =>
        {
            double sum = bias[k];
            for (int i = 0; i < size; i++)
            {
                int pixel = i / channels;
                sum += weight[(k * size) + i] * (At(x, height, width, channels, place.Image, place.Y + (pixel / window.Width), place.X + (pixel % window.Width), i % channels) ?? 0);
            }
            return Math.Max(0, sum);
        }))];
    }

    /// <summary>The largest value of each channel in the window.</summary>
    /// <param name="x">[B, height, width, channels]</param>
    /// <param name="height">H</param>
    /// <param name="width">W</param>
    /// <param name="channels">C</param>
    /// <param name="window">h, w, stride and padding</param>
    /// <returns>[B, H′, W′, C]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] MaximumPooling(double[] x, int height, int width, int channels, Window window) => Pool(x, height, width, channels, window, seen => seen.Max());

    /// <summary>The mean of each channel over what of the window lies in the image.</summary>
    /// <inheritdoc cref="MaximumPooling"/>
    public static double[] AveragePooling(double[] x, int height, int width, int channels, Window window) => Pool(x, height, width, channels, window, seen => seen.Average());

    private static double[] Pool(double[] x, int height, int width, int channels, Window window, Func<IEnumerable<double>, double> one)
        => [.. Places(x, height, width, channels, window).SelectMany(place => Enumerable.Range(0, channels).Select(c => one(Enumerable.Range(0, window.Area)
            .Select(k => At(x, height, width, channels, place.Image, place.Y + (k / window.Width), place.X + (k % window.Width), c)).OfType<double>())))];

    /// <summary>The corners of the window, one for each output pixel in row-major order.</summary>
    private static IEnumerable<(int Image, int Y, int X)> Places(double[] x, int height, int width, int channels, Window window)
    {
        int images = Rows(x, height * width * channels, "x");
        int down = ((height + (2 * window.PadY) - window.Height) / window.Stride) + 1, across = ((width + (2 * window.PadX) - window.Width) / window.Stride) + 1;
        return Enumerable.Range(0, images * down * across).Select(k => (k / (down * across), (k / across % down * window.Stride) - window.PadY, (k % across * window.Stride) - window.PadX));
    }

    /// <summary>A channel of a pixel; null in the padding.</summary>
    private static double? At(double[] x, int height, int width, int channels, int image, int row, int column, int c)
        => row >= 0 && row < height && column >= 0 && column < width ? x[(((((image * height) + row) * width) + column) * channels) + c] : null;
}

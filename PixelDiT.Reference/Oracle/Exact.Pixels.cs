using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

public static partial class Exact
{
    /// <summary>Images as patch tokens (SPEC §3.1): tokens row-major, feature c·P + py·p + px (channel-major, as unfold).</summary>
    /// <param name="image">[B, C, H, W]</param>
    /// <param name="channels">C</param>
    /// <param name="height">H, a multiple of p.</param>
    /// <param name="width">W, a multiple of p.</param>
    /// <param name="patch">p</param>
    /// <returns>[B, L, C·P]</returns>
    /// <exception cref="ShapeException">A length does not fit, or p does not divide the image.</exception>
    public static double[] Patchify(double[] image, int channels, int height, int width, int patch)
    {
        double[] y = new double[image.Length];
        foreach (var pixel in Pixels(image, channels, height, width, patch))
            y[(pixel.Token * channels + pixel.Channel) * patch * patch + pixel.Inside] = image[pixel.Source];
        return y;
    }

    /// <summary>Images as pixel tokens regrouped by patch, row-major inside a patch (SPEC §3.5).</summary>
    /// <param name="image">[B, C, H, W]</param>
    /// <param name="channels">C</param>
    /// <param name="height">H, a multiple of p.</param>
    /// <param name="width">W, a multiple of p.</param>
    /// <param name="patch">p</param>
    /// <returns>[B·L·P, C]</returns>
    /// <exception cref="ShapeException">A length does not fit, or p does not divide the image.</exception>
    public static double[] PixelRows(double[] image, int channels, int height, int width, int patch)
    {
        double[] y = new double[image.Length];
        foreach (var pixel in Pixels(image, channels, height, width, patch))
            y[(pixel.Token * patch * patch + pixel.Inside) * channels + pixel.Channel] = image[pixel.Source];
        return y;
    }

    /// <summary>Pixel tokens as images: the inverse of <see cref="PixelRows"/>, and the end of the head (SPEC §3.6).</summary>
    /// <param name="rows">[B·L·P, C]</param>
    /// <param name="channels">C</param>
    /// <param name="height">H, a multiple of p.</param>
    /// <param name="width">W, a multiple of p.</param>
    /// <param name="patch">p</param>
    /// <returns>[B, C, H, W]</returns>
    /// <exception cref="ShapeException">A length does not fit, or p does not divide the image.</exception>
    public static double[] PixelImage(double[] rows, int channels, int height, int width, int patch)
    {
        double[] y = new double[rows.Length];
        foreach (var pixel in Pixels(rows, channels, height, width, patch))
            y[pixel.Source] = rows[(pixel.Token * patch * patch + pixel.Inside) * channels + pixel.Channel];
        return y;
    }

    /// <summary>Rows of pixels, from row-major order over the image to the order of <see cref="PixelRows"/>.</summary>
    /// <param name="rows">[H·W, width]</param>
    /// <param name="width">Values of a row.</param>
    /// <param name="imageHeight">H, a multiple of p.</param>
    /// <param name="imageWidth">W, a multiple of p.</param>
    /// <param name="patch">p</param>
    /// <returns>[L·P, width]</returns>
    /// <exception cref="ShapeException">A length does not fit, or p does not divide the image.</exception>
    public static double[] PatchOrder(double[] rows, int width, int imageHeight, int imageWidth, int patch)
    {
        double[] y = new double[rows.Length];
        foreach (var pixel in Pixels(new double[imageHeight * imageWidth], 1, imageHeight, imageWidth, patch))
            Array.Copy(rows, pixel.Source * width, y, ((pixel.Token * patch * patch) + pixel.Inside) * width, width);
        return y;
    }

    /// <summary>
    /// The fixed 2-D sin-cos embedding of the full image, regrouped by patch (SPEC §3.5): ω_i = 10000^(−i/(d/4)); the first d/2 channels
    /// are [sin(x ω) | cos(x ω)], the last d/2 the same of y, with whole-numbered pixel coordinates.
    /// </summary>
    /// <param name="width">d, a multiple of 4.</param>
    /// <param name="imageHeight">H, a multiple of p.</param>
    /// <param name="imageWidth">W, a multiple of p.</param>
    /// <param name="patch">p</param>
    /// <returns>[L·P, d]</returns>
    /// <exception cref="ShapeException">d is not a multiple of 4, or p does not divide the image.</exception>
    public static double[] PixelPositions(int width, int imageHeight, int imageWidth, int patch)
    {
        if (width < 1 || width % 4 != 0) throw new ShapeException($"the width of a pixel is {width}; a multiple of 4 was expected");
        int quarter = width / 4;
        double[] image = new double[width * imageHeight * imageWidth];      // [d, H, W]
        for (int i = 0; i < quarter; i++)
        {
            double omega = Math.Pow(10000, -(double)i / quarter);
            for (int y = 0; y < imageHeight; y++)
            {
                for (int x = 0; x < imageWidth; x++)
                {
                    image[((0 * quarter + i) * imageHeight + y) * imageWidth + x] = Math.Sin(x * omega);
                    image[((1 * quarter + i) * imageHeight + y) * imageWidth + x] = Math.Cos(x * omega);
                    image[((2 * quarter + i) * imageHeight + y) * imageWidth + x] = Math.Sin(y * omega);
                    image[((3 * quarter + i) * imageHeight + y) * imageWidth + x] = Math.Cos(y * omega);
                }
            }
        }
        return PixelRows(image, width, imageHeight, imageWidth, patch);
    }

    /// <summary>
    /// A value of an image: where it lies in [B, C, H, W], its channel, its patch token counted over the batch, its pixel inside the patch.
    /// </summary>
    private readonly record struct Pixel(int Source, int Channel, int Token, int Inside);

    private static IEnumerable<Pixel> Pixels(double[] values, int channels, int height, int width, int patch)
    {
        if (patch < 1 || height < 1 || width < 1 || height % patch != 0 || width % patch != 0)
            throw new ShapeException($"the image is {height}x{width}; positive multiples of the patch, {patch}, were expected");
        int images = Rows(values, channels * height * width, "image"), source = 0;
        for (int b = 0; b < images; b++)
        {
            for (int c = 0; c < channels; c++)
            {
                for (int y = 0; y < height; y++)
                {
                    for (int x = 0; x < width; x++)
                    {
                        int token = (b * (height / patch) + y / patch) * (width / patch) + x / patch;
                        yield return new Pixel(source++, c, token, y % patch * patch + x % patch);
                    }
                }
            }
        }
    }
}

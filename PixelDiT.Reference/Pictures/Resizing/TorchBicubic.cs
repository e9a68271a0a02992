using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures.Resizing;

/// <summary>
/// PyTorch's bicubic interpolation of float32 planes between pixel centres, without averaging when a picture shrinks: Keys' cubic with a = −0.75 over four places beside
/// src = (i + ½)·in/out − ½, with the border repeated. The representation alignment of the text trainer prepares its teacher's pictures so.
/// </summary>
public static class TorchBicubic
{
    private const float A = -0.75f;
    private const int Taps = 4;

    /// <summary>Scales planes.</summary>
    /// <param name="planes">[N, height, width], float32.</param>
    /// <param name="height">Rows read.</param>
    /// <param name="width">Columns read.</param>
    /// <param name="toHeight">Rows written.</param>
    /// <param name="toWidth">Columns written.</param>
    /// <returns>[N, toHeight, toWidth].</returns>
    /// <exception cref="ShapeException">A size is below 1, or the planes do not fit.</exception>
    public static float[] Apply(ReadOnlySpan<float> planes, int height, int width, int toHeight, int toWidth)
    {
        if (height < 1 || width < 1 || toHeight < 1 || toWidth < 1) throw new ShapeException($"planes were to be scaled from {width} × {height} to {toWidth} × {toHeight}; all must be at least 1");
        long area = (long)height * width;
        if (planes.Length % area != 0) throw new ShapeException($"planes of {width} × {height} have {area} values each; {planes.Length} were given");
        int count = (int)(planes.Length / area);
        var result = new float[checked(count * toHeight * toWidth)];
        var (rows, rowWeights) = Places(height, toHeight);
        var (columns, columnWeights) = Places(width, toWidth);
        for (int n = 0; n < count; n++)
        {
            var plane = planes.Slice((int)(n * area), (int)area);
            for (int y = 0; y < toHeight; y++)
            {
                for (int x = 0; x < toWidth; x++)
                {
                    float sum = 0;
                    for (int r = 0; r < Taps; r++)
                    {
                        var line = plane.Slice(rows[(y * Taps) + r] * width, width);
                        float across = 0;
                        for (int c = 0; c < Taps; c++) across += columnWeights[(x * Taps) + c] * line[columns[(x * Taps) + c]];
                        sum += rowWeights[(y * Taps) + r] * across;
                    }
                    result[(((n * toHeight) + y) * toWidth) + x] = sum;
                }
            }
        }
        return result;
    }

    /// <summary>The four places read for each place written, and their weights.</summary>
    internal static (int[] Places, float[] Weights) Places(int from, int to)
    {
        var places = new int[to * Taps];
        var weights = new float[to * Taps];
        float scale = (float)from / to;
        for (int i = 0; i < to; i++)
        {
            foreach (var (k, (place, weight)) in PlacesAt((scale * (i + 0.5f)) - 0.5f, from).Index()) (places[(i * Taps) + k], weights[(i * Taps) + k]) = (place, weight);
        }
        return (places, weights);
    }

    /// <summary>The four places read for a position, and their weights.</summary>
    /// <param name="source">The position, where 0 is the middle of the first place.</param>
    /// <param name="from">Places that there are; the border is repeated.</param>
    internal static (int Place, float Weight)[] PlacesAt(float source, int from)
    {
        float floor = MathF.Floor(source), t = source - floor;
        float[] weights = [Outer(t + 1), Inner(t), Inner(1 - t), Outer(2 - t)];
        return [.. weights.Select((weight, k) => (Math.Clamp((int)floor + k - 1, 0, from - 1), weight))];
    }

    private static float Inner(float x) => ((((A + 2) * x) - (A + 3)) * x * x) + 1;

    private static float Outer(float x) => (((((A * x) - (5 * A)) * x) + (8 * A)) * x) - (4 * A);
}

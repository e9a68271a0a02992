namespace PixelDiT.Reference.Data.Drawings;

/// <summary>Something that stands out from the ground.</summary>
/// <param name="Coverage">[H, W], the share of each pixel that it covers, judged by how far the pixel has gone from the ground's colour to its own.</param>
/// <param name="Paint">Its colour, red, green and blue from 0 to 1.</param>
/// <param name="OddShare">The share of its covered pixels that are of another colour.</param>
internal sealed record FoundFigure(float[] Coverage, float[] Paint, double OddShare);

/// <summary>Separates what stands out from a gray ground: pixels that differ from the border's colour, where they touch.</summary>
internal sealed class FigureFinder
{
    /// <summary>A pixel stands out that differs by more in some channel, from 0 to 1: more than the ground's slope and slight noise.</summary>
    private const float Standout = 0.2f;

    // A colour other than the figure's own, beside the way from the ground to it.
    private const float Odd = 0.2f;

    // Of the area of the picture; what is smaller is a speck. Four pixels at 32 × 32.
    private const double LeastArea = 4.0 / (32 * 32);

    private readonly float[] _values;
    private readonly int _resolution;
    private readonly float[] _difference;

    /// <summary>Looks at a picture.</summary>
    /// <param name="image">[3, H, W], −1 … 1.</param>
    /// <param name="resolution">H = W.</param>
    public FigureFinder(ReadOnlySpan<float> image, int resolution)
    {
        _resolution = resolution;
        _values = new float[image.Length];
        // What is no number is black.
        for (int i = 0; i < image.Length; i++) _values[i] = float.IsNaN(image[i]) ? 0 : Math.Clamp((image[i] + 1) / 2, 0f, 1f);
        GroundColour = [.. Enumerable.Range(0, 3).Select(channel => Median([.. BorderPixels().Select(pixel => Value(channel, pixel))]))];
        _difference = new float[resolution * resolution];
        for (int pixel = 0; pixel < _difference.Length; pixel++) _difference[pixel] = Enumerable.Range(0, 3).Max(channel => MathF.Abs(Value(channel, pixel) - GroundColour[channel]));
    }

    /// <summary>The median of the border's pixels: red, green and blue from 0 to 1.</summary>
    public float[] GroundColour { get; }

    /// <summary>What stands out, from top to bottom; specks are left out.</summary>
    public IReadOnlyList<FoundFigure> Figures()
    {
        var figures = new List<FoundFigure>();
        var owner = new int[_difference.Length];
        int number = 0;
        for (int pixel = 0; pixel < owner.Length; pixel++)
        {
            if (owner[pixel] != 0 || _difference[pixel] <= Standout) continue;
            var touching = Flood(pixel, ++number, owner);
            if (touching.Count >= LeastArea * owner.Length) figures.Add(Describe(touching));
        }
        return figures;
    }

    private float Value(int channel, int pixel) => _values[channel * _resolution * _resolution + pixel];

    private IEnumerable<int> BorderPixels() => Enumerable.Range(0, _resolution * _resolution).Where(pixel => pixel % _resolution is var x && pixel / _resolution is var y
        && (x == 0 || y == 0 || x == _resolution - 1 || y == _resolution - 1));

    /// <summary>The pixels that stand out and are connected to one, corners included.</summary>
    private List<int> Flood(int start, int number, int[] owner)
    {
        var pixels = new List<int> { start };
        owner[start] = number;
        for (int next = 0; next < pixels.Count; next++)
        {
            int x = pixels[next] % _resolution, y = pixels[next] / _resolution;
            for (int row = Math.Max(0, y - 1); row <= Math.Min(_resolution - 1, y + 1); row++)
            {
                for (int column = Math.Max(0, x - 1); column <= Math.Min(_resolution - 1, x + 1); column++)
                {
                    int pixel = row * _resolution + column;
                    if (owner[pixel] != 0 || _difference[pixel] <= Standout) continue;
                    owner[pixel] = number;
                    pixels.Add(pixel);
                }
            }
        }
        return pixels;
    }

    private FoundFigure Describe(List<int> pixels)
    {
        const double InnerShare = 0.6;
        float[] differences = [.. pixels.Select(pixel => _difference[pixel]).Order()];
        double inner = InnerShare * differences[differences.Length * 9 / 10];
        int[] core = [.. pixels.Where(pixel => _difference[pixel] >= inner)];
        float[] paint = [.. Enumerable.Range(0, 3).Select(channel => Median([.. core.Select(pixel => Value(channel, pixel))]))];

        float[] way = [.. paint.Zip(GroundColour, (to, from) => to - from)];
        float square = way.Sum(step => step * step);
        var coverage = new float[_difference.Length];
        int odd = 0;
        foreach (int pixel in pixels)
        {
            float along = 0;
            for (int channel = 0; channel < 3; channel++) along += (Value(channel, pixel) - GroundColour[channel]) * way[channel] / square;
            coverage[pixel] = Math.Clamp(along, 0f, 1f);
            if (Enumerable.Range(0, 3).Any(channel => MathF.Abs(Value(channel, pixel) - GroundColour[channel] - coverage[pixel] * way[channel]) > Odd)) odd++;
        }
        return new FoundFigure(coverage, paint, (double)odd / pixels.Count);
    }

    private static float Median(float[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }
}

using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures.Resizing;

/// <summary>A part of a picture, in pixels.</summary>
/// <param name="Top">The first row.</param>
/// <param name="Left">The first column.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct PictureWindow(int Top, int Left, int Height, int Width);

/// <summary>
/// Scales pictures of 8 bits to the bytes that Pillow gives. One direction, from n places to m, with scale = n/m, wide = max(scale, 1) and a filter f of reach R·wide:
/// <code>
/// centre = (i + ½)·scale      lo = max(0, ⌊centre − R·wide + ½⌋)      hi = min(n, ⌊centre + R·wide + ½⌋)
/// w_j = f((j − centre + ½)/wide), divided by their sum, as whole multiples of 2⁻²²          y_i = clamp(Σ w_j·x_j rounded, 0, 255)
/// </code>
/// Across first, then down, with 8 bits between; a direction whose size does not change is left out. What shrinks is always averaged over all that it covers.
/// </summary>
public static class PillowResize
{
    private const int FractionBits = 22;

    /// <summary>Scales a picture.</summary>
    /// <param name="picture">Any size.</param>
    /// <param name="height">Rows wanted, at least 1.</param>
    /// <param name="width">Columns wanted, at least 1.</param>
    /// <param name="filter">The filter.</param>
    /// <exception cref="ShapeException">A size is below 1.</exception>
    public static Picture Apply(Picture picture, int height, int width, PillowFilter filter) => Apply(picture, height, width, filter, new PictureWindow(0, 0, height, width));

    /// <summary>Scales a picture and keeps a part: the bytes of scaling it all and cutting the part out, at the cost of the part.</summary>
    /// <param name="picture">Any size.</param>
    /// <param name="height">Rows of the whole scaled picture, at least 1.</param>
    /// <param name="width">Its columns, at least 1.</param>
    /// <param name="filter">The filter.</param>
    /// <param name="window">What to keep of the scaled picture.</param>
    /// <exception cref="ShapeException">A size is below 1, or the part does not lie in the picture.</exception>
    public static Picture Apply(Picture picture, int height, int width, PillowFilter filter, PictureWindow window)
    {
        if (height < 1 || width < 1) throw new ShapeException($"a picture was to be scaled to {width} × {height} pixels; both must be at least 1");
        if (window.Top < 0 || window.Left < 0 || window.Height < 1 || window.Width < 1 || window.Top > height - window.Height || window.Left > width - window.Width)
            throw new ShapeException($"{window.Width} × {window.Height} pixels from column {window.Left} and row {window.Top} on do not lie in a picture of {width} × {height}");
        int channels = picture.Channels;
        var columns = Weights(picture.Width, width, window.Left, window.Width, filter);
        var rows = Weights(picture.Height, height, window.Top, window.Height, filter);
        // Rows that none of the wanted ones reads are not scaled across.
        int first = rows.Min(row => row.First), end = rows.Max(row => row.First + row.Values.Length);
        var between = new byte[checked((end - first) * window.Width * channels)];
        for (int y = first; y < end; y++)
        {
            Across(picture.Pixels.AsSpan(y * picture.Width * channels, picture.Width * channels), columns, channels, between.AsSpan((y - first) * window.Width * channels, window.Width * channels));
        }
        var pixels = new byte[checked(window.Height * window.Width * channels)];
        Down(between, first, rows, window.Width * channels, pixels);
        return new Picture(window.Width, window.Height, channels, pixels);
    }

    private static void Across(ReadOnlySpan<byte> line, Taps[] columns, int channels, Span<byte> target)
    {
        for (int x = 0; x < columns.Length; x++)
        {
            var (first, values) = columns[x];
            for (int c = 0; c < channels; c++)
            {
                int sum = 1 << (FractionBits - 1);
                for (int k = 0; k < values.Length; k++) sum += values[k] * line[((first + k) * channels) + c];
                target[(x * channels) + c] = Round(sum);
            }
        }
    }

    private static void Down(ReadOnlySpan<byte> between, int firstRow, Taps[] rows, int stride, Span<byte> target)
    {
        var sums = new int[stride];
        for (int y = 0; y < rows.Length; y++)
        {
            var (first, values) = rows[y];
            Array.Fill(sums, 1 << (FractionBits - 1));
            for (int k = 0; k < values.Length; k++)
            {
                var line = between.Slice((first - firstRow + k) * stride, stride);
                int weight = values[k];
                for (int i = 0; i < stride; i++) sums[i] += weight * line[i];
            }
            for (int i = 0; i < stride; i++) target[(y * stride) + i] = Round(sums[i]);
        }
    }

    private static byte Round(int sum) => (byte)Math.Clamp(sum >> FractionBits, 0, 255);

    /// <summary>Where the places [start, start + count) of m are read from, and with which weights.</summary>
    private static Taps[] Weights(int n, int m, int start, int count, PillowFilter filter)
    {
        var taps = new Taps[count];
        double scale = (double)n / m, wide = Math.Max(scale, 1), reach = filter.Reach() * wide, inverse = 1 / wide;
        for (int i = 0; i < count; i++)
        {
            // A weight of one, to the last bit what it is to leave the direction out.
            taps[i] = n == m ? new Taps(start + i, [1 << FractionBits]) : TapsAt((start + i + 0.5) * scale);
        }
        return taps;

        Taps TapsAt(double centre)
        {
            int lo = Math.Max(0, (int)(centre - reach + 0.5)), hi = Math.Min(n, (int)(centre + reach + 0.5));
            var weights = new double[hi - lo];
            double sum = 0;
            for (int j = 0; j < weights.Length; j++) sum += weights[j] = filter.At((j + lo - centre + 0.5) * inverse);
            return new Taps(lo, [.. weights.Select(weight => Fixed(sum != 0 ? weight / sum : weight))]);
        }
    }

    private static int Fixed(double weight) => (int)((weight * (1 << FractionBits)) + (weight < 0 ? -0.5 : 0.5));

    private readonly record struct Taps(int First, int[] Values);
}

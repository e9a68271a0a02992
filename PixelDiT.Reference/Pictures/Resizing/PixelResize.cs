namespace PixelDiT.Reference.Pictures.Resizing;

/// <summary>
/// Scales planes of bytes from one size to another: an axis that shrinks is averaged by area, one that grows is interpolated linearly between
/// pixel centres, with the border repeated. Values are rounded to bytes once, at the end.
/// </summary>
/// <param name="fromHeight">Rows of the plane read.</param>
/// <param name="fromWidth">Columns of the plane read.</param>
/// <param name="toHeight">Rows of the plane written.</param>
/// <param name="toWidth">Columns of the plane written.</param>
internal sealed class PixelResize(int fromHeight, int fromWidth, int toHeight, int toWidth)
{
    private readonly Tap[] _rows = Taps(fromHeight, toHeight), _columns = Taps(fromWidth, toWidth);

    /// <summary>Scales one plane.</summary>
    /// <param name="from">[fromHeight, fromWidth].</param>
    /// <param name="to">[toHeight, toWidth].</param>
    public void Apply(ReadOnlySpan<byte> from, Span<byte> to)
    {
        if ((fromHeight, fromWidth) == (toHeight, toWidth))
        {
            from[..(fromHeight * fromWidth)].CopyTo(to);
            return;
        }
        var line = new float[fromWidth];
        for (int y = 0; y < toHeight; y++)
        {
            Array.Clear(line);
            for (int k = 0; k < _rows[y].Weights.Length; k++)
            {
                float weight = _rows[y].Weights[k];
                var source = from.Slice((_rows[y].First + k) * fromWidth, fromWidth);
                for (int x = 0; x < fromWidth; x++) line[x] += weight * source[x];
            }
            for (int x = 0; x < toWidth; x++)
            {
                float sum = 0;
                for (int k = 0; k < _columns[x].Weights.Length; k++) sum += _columns[x].Weights[k] * line[_columns[x].First + k];
                to[y * toWidth + x] = (byte)Math.Clamp(sum + 0.5f, 0f, 255f);
            }
        }
    }

    /// <summary>For each place written: the first place read, and the weights of it and those after it, which sum to 1.</summary>
    private static Tap[] Taps(int from, int to)
    {
        var taps = new Tap[to];
        double scale = (double)from / to;
        for (int i = 0; i < to; i++)
        {
            if (scale > 1)
            {
                // Output pixel i covers [start, end) of the input; a weight is the share of that which an input pixel holds.
                double start = i * scale, end = start + scale;
                int first = (int)start, last = Math.Min(from, (int)Math.Ceiling(end - 1e-9));
                taps[i] = new(first, [.. Enumerable.Range(first, last - first).Select(j => (float)((Math.Min(j + 1, end) - Math.Max(j, start)) / scale))]);
            }
            else
            {
                double centre = Math.Clamp((i + 0.5) * scale - 0.5, 0, from - 1);
                int first = Math.Min((int)centre, Math.Max(0, from - 2));
                float share = (float)(centre - first);
                taps[i] = from == 1 ? new(0, [1f]) : new(first, [1 - share, share]);
            }
        }
        return taps;
    }

    private readonly record struct Tap(int First, float[] Weights);
}

using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

public static partial class Exact
{
    /// <summary>The end of the position range that a grid of any size is stretched over (SPEC §2, RoPE 2-D).</summary>
    private const double RopeSpan = 16;

    /// <summary>
    /// cos and sin of RoPE 2-D (SPEC §2). Positions x and y are linspace(0, 16, n), ends included; f_i = 10000^(−4i/hd);
    /// pair 2i turns by x·f_i, pair 2i + 1 by y·f_i.
    /// </summary>
    /// <param name="headWidth">hd, a multiple of 4.</param>
    /// <param name="gridHeight">Patch rows, H/p.</param>
    /// <param name="gridWidth">Patch columns, W/p.</param>
    /// <returns>[L, hd/2, 2]: (cos, sin) of each pair of each token</returns>
    /// <exception cref="ShapeException"><paramref name="headWidth"/> is not a multiple of 4, or the grid is empty.</exception>
    public static double[] RopeTable(int headWidth, int gridHeight, int gridWidth)
    {
        if (headWidth < 1 || headWidth % 4 != 0)
            throw new ShapeException($"the width of a head is {headWidth}; a multiple of 4 was expected");
        if (gridHeight < 1 || gridWidth < 1) throw new ShapeException($"the patch grid is {gridHeight}x{gridWidth}; both must be positive");

        int pairs = headWidth / 2;
        double[] table = new double[gridHeight * gridWidth * pairs * 2];
        for (int row = 0; row < gridHeight; row++)
        {
            for (int column = 0; column < gridWidth; column++)
            {
                double x = Linspace(column, gridWidth), y = Linspace(row, gridHeight);
                for (int j = 0; j < pairs; j++)
                {
                    double frequency = Math.Pow(10000, -4.0 * (j / 2) / headWidth);
                    double angle = (j % 2 == 0 ? x : y) * frequency;
                    int at = ((row * gridWidth + column) * pairs + j) * 2;
                    table[at] = Math.Cos(angle);
                    table[at + 1] = Math.Sin(angle);
                }
            }
        }
        return table;

        static double Linspace(int index, int count) => count == 1 ? 0 : RopeSpan * index / (count - 1);
    }

    /// <summary>cos and sin of a text's RoPE (SPEC §6): pair i turns by position·θ^(−2i/hd), positions 0, 1, 2 ….</summary>
    /// <param name="headWidth">hd, even.</param>
    /// <param name="tokens">Tokens of the text.</param>
    /// <param name="theta">θ; null for no rotation at all.</param>
    /// <returns>[n, hd/2, 2]: (cos, sin) of each pair of each token</returns>
    /// <exception cref="ShapeException"><paramref name="headWidth"/> is odd, or there is no token.</exception>
    public static double[] TextRopeTable(int headWidth, int tokens, double? theta)
    {
        if (headWidth < 2 || headWidth % 2 != 0) throw new ShapeException($"the width of a head is {headWidth}; a multiple of 2 was expected");
        if (tokens < 1) throw new ShapeException($"the text has {tokens} tokens; at least one was expected");
        int pairs = headWidth / 2;
        double[] table = new double[tokens * headWidth];
        for (int at = 0; at < tokens * pairs; at++)
        {
            double angle = theta is { } period ? at / pairs * Math.Pow(period, -2.0 * (at % pairs) / headWidth) : 0;
            table[2 * at] = Math.Cos(angle);
            table[(2 * at) + 1] = Math.Sin(angle);
        }
        return table;
    }

    /// <summary>Two sequences of each image, one after the other.</summary>
    /// <param name="first">[B, n, width]</param>
    /// <param name="second">[B, m, width]</param>
    /// <param name="images">B</param>
    /// <returns>[B, n + m, width]</returns>
    /// <exception cref="ShapeException">A length is no multiple of B.</exception>
    public static double[] Join(double[] first, double[] second, int images)
    {
        int n = Values(first), m = Values(second);
        double[] joint = new double[first.Length + second.Length];
        for (int b = 0; b < images; b++)
        {
            Array.Copy(first, b * n, joint, b * (n + m), n);
            Array.Copy(second, b * m, joint, (b * (n + m)) + n, m);
        }
        return joint;

        int Values(double[] sequence) => images > 0 && sequence.Length % images == 0 ? sequence.Length / images : throw new ShapeException($"{sequence.Length} values are no sequences of {images} images");
    }

    /// <summary>The two sequences of each image that <see cref="Join"/> made one of.</summary>
    /// <param name="joint">[B, n + m, width]</param>
    /// <param name="images">B</param>
    /// <param name="values">n · width</param>
    public static (double[] First, double[] Second) Part(double[] joint, int images, long values)
    {
        int whole = joint.Length / images, n = (int)values, m = whole - n;
        double[] first = new double[images * n], second = new double[images * m];
        for (int b = 0; b < images; b++)
        {
            Array.Copy(joint, b * whole, first, b * n, n);
            Array.Copy(joint, (b * whole) + n, second, b * m, m);
        }
        return (first, second);
    }

    /// <summary>One of q, k, v out of their common projection.</summary>
    /// <param name="qkv">[B, L, 3, h, hd]</param>
    /// <param name="part">0 for q, 1 for k, 2 for v.</param>
    /// <param name="width">h · hd</param>
    /// <returns>[B, L, h, hd]</returns>
    /// <exception cref="ShapeException">The length is not a multiple of 3 · width, or there is no such part.</exception>
    public static double[] Part(double[] qkv, int part, int width)
    {
        int rows = Rows(qkv, 3 * width, "qkv");
        if (part is < 0 or > 2) throw new ShapeException($"part {part} was asked of qkv, which has 0, 1 and 2");
        double[] y = new double[rows * width];
        for (int r = 0; r < rows; r++) Array.Copy(qkv, (r * 3 + part) * width, y, r * width, width);
        return y;
    }

    /// <summary>RMSNorm of q or k over hd, then RoPE: each pair (a, b) becomes (a cos − b sin, a sin + b cos) (SPEC §2).</summary>
    /// <param name="qkv">[B, L, 3, h, hd]</param>
    /// <param name="part">0 for q, 1 for k.</param>
    /// <param name="normWeight">[hd]</param>
    /// <param name="ropeTable">[L, hd/2, 2], of <see cref="RopeTable"/></param>
    /// <param name="tokens">L</param>
    /// <param name="heads">h</param>
    /// <param name="headWidth">hd</param>
    /// <returns>[B, L, h, hd]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] NormRotate(double[] qkv, int part, double[] normWeight, double[] ropeTable, int tokens, int heads, int headWidth)
    {
        Rows(qkv, tokens * 3 * heads * headWidth, "qkv");
        Expect(normWeight, headWidth, "normWeight");
        Expect(ropeTable, (long)tokens * headWidth, "ropeTable");

        double[] y = RmsNorm(Part(qkv, part, heads * headWidth), normWeight);
        for (int at = 0; at < y.Length; at += 2)
        {
            int token = at / (heads * headWidth) % tokens, channel = at % headWidth;
            double cos = ropeTable[token * headWidth + channel], sin = ropeTable[token * headWidth + channel + 1];
            (y[at], y[at + 1]) = (y[at] * cos - y[at + 1] * sin, y[at] * sin + y[at + 1] * cos);
        }
        return y;
    }

    /// <summary>softmax(q kᵀ / √hd) v, each image and head on its own (SPEC §2).</summary>
    /// <param name="q">[B, L, h, hd]</param>
    /// <param name="k">[B, L, h, hd]</param>
    /// <param name="v">[B, L, h, hd]</param>
    /// <param name="tokens">L</param>
    /// <param name="heads">h</param>
    /// <param name="headWidth">hd</param>
    /// <returns>[B, L, h, hd]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] Attention(double[] q, double[] k, double[] v, int tokens, int heads, int headWidth)
    {
        int width = heads * headWidth;
        Rows(q, tokens * width, "q");
        Expect(k, q.Length, "k");
        Expect(v, q.Length, "v");

        double[] y = new double[q.Length];
        Parallel.For(0, q.Length / headWidth, row =>
        {
            int head = row % heads, query = row * headWidth, image = query / (tokens * width) * tokens;
            int Key(int token) => (image + token) * width + head * headWidth;

            double[] weights = new double[tokens];
            for (int j = 0; j < tokens; j++)
                weights[j] = Dot(q.AsSpan(query, headWidth), k.AsSpan(Key(j), headWidth)) / Math.Sqrt(headWidth);

            // The largest score is subtracted so that no exponential overflows; the quotient does not change.
            double largest = weights.Max(), sum = 0;
            for (int j = 0; j < tokens; j++) sum += weights[j] = Math.Exp(weights[j] - largest);

            for (int j = 0; j < tokens; j++)
            {
                for (int i = 0; i < headWidth; i++) y[query + i] += weights[j] / sum * v[Key(j) + i];
            }
        });
        return y;
    }
}

using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

/// <content>What the text encoder computes and PixelDiT does not.</content>
public static partial class Exact
{
    /// <summary>scale · table row of each id.</summary>
    /// <param name="table">[V, width]</param>
    /// <param name="ids">[R], each below V</param>
    /// <param name="scale">√C in Gemma.</param>
    /// <param name="width">C</param>
    /// <returns>[R, width]</returns>
    /// <exception cref="ShapeException">A length does not fit, or there is no such row.</exception>
    public static double[] ScaledEmbedding(double[] table, int[] ids, double scale, int width)
    {
        int rows = Rows(table, width, "table");
        foreach (int id in ids)
        {
            if (id < 0 || id >= rows) throw new ShapeException($"id {id} was asked of a table of {rows} rows");
        }
        return Map(ids.Length * width, i => scale * table[(ids[i / width] * width) + (i % width)]);
    }

    /// <summary>x / √(mean x² + ε) · (1 + w) over rows, plus a residual where there is one.</summary>
    /// <param name="x">[R, n]</param>
    /// <param name="weight">[n]</param>
    /// <param name="epsilon">ε</param>
    /// <param name="residual">[R, n], or null</param>
    /// <returns>[R, n]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] ZeroCenteredRmsNorm(double[] x, double[] weight, double epsilon, double[]? residual = null)
    {
        int n = weight.Length, rows = Rows(x, n, "x");
        if (residual is not null) Expect(residual, x.Length, "residual");
        double[] y = new double[x.Length];
        for (int r = 0; r < rows; r++)
        {
            double squares = 0;
            for (int i = 0; i < n; i++) squares += x[(r * n) + i] * x[(r * n) + i];
            double root = Math.Sqrt((squares / n) + epsilon);
            for (int i = 0; i < n; i++) y[(r * n) + i] = (residual is null ? 0 : residual[(r * n) + i]) + (x[(r * n) + i] / root * (1 + weight[i]));
        }
        return y;
    }

    /// <summary>gelu_tanh(gate) ⊙ value, gelu_tanh(z) = z/2 · (1 + tanh(√(2/π)(z + 0.044715 z³))).</summary>
    /// <param name="gate">any shape</param>
    /// <param name="value">the same shape</param>
    /// <returns>the same shape</returns>
    /// <exception cref="ShapeException">The lengths differ.</exception>
    public static double[] GeGlu(double[] gate, double[] value)
    {
        Expect(value, gate.Length, "value");
        return Map(gate.Length, i => gate[i] / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (gate[i] + (0.044715 * gate[i] * gate[i] * gate[i])))) * value[i]);
    }

    /// <summary>RoPE that pairs channel i with i + hd/2: token t's pair turns by t · θ^(−2i/hd).</summary>
    /// <param name="x">[B, L, heads, hd]</param>
    /// <param name="tokens">L</param>
    /// <param name="heads">heads</param>
    /// <param name="headWidth">hd</param>
    /// <param name="theta">θ</param>
    /// <returns>the shape of x</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] RotateHalves(double[] x, int tokens, int heads, int headWidth, double theta)
    {
        Rows(x, tokens * heads * headWidth, "x");
        int half = headWidth / 2;
        return Map(x.Length, at =>
        {
            int channel = at % headWidth, token = at / headWidth / heads % tokens, pair = channel % half;
            double angle = token * Math.Pow(theta, -2.0 * pair / headWidth);
            return channel < half ? (x[at] * Math.Cos(angle)) - (x[at + half] * Math.Sin(angle)) : (x[at] * Math.Cos(angle)) + (x[at - half] * Math.Sin(angle));
        });
    }

    /// <summary>Attention of grouped heads over the keys that a query sees: not later than itself, not masked, within its window. A query that sees none gets 0.</summary>
    /// <param name="q">[B, L, h, hd]</param>
    /// <param name="k">[B, L, kv, hd]</param>
    /// <param name="v">[B, L, kv, hd]</param>
    /// <param name="mask">[B, L], 0 for a key that nobody sees; null for none</param>
    /// <param name="tokens">L</param>
    /// <param name="heads">h</param>
    /// <param name="keyHeads">kv; query head a reads key head ⌊a·kv/h⌋</param>
    /// <param name="headWidth">hd</param>
    /// <param name="scale">What q·k is multiplied by.</param>
    /// <param name="cap">c of c·tanh(s/c), or null</param>
    /// <param name="window">The last keys that a query sees, itself counted; 0 for all</param>
    /// <returns>[B, L, h, hd]</returns>
    /// <exception cref="ShapeException">A length does not fit.</exception>
    public static double[] CausalAttention(double[] q, double[] k, double[] v, int[]? mask, int tokens, int heads, int keyHeads, int headWidth, double scale, double? cap, int window)
    {
        int texts = Rows(q, tokens * heads * headWidth, "q");
        Expect(k, (long)texts * tokens * keyHeads * headWidth, "k");
        Expect(v, k.Length, "v");
        double[] y = new double[q.Length];
        Parallel.For(0, q.Length / headWidth, row =>
        {
            int head = row % heads, token = row / heads % tokens, text = row / heads / tokens, keyHead = head * keyHeads / heads;
            int Key(int j) => (((((text * tokens) + j) * keyHeads) + keyHead) * headWidth);
            int[] seen = [.. Enumerable.Range(0, token + 1).Where(j => (window == 0 || j > token - window) && (mask is null || mask[(text * tokens) + j] != 0))];
            if (seen.Length == 0) return;
            double[] scores = Array.ConvertAll(seen, j =>
            {
                double score = scale * Dot(q.AsSpan(row * headWidth, headWidth), k.AsSpan(Key(j), headWidth));
                return cap is { } c ? c * Math.Tanh(score / c) : score;
            });
            double largest = scores.Max();
            double[] weights = Array.ConvertAll(scores, score => Math.Exp(score - largest));
            double sum = weights.Sum();
            for (int at = 0; at < seen.Length; at++)
            {
                for (int i = 0; i < headWidth; i++) y[(row * headWidth) + i] += weights[at] / sum * v[Key(seen[at]) + i];
            }
        });
        return y;
    }
}

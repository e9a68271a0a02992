namespace PixelDiT.Reference.Explaining;

/// <summary>
/// The weights of attention of a block, softmax(q·kᵀ / √hd), for chosen queries: what a trace's q and k say, which no kernel of this program writes down. A weight w of a row whose largest is m is the byte 255·√(w/m), so that small ones
/// can be seen.
/// </summary>
/// <param name="Stage">The block.</param>
/// <param name="Heads">h.</param>
/// <param name="Words">Keys before those of the picture, which are the text's; 0 without one.</param>
/// <param name="KeysAcross">Keys of the picture across: patches, or without compaction pixels.</param>
/// <param name="KeysDown">The same down.</param>
/// <param name="Queries">The patches whose rows are here, row-major.</param>
/// <param name="Weights">For the condition, and for the null condition: [h, queries, words + keys], keys row-major in the picture.</param>
/// <param name="Largest">The same: [h, queries], each row's largest weight.</param>
public sealed record AttentionRecord(string Stage, int Heads, int Words, int KeysAcross, int KeysDown, IReadOnlyList<int> Queries, IReadOnlyList<byte[]> Weights, IReadOnlyList<float[]> Largest)
{
    /// <summary>A row of weights, which sum to 1.</summary>
    /// <param name="query">q [hd].</param>
    /// <param name="keys">Rows of keys, one after the other, of <paramref name="heads"/> heads each.</param>
    /// <param name="head">The head.</param>
    /// <param name="heads">h.</param>
    /// <param name="weights">[keys] to write.</param>
    internal static void Softmax(ReadOnlySpan<float> query, ReadOnlySpan<float> keys, int head, int heads, Span<double> weights)
    {
        int width = query.Length;
        double largest = double.NegativeInfinity, sum = 0, by = 1 / Math.Sqrt(width);
        for (int j = 0; j < weights.Length; j++)
        {
            var key = keys.Slice(((j * heads) + head) * width, width);
            double score = 0;
            for (int c = 0; c < width; c++) score += (double)query[c] * key[c];
            weights[j] = score * by;
            largest = Math.Max(largest, weights[j]);
        }
        for (int j = 0; j < weights.Length; j++) sum += weights[j] = Math.Exp(weights[j] - largest);
        for (int j = 0; j < weights.Length; j++) weights[j] /= sum;
    }

    /// <summary>Computes the rows of chosen queries.</summary>
    /// <param name="stage">The block.</param>
    /// <param name="layout">Of the picture.</param>
    /// <param name="q">Queries of the picture [2, L, h, hd] or, without compaction, [2, H·W, h, hd].</param>
    /// <param name="k">Keys, likewise.</param>
    /// <param name="textKeys">Keys of the text [2, n, h, hd]; null without one.</param>
    /// <param name="heads">h.</param>
    /// <param name="width">hd.</param>
    /// <param name="stride">Every so many patches across and down have rows.</param>
    internal static AttentionRecord Of(string stage, PixelLayout layout, float[] q, float[] k, float[]? textKeys, int heads, int width, int stride)
    {
        int tokens = q.Length / (2 * heads * width), words = (textKeys?.Length ?? 0) / (2 * heads * width), keys = words + tokens;
        bool isOfPixels = tokens > layout.Tokens;
        int[] queries = [.. from y in Enumerable.Range(0, layout.Down) where y % stride == stride / 2 from x in Enumerable.Range(0, layout.Across) where x % stride == stride / 2 select (y * layout.Across) + x];
        if (queries.Length == 0) queries = [layout.Tokens / 2];
        var weights = new byte[2][];
        var largest = new float[2][];
        for (int image = 0; image < 2; image++)
        {
            float[] all = [.. (textKeys ?? []).AsSpan(image * words * heads * width, words * heads * width), .. k.AsSpan(image * tokens * heads * width, tokens * heads * width)];
            byte[] bytes = weights[image] = new byte[heads * queries.Length * keys];
            float[] most = largest[image] = new float[heads * queries.Length];
            int at = image * tokens;
            Parallel.For(0, heads * queries.Length, row =>
            {
                int head = row / queries.Length, patch = queries[row % queries.Length];
                // Without compaction a patch is asked for by the pixel in its middle.
                int token = isOfPixels ? (patch * layout.PatchPixels) + (layout.Patch / 2 * layout.Patch) + (layout.Patch / 2) : patch;
                double[] found = new double[keys];
                Softmax(q.AsSpan((((at + token) * heads) + head) * width, width), all, head, heads, found);
                double peak = found.Max();
                most[row] = (float)peak;
                for (int j = 0; j < keys; j++)
                {
                    int place = j < words ? j : words + (isOfPixels ? layout.Place(j - words) : j - words);
                    bytes[(row * keys) + place] = (byte)((255 * Math.Sqrt(found[j] / peak)) + 0.5);
                }
            });
        }
        return new(stage, heads, words, isOfPixels ? layout.Width : layout.Across, isOfPixels ? layout.Height : layout.Down, queries, weights, largest);
    }
}

namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>Queries, keys and values of an MM-DiT block over its joint sequence, the text and then the image, [B, n + L, h, hd] each.</summary>
/// <param name="Q">Queries.</param>
/// <param name="K">Keys.</param>
/// <param name="V">Values.</param>
/// <param name="Images">B.</param>
/// <param name="Words">n.</param>
/// <param name="Tokens">L.</param>
/// <param name="Heads">h.</param>
/// <param name="HeadWidth">hd.</param>
internal sealed record JointSequence(double[] Q, double[] K, double[] V, int Images, int Words, int Tokens, int Heads, int HeadWidth)
{
    private int Rows => Words + Tokens;

    private int Width => Heads * HeadWidth;

    /// <summary>From a block's steps in a trace; null where the trace lacks one of them or their sizes do not fit.</summary>
    public static JointSequence? Of(TraceFile trace, TraceGeometry g, int block)
    {
        double[]? Step(string step) => trace.TryRead($"act.patch_blocks.{block}.attn.{step}");
        if (trace.Shape($"act.patch_blocks.{block}.attn.q_x") is not [_, _, var heads, var head] || g.Words == 0) return null;
        if (Step("q_x") is not { } qX || Step("q_y") is not { } qY || Step("k_x") is not { } kX || Step("k_y") is not { } kY || Step("qkv_x") is not { } qkvX || Step("qkv_y") is not { } qkvY) return null;
        long width = (long)heads * head, image = g.Images * g.Tokens * width, text = g.Images * g.Words * width;
        if (qX.Length != image || kX.Length != image || qkvX.Length != 3 * image || qY.Length != text || kY.Length != text || qkvY.Length != 3 * text) return null;
        double[] Joined(double[] words, double[] pixels) => Exact.Join(words, pixels, g.Images);
        return new JointSequence(
            Joined(qY, qX), Joined(kY, kX), Joined(Exact.Part(qkvY, 2, (int)width), Exact.Part(qkvX, 2, (int)width)), g.Images, g.Words, g.Tokens, heads, head);
    }

    /// <summary>The model's attention.</summary>
    public double[] Attend() => Exact.Attention(Q, K, V, Rows, Heads, HeadWidth);

    /// <summary>Attention in which nobody sees the text tokens from <paramref name="lengths"/> of the image on.</summary>
    public double[] Attend(int[] lengths)
    {
        double[] joint = new double[Q.Length];
        Parallel.For(0, Images * Rows, row =>
        {
            int image = row / Rows;
            Prefixes(image, row % Rows, lengths[image]).First().Heads.CopyTo(joint, row * Width);
        });
        return joint;
    }

    /// <summary>
    /// What one query of the joint sequence gets where it sees the first m tokens of the text and the whole image, for each m from <paramref name="from"/> to n: sums that grow by one key at a time.
    /// The array [h, hd] is used again for the next m.
    /// </summary>
    public IEnumerable<(int Length, double[] Heads)> Prefixes(int image, int row, int from = 1)
    {
        int first = image * Rows, query = (first + row) * Width;
        double[] weights = new double[Rows * Heads], sums = new double[Width], totals = new double[Heads], heads = new double[Width];
        for (int h = 0; h < Heads; h++)
        {
            double largest = double.NegativeInfinity;
            for (int key = 0; key < Rows; key++)
            {
                double score = 0;
                for (int i = h * HeadWidth; i < (h + 1) * HeadWidth; i++) score += Q[query + i] * K[((first + key) * Width) + i];
                weights[(key * Heads) + h] = score / Math.Sqrt(HeadWidth);
                if (key >= Words || key < from) largest = Math.Max(largest, weights[(key * Heads) + h]);
            }
            for (int key = 0; key < Rows; key++) weights[(key * Heads) + h] = Math.Exp(weights[(key * Heads) + h] - largest);
        }
        void See(int key)
        {
            for (int i = 0; i < Width; i++) sums[i] += weights[(key * Heads) + (i / HeadWidth)] * V[((first + key) * Width) + i];
            for (int h = 0; h < Heads; h++) totals[h] += weights[(key * Heads) + h];
        }
        for (int key = Words; key < Rows; key++) See(key);
        for (int length = 1; length <= Words; length++)
        {
            See(length - 1);
            if (length < from) continue;
            for (int i = 0; i < Width; i++) heads[i] = sums[i] / totals[i / HeadWidth];
            yield return (length, heads);
        }
    }

    /// <summary>The rows of one stream: y for the text, x for the image.</summary>
    public double[] Stream(double[] joint, string stream)
    {
        var (text, image) = Exact.Part(joint, Images, (long)Words * Width);
        return stream == "y" ? text : image;
    }

    /// <summary>Rows [B, n + L, ·] put as [image, text] where they were [text, image], or the other way round.</summary>
    /// <param name="joint">The rows.</param>
    /// <param name="first">Rows of an image that stand first, and will stand last.</param>
    public double[] Exchanged(double[] joint, int first)
    {
        var (front, back) = Exact.Part(joint, Images, (long)first * Width);
        return Exact.Join(back, front, Images);
    }

    /// <summary>The sequence whose values, not its keys, are in the order [image, text].</summary>
    public JointSequence WithValuesExchanged() => this with { V = Exchanged(V, Words) };
}

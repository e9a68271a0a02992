using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>The first MM-DiT block of the golden text model as a port writes it, with one fault or none.</summary>
internal static class TextPortWithFaults
{
    private const int D = 32, Heads = 4, HeadWidth = 8, Rows = 4, Columns = 3, Tokens = Rows * Columns, Words = 9, Images = 2;

    /// <summary>The trace of a port: inputs and embeddings of the golden one, and its first block with the steps inside computed here.</summary>
    /// <param name="golden">A trace of t2i.</param>
    /// <param name="fault">What is wrong, a word of the code below; anything else for nothing.</param>
    /// <param name="lengths">How many text tokens of each image attention sees; null for all.</param>
    public static MemoryTrace FirstBlock(MemoryTrace golden, string fault, int[]? lengths = null)
    {
        static double[] W(string name) => GoldenTraces.Parameter(name, "t2i");
        double[] t = golden.ReadDoubles("act.t_embedder"), c = fault == "condition" ? t : Exact.Silu(t), positions = W("y_pos_embedding");
        double[] x = golden.ReadDoubles("act.s_embedder"), y = [.. golden.ReadDoubles("act.y_embedder").Select((value, i) => value + (fault == "positions" ? 0 : positions[i % (Words * D)]))];
        var found = new Dictionary<string, double[]> { ["act.y_positions"] = y };
        var image = Project(x, "x", "img", Tokens);
        var text = Project(y, "y", "txt", Words);

        double[] joint = fault == "joined" ? Attend(Order(image.Q, text.Q), Order(image.K, text.K), Order(image.V, text.V), lengths)
            : Attend(Order(text.Q, image.Q), Order(text.K, image.K), fault == "values" ? Order(image.V, text.V) : Order(text.V, image.V), lengths);
        var (outX, outY) = fault == "apart" ? (Slice(joint, 0, Tokens), Slice(joint, Tokens, Words)) : (Slice(joint, Words, Tokens), Slice(joint, 0, Words));
        found["act.patch_blocks.0.attn.out_x"] = outX;
        found["act.patch_blocks.0.attn.out_y"] = outY;
        found["act.patch_blocks.0.x"] = After(x, outX, image.Modulation, "x", Tokens);
        found["act.patch_blocks.0.y"] = After(y, outY, text.Modulation, "y", Words);

        var port = golden.Where(name => name.StartsWith("in.") || name is "act.t_embedder" or "act.y_embedder" or "act.s_embedder" || found.ContainsKey(name));
        return found.Aggregate(port, (trace, entry) => trace.With(entry.Key, _ => entry.Value));

        (double[] Q, double[] K, double[] V, double[] Modulation) Project(double[] stream, string kind, string modality, int tokens)
        {
            double[] modulation = Exact.Linear(c, W($"patch_blocks.0.adaLN_modulation_{modality}.0.weight"), W($"patch_blocks.0.adaLN_modulation_{modality}.0.bias"), D, 6 * D);
            double[] a = Modulated(Exact.RmsNorm(stream, W($"patch_blocks.0.norm_{kind}1.weight")), modulation, 0, 1, tokens);
            double[] qkv = Exact.Linear(a, W($"patch_blocks.0.attn.qkv_{kind}.weight"), null, D, 3 * D);
            double[] q = Exact.RmsNorm(Exact.Part(qkv, 0, D), W($"patch_blocks.0.attn.q_norm_{kind}.weight")), k = Exact.RmsNorm(Exact.Part(qkv, 1, D), W($"patch_blocks.0.attn.k_norm_{kind}.weight"));
            found[$"act.patch_blocks.0.modulation_{kind}"] = modulation;
            found[$"act.patch_blocks.0.attn.q_{kind}"] = Rotated(q, kind == "y", tokens, fault);
            found[$"act.patch_blocks.0.attn.k_{kind}"] = Rotated(k, kind == "y", tokens, fault);
            return (found[$"act.patch_blocks.0.attn.q_{kind}"], found[$"act.patch_blocks.0.attn.k_{kind}"], Exact.Part(qkv, 2, D), modulation);
        }

        double[] After(double[] stream, double[] heads, double[] modulation, string kind, int tokens)
        {
            string block = "patch_blocks.0";
            stream = Gated(stream, Exact.Linear(heads, W($"{block}.attn.proj_{kind}.weight"), W($"{block}.attn.proj_{kind}.bias"), D, D), modulation, 2, tokens);
            double[] m = Modulated(Exact.RmsNorm(stream, W($"{block}.norm_{kind}2.weight")), modulation, 3, 4, tokens);
            int inner = W($"{block}.mlp_{kind}.w1.weight").Length / D;
            double[] gate = Exact.Silu(Exact.Linear(m, W($"{block}.mlp_{kind}.w1.weight"), null, D, inner)), value = Exact.Linear(m, W($"{block}.mlp_{kind}.w3.weight"), null, D, inner);
            return Gated(stream, Exact.Linear([.. gate.Zip(value, (a, b) => a * b)], W($"{block}.mlp_{kind}.w2.weight"), null, inner, D), modulation, 5, tokens);
        }
    }

    private static double Part(double[] modulation, int part, int i, int tokens) => modulation[(i / (tokens * D) * 6 * D) + (part * D) + (i % D)];

    private static double[] Modulated(double[] x, double[] modulation, int shift, int scale, int tokens)
        => [.. x.Select((value, i) => (value * (1 + Part(modulation, scale, i, tokens))) + Part(modulation, shift, i, tokens))];

    private static double[] Gated(double[] x, double[] update, double[] modulation, int gate, int tokens) => [.. x.Select((value, i) => value + (Part(modulation, gate, i, tokens) * update[i]))];

    private static double[] Rotated(double[] x, bool isText, int tokens, string fault)
    {
        double[] y = new double[x.Length];
        for (int i = 0; i < x.Length; i += 2)
        {
            int token = i / D % tokens, pair = i % HeadWidth / 2;
            bool isGrid = !isText || fault == "text-as-image";
            double place = !isGrid ? token : pair % 2 == 0 ? token % Columns * 16.0 / (Columns - 1) : token / Columns * 16.0 / (Rows - 1);
            double angle = place * Math.Pow(10000, isGrid ? -4.0 * (pair / 2) / HeadWidth : -2.0 * pair / HeadWidth);
            if (isText && fault == "text-row") angle = pair % 2 == 0 ? token * 16.0 / (tokens - 1) * Math.Pow(10000, -4.0 * (pair / 2) / HeadWidth) : 0;
            if (!isText && fault == "image-as-text") angle = token * Math.Pow(10000, -2.0 * pair / HeadWidth);
            if (fault == "unrotated" || fault == (isText ? "text-unrotated" : "image-unrotated")) angle = 0;
            if (isText && fault == "text-reversed") angle = -angle;
            (y[i], y[i + 1]) = ((x[i] * Math.Cos(angle)) - (x[i + 1] * Math.Sin(angle)), (x[i] * Math.Sin(angle)) + (x[i + 1] * Math.Cos(angle)));
        }
        return y;
    }

    /// <summary>Rows of each image, those of the first sequence before those of the second.</summary>
    private static double[] Order(double[] first, double[] second)
        => [.. Enumerable.Range(0, Images).SelectMany(b => (double[])[.. first[(b * first.Length / Images)..((b + 1) * first.Length / Images)], .. second[(b * second.Length / Images)..((b + 1) * second.Length / Images)]])];

    private static double[] Slice(double[] joint, int from, int count)
        => [.. Enumerable.Range(0, Images).SelectMany(b => joint.Skip(((b * (Words + Tokens)) + from) * D).Take(count * D))];

    private static double[] Attend(double[] q, double[] k, double[] v, int[]? lengths)
    {
        const int all = Words + Tokens;
        double[] o = new double[q.Length];
        for (int row = 0; row < Images * all * Heads; row++)
        {
            int head = row % Heads, image = row / Heads / all, at = row * HeadWidth;
            int Key(int token) => (((image * all) + token) * D) + (head * HeadWidth);
            int[] seen = [.. Enumerable.Range(0, all).Where(token => lengths is null || token >= Words || token < lengths[image])];
            double[] weights = [.. seen.Select(token => Math.Exp(Enumerable.Range(0, HeadWidth).Sum(i => q[at + i] * k[Key(token) + i]) / Math.Sqrt(HeadWidth)))];
            for (int i = 0; i < HeadWidth; i++) o[at + i] = seen.Select((token, j) => weights[j] * v[Key(token) + i]).Sum() / weights.Sum();
        }
        return o;
    }
}

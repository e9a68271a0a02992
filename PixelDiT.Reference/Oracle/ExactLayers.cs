using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Oracle;

/// <summary>
/// The layers and blocks of both models, composed of <see cref="Exact"/>. A layer asks for its parameters by the names they have inside
/// it, such as "attn.qkv.weight" (SPEC §3, Parameter names); <see cref="Under"/> puts a layer's own name before them.
/// </summary>
internal static class ExactLayers
{
    /// <summary>The parameters of the layer called <paramref name="layer"/>, by the names they have inside it.</summary>
    public static Func<string, double[]> Under(this Func<string, double[]> parameter, string layer) => name => parameter($"{layer}.{name}");

    /// <summary>A Linear with a bias. The bias says how wide the result is.</summary>
    /// <param name="x">[R, inputs]</param>
    /// <param name="parameter">weight [outputs, inputs], bias [outputs]</param>
    /// <param name="inputs">The width of a row of x.</param>
    /// <returns>[R, outputs]</returns>
    public static double[] Linear(double[] x, Func<string, double[]> parameter, int inputs)
    {
        double[] bias = parameter("bias");
        return Exact.Linear(x, parameter("weight"), bias, inputs, bias.Length);
    }

    /// <summary>The timestep embedding, Linear 256→D, SiLU, Linear D→D (SPEC §2).</summary>
    /// <param name="t">[B]</param>
    /// <param name="parameter">mlp.0, mlp.2</param>
    /// <param name="hidden">D</param>
    /// <returns>[B, D]</returns>
    public static double[] TimestepEmbedder(double[] t, Func<string, double[]> parameter, int hidden)
    {
        double[] inner = Linear(Exact.TimestepEmbedding(t), parameter.Under("mlp.0"), Exact.TimestepWidth);             // [B, D]
        return Linear(Exact.Silu(inner), parameter.Under("mlp.2"), hidden);                                             // [B, D]
    }

    /// <summary>Attention over the patch grid: qkv, norms and RoPE, softmax(q kᵀ / √hd) v, projection (SPEC §2).</summary>
    /// <param name="x">[B, L, width]</param>
    /// <param name="parameter">qkv.weight, q_norm.weight, k_norm.weight, proj</param>
    /// <param name="ropeTable">[L, hd/2, 2]</param>
    /// <param name="width">h · hd</param>
    /// <param name="heads">h</param>
    /// <returns>[B, L, width]</returns>
    public static double[] RotaryAttention(double[] x, Func<string, double[]> parameter, double[] ropeTable, int width, int heads)
    {
        int headWidth = width / heads, tokens = ropeTable.Length / headWidth;
        double[] qkv = Exact.Linear(x, parameter("qkv.weight"), null, width, 3 * width);                                // [B, L, 3, h, hd]
        double[] q = Exact.NormRotate(qkv, 0, parameter("q_norm.weight"), ropeTable, tokens, heads, headWidth);         // [B, L, h, hd]
        double[] k = Exact.NormRotate(qkv, 1, parameter("k_norm.weight"), ropeTable, tokens, heads, headWidth);         // [B, L, h, hd]
        double[] v = Exact.Part(qkv, 2, width);                                                                         // [B, L, h, hd]
        return Linear(Exact.Attention(q, k, v, tokens, heads, headWidth), parameter.Under("proj"), width);              // [B, L, width]
    }

    /// <summary>w2( silu(w1 x) ⊙ w3 x ), the feed-forward of the patch level (SPEC §2).</summary>
    /// <param name="x">[R, D]</param>
    /// <param name="parameter">w1.weight, w3.weight [F, D], w2.weight [D, F]</param>
    /// <param name="hidden">D</param>
    /// <returns>[R, D]</returns>
    public static double[] FeedForward(double[] x, Func<string, double[]> parameter, int hidden)
    {
        double[] w1 = parameter("w1.weight");
        int inner = w1.Length / hidden;
        double[] gate = Exact.Linear(x, w1, null, hidden, inner);                                                       // [R, F]
        double[] value = Exact.Linear(x, parameter("w3.weight"), null, hidden, inner);                                  // [R, F]
        return Exact.Linear(Exact.SwiGlu(gate, value), parameter("w2.weight"), null, inner, hidden);                    // [R, D]
    }

    /// <summary>fc2(gelu(fc1 x)), the MLP of the pixel level (SPEC §2).</summary>
    /// <param name="x">[R, d]</param>
    /// <param name="parameter">fc1, fc2</param>
    /// <param name="width">d</param>
    /// <returns>[R, d]</returns>
    public static double[] Mlp(double[] x, Func<string, double[]> parameter, int width)
    {
        double[] inner = Exact.Gelu(Linear(x, parameter.Under("fc1"), width));                                          // [R, 4d]
        return Linear(inner, parameter.Under("fc2"), 4 * width);                                                        // [R, d]
    }

    /// <summary>
    /// A patch block (SPEC §3.3), with (shift₁, scale₁, gate₁, shift₂, scale₂, gate₂) = chunk₆(Linear(c)):
    /// s += gate₁·Attn(modulate(norm1 s, shift₁, scale₁)); s += gate₂·FF(modulate(norm2 s, shift₂, scale₂)).
    /// </summary>
    /// <param name="s">[B, L, D]</param>
    /// <param name="c">[B, D], the condition</param>
    /// <param name="parameter">the names under patch_blocks.i</param>
    /// <param name="ropeTable">[L, hd/2, 2]</param>
    /// <param name="config">D and h</param>
    /// <returns>[B, L, D]</returns>
    public static double[] PatchBlock(double[] s, double[] c, Func<string, double[]> parameter, double[] ropeTable, ModelConfig config)
    {
        int D = config.Hidden, L = s.Length / c.Length;
        double[] modulation = Linear(c, parameter.Under("adaLN_modulation.0"), D);                                      // [B, 6D]

        double[] a = Exact.RmsNorm(s, parameter("norm1.weight"));                                                       // [B, L, D]
        a = Exact.Modulate(a, modulation, shift: 0, scale: 1, chunks: 6, D, L);
        a = RotaryAttention(a, parameter.Under("attn"), ropeTable, D, config.Heads);
        s = Exact.Gate(s, a, modulation, gate: 2, chunks: 6, D, L);

        double[] f = Exact.RmsNorm(s, parameter("norm2.weight"));                                                       // [B, L, D]
        f = Exact.Modulate(f, modulation, shift: 3, scale: 4, chunks: 6, D, L);
        f = FeedForward(f, parameter.Under("mlp"), D);
        return Exact.Gate(s, f, modulation, gate: 5, chunks: 6, D, L);
    }

    /// <summary>
    /// An MM-DiT block (SPEC §6): each stream is modulated, projected, gated and fed forward by weights of its own; they meet in one attention over [text, image].
    /// </summary>
    /// <param name="x">[B, L, D], the image</param>
    /// <param name="y">[B, n, D], the text</param>
    /// <param name="c">[B, D], the condition</param>
    /// <param name="parameter">the names under patch_blocks.i</param>
    /// <param name="grid">[L, hd/2, 2]</param>
    /// <param name="line">[n, hd/2, 2]</param>
    /// <param name="config">D and h</param>
    /// <param name="attend">(q, k, v) [B, n + L, h, hd] → heads of the same shape, in the place of the model's attention; null for that</param>
    /// <returns>[B, L, D] and [B, n, D]</returns>
    public static (double[] X, double[] Y) MmDitBlock(
        double[] x, double[] y, double[] c, Func<string, double[]> parameter, double[] grid, double[] line, ModelConfig config, Func<double[], double[], double[], double[]>? attend = null)
    {
        int D = config.Hidden, h = config.Heads, hd = config.HeadWidth, B = c.Length / D, L = grid.Length / hd, n = line.Length / hd;
        double[] mx = Linear(c, parameter.Under("adaLN_modulation_img.0"), D), my = Linear(c, parameter.Under("adaLN_modulation_txt.0"), D);      // [B, 6D]

        double[] qkvX = Qkv(x, mx, "x", L), qkvY = Qkv(y, my, "y", n);                                                                          // [B, ·, 3, h, hd]
        double[] q = Exact.Join(Turned(qkvY, 0, "q_norm_y", line, n), Turned(qkvX, 0, "q_norm_x", grid, L), B);                                   // [B, n + L, h, hd]
        double[] k = Exact.Join(Turned(qkvY, 1, "k_norm_y", line, n), Turned(qkvX, 1, "k_norm_x", grid, L), B);
        double[] v = Exact.Join(Exact.Part(qkvY, 2, D), Exact.Part(qkvX, 2, D), B);
        var (oY, oX) = Exact.Part(attend?.Invoke(q, k, v) ?? Exact.Attention(q, k, v, n + L, h, hd), B, (long)n * D);
        return (AfterAttention(x, oX, mx, "x", parameter, L, config), AfterAttention(y, oY, my, "y", parameter, n, config));

        double[] Qkv(double[] stream, double[] modulation, string kind, int tokens)
        {
            double[] a = Exact.Modulate(Exact.RmsNorm(stream, parameter($"norm_{kind}1.weight")), modulation, shift: 0, scale: 1, chunks: 6, D, tokens);
            return Exact.Linear(a, parameter($"attn.qkv_{kind}.weight"), null, D, 3 * D);
        }
        double[] Turned(double[] qkv, int part, string norm, double[] table, int tokens) => Exact.NormRotate(qkv, part, parameter($"attn.{norm}.weight"), table, tokens, h, hd);
    }

    /// <summary>What one stream of an MM-DiT block goes through behind the attention.</summary>
    /// <param name="stream">[B, ·, D], x or y before the block</param>
    /// <param name="heads">[B, ·, h, hd], its rows of the attention</param>
    /// <param name="modulation">[B, 6D]</param>
    /// <param name="kind">x for the image, y for the text</param>
    /// <param name="parameter">the names under patch_blocks.i</param>
    /// <param name="tokens">rows of an image in <paramref name="stream"/></param>
    /// <param name="config">D</param>
    /// <returns>[B, ·, D]</returns>
    public static double[] AfterAttention(double[] stream, double[] heads, double[] modulation, string kind, Func<string, double[]> parameter, int tokens, ModelConfig config)
    {
        int D = config.Hidden;
        stream = Exact.Gate(stream, Linear(heads, parameter.Under($"attn.proj_{kind}"), D), modulation, gate: 2, chunks: 6, D, tokens);
        double[] f = Exact.Modulate(Exact.RmsNorm(stream, parameter($"norm_{kind}2.weight")), modulation, shift: 3, scale: 4, chunks: 6, D, tokens);
        return Exact.Gate(stream, FeedForward(f, parameter.Under($"mlp_{kind}"), D), modulation, gate: 5, chunks: 6, D, tokens);
    }

    /// <summary>Every pixel: Linear C→d plus its position (SPEC §3.5).</summary>
    /// <param name="x">[B, C, H, W]</param>
    /// <param name="parameter">proj</param>
    /// <param name="height">H</param>
    /// <param name="width">W</param>
    /// <param name="config">C, d and p</param>
    /// <returns>[B·L, P, d]</returns>
    public static double[] PixelEmbedder(double[] x, Func<string, double[]> parameter, int height, int width, ModelConfig config)
    {
        double[] pixels = Exact.PixelRows(x, config.Channels, height, width, config.Patch);                             // [B·L, P, C]
        double[] u = Linear(pixels, parameter.Under("proj"), config.Channels);                                          // [B·L, P, d]
        double[] positions = Exact.PixelPositions(config.PixelHidden, height, width, config.Patch);                     // [L·P, d]
        for (int i = 0; i < u.Length; i++) u[i] += positions[i % positions.Length];
        return u;
    }

    /// <summary>
    /// A PiT block (SPEC §3.5), in which each patch token gives each of its pixels its own modulation, or with patch-wise AdaLN all of them the same:
    /// u += gate₁·expand(Attn(compress(modulate(norm1 u, shift₁, scale₁)))); u += gate₂·MLP(modulate(norm2 u, shift₂, scale₂)).
    /// </summary>
    /// <param name="u">[B·L, P, d]</param>
    /// <param name="sCond">[B·L, D]</param>
    /// <param name="parameter">the names under pixel_blocks.j</param>
    /// <param name="ropeTable">[L, A/heads/2, 2], without compaction [L·P, A/heads/2, 2]: <see cref="PixelRopeTable"/></param>
    /// <param name="config">D, d, p, A, the heads of the pixel level, its kind, and which of the two variants</param>
    /// <returns>[B·L, P, d]</returns>
    public static double[] PixelBlock(double[] u, double[] sCond, Func<string, double[]> parameter, double[] ropeTable, ModelConfig config)
    {
        int d = config.PixelHidden, shared = config.PixelsPerModulation;
        double[] modulation = Linear(sCond, parameter.Under("adaLN_modulation.0"), config.Hidden);                      // [B·L·P, 6d or 4d], or of B·L rows
        if (config.PostModulation) return PostModulatedPixelBlock(u, modulation, parameter, ropeTable, config);

        double[] a = Exact.RmsNorm(u, parameter("norm1.weight"));                                                       // [B·L, P, d]
        a = Exact.Modulate(a, modulation, shift: 0, scale: 1, chunks: 6, d, rowsPerModulation: shared);
        a = CompactAttention(a, parameter, ropeTable, config);
        u = Exact.Gate(u, a, modulation, gate: 2, chunks: 6, d, rowsPerModulation: shared);

        double[] m = Exact.RmsNorm(u, parameter("norm2.weight"));                                                       // [B·L, P, d]
        m = Exact.Modulate(m, modulation, shift: 3, scale: 4, chunks: 6, d, rowsPerModulation: shared);
        m = Mlp(m, parameter.Under("mlp"), d);
        return Exact.Gate(u, m, modulation, gate: 5, chunks: 6, d, rowsPerModulation: shared);
    }

    /// <summary>
    /// The post-modulation variant (SPEC §3.5), with (scale₁, shift₁, scale₂, shift₂) = chunk₄(modulation):
    /// u += a·(1 + scale₁) + shift₁ with a = expand(Attn(compress(norm1 u))); u += m·(1 + scale₂) + shift₂ with m = MLP(norm2 u).
    /// </summary>
    private static double[] PostModulatedPixelBlock(
        double[] u, double[] modulation, Func<string, double[]> parameter, double[] ropeTable, ModelConfig config)
    {
        int d = config.PixelHidden, shared = config.PixelsPerModulation;
        double[] a = CompactAttention(Exact.RmsNorm(u, parameter("norm1.weight")), parameter, ropeTable, config);       // [B·L, P, d]
        u = Exact.AddModulated(u, a, modulation, shift: 1, scale: 0, chunks: 4, d, rowsPerModulation: shared);

        double[] m = Mlp(Exact.RmsNorm(u, parameter("norm2.weight")), parameter.Under("mlp"), d);                       // [B·L, P, d]
        return Exact.AddModulated(u, m, modulation, shift: 3, scale: 2, chunks: 4, d, rowsPerModulation: shared);
    }

    /// <summary>
    /// expand(Attn(compress(u))), token compaction (SPEC §1): a patch's P·d values become one token, which attends over L tokens and
    /// becomes P·d values again. Without compaction each pixel is a token.
    /// </summary>
    private static double[] CompactAttention(double[] u, Func<string, double[]> parameter, double[] ropeTable, ModelConfig config)
    {
        int A = config.PixelAttentionWidth;
        double[] tokens = Linear(u, parameter.Under("compress_to_attn"), config.AttentionTokenValues);                   // [B, L, A]
        tokens = RotaryAttention(tokens, parameter.Under("attn"), ropeTable, A, config.PixelAttentionHeads);            // [B, L, A]
        return Linear(tokens, parameter.Under("expand_from_attn"), A);                                                  // [B·L, P·d]
    }

    /// <summary>The rotation of the pixel level's attention: on the patch grid, or without compaction on that of pixels, in the order in which they are stored, patch after patch.</summary>
    /// <param name="config">p, A, the heads of the pixel level and its kind</param>
    /// <param name="gridHeight">H/p</param>
    /// <param name="gridWidth">W/p</param>
    /// <param name="table">what makes a table from the width of a head and a grid; null for <see cref="Exact.RopeTable"/></param>
    /// <returns>[L, A/heads/2, 2], or [L·P, A/heads/2, 2]</returns>
    public static double[] PixelRopeTable(ModelConfig config, int gridHeight, int gridWidth, Func<int, int, int, double[]>? table = null)
    {
        int head = config.PixelAttentionWidth / config.PixelAttentionHeads, p = config.Patch, height = gridHeight * p, width = gridWidth * p;
        table ??= Exact.RopeTable;
        return config.PixelLevel == PixelLevelKind.NoCompaction ? Exact.PatchOrder(table(head, height, width), head, height, width, p) : table(head, gridHeight, gridWidth);
    }

    /// <summary>The head of a model without a pixel level, with (shift, scale) = chunk₂(Linear(c)): Linear D→P·C of modulate(norm s, shift, scale).</summary>
    /// <param name="s">[B, L, D]</param>
    /// <param name="c">[B, D], the condition</param>
    /// <param name="parameter">norm.weight, linear, adaLN_modulation.0</param>
    /// <param name="config">D</param>
    /// <returns>[B·L, P, C]</returns>
    public static double[] PatchHead(double[] s, double[] c, Func<string, double[]> parameter, ModelConfig config)
    {
        int D = config.Hidden;
        double[] modulation = Linear(c, parameter.Under("adaLN_modulation.0"), D);                                      // [B, 2D]
        double[] modulated = Exact.Modulate(Exact.RmsNorm(s, parameter("norm.weight")), modulation, shift: 0, scale: 1, chunks: 2, D, s.Length / c.Length);
        return Linear(modulated, parameter.Under("linear"), D);                                                         // [B·L, P, C]
    }

    /// <summary>RMSNorm, then Linear d→C (SPEC §3.6).</summary>
    /// <param name="u">[B·L, P, d]</param>
    /// <param name="parameter">norm.weight, linear</param>
    /// <param name="config">d</param>
    /// <returns>[B·L, P, C]</returns>
    public static double[] FinalLayer(double[] u, Func<string, double[]> parameter, ModelConfig config) =>
        Linear(Exact.RmsNorm(u, parameter("norm.weight")), parameter.Under("linear"), config.PixelHidden);
}

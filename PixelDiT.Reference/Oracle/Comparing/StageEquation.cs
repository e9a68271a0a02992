namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>What a stage or step is computed from, in a line (docs/1-tour.md tells it at length).</summary>
internal static class StageEquation
{
    /// <summary>The equation of a tensor of the forward; null for others.</summary>
    public static string? Of(string tensor) => tensor switch
    {
        "out" => "final_layer's rows put back where their pixels are",
        "loss" => "mean (out − target.v)²",
        "grad_norm" => "√ Σ g² over all gradients of parameters",
        _ when !tensor.StartsWith("act.", StringComparison.Ordinal) => null,
        _ when StageName.Of(tensor) is { } stage => StageName.Block(stage) is var (level, block, step) ? Step(level == "patch_blocks", block, step) : Stage(stage),
        _ => null
    };

    private static string? Stage(string stage) => stage switch
    {
        "t_embedder" => "mlp.2(silu(mlp.0([cos t·g | sin t·g]))), g_i = 10^(−i/128), t as it is, from 0 to 1",
        "y_embedder" => "row y of embedding_table",
        "patch_condition" => "silu(t_emb + y_emb)",
        "s_embedder" => "Linear of patches, features in the order (channel, pixel row, pixel column)",
        "pixel_condition" => "silu(t_emb + s), s the last patch block's output",
        "pixel_embedder" => "Linear C→d of every pixel + the position embedding of the whole image, rows grouped by patch",
        "final_layer.norm" => "RMSNorm over d, ε 1e-6",
        "final_layer" => "Linear d→C of RMSNorm",
        _ => null
    };

    private static string? Step(bool patch, int block, string step) => step switch
    {
        "modulation" => patch ? "Linear of silu(t_emb + y_emb); parts shift1, scale1, gate1, shift2, scale2, gate2"
            : "Linear of silu(t_emb + s); for each pixel its own shift1, scale1, gate1, shift2, scale2, gate2, with post-modulation scale1, shift1, scale2, shift2",
        "norm1" => $"RMSNorm over the last axis, ε 1e-6, of {(block > 0 ? "the block before" : patch ? "s_embedder" : "pixel_embedder")}",
        "modulated1" => "norm1 · (1 + scale1) + shift1",
        "compact" => "compress_to_attn of a patch's P·d values",
        "attn.qkv" => "Linear without bias, viewed as [B, L, 3, h, hd]",
        "attn.q" or "attn.k" => "RMSNorm over hd, then RoPE of pairs 2i (by the column) and 2i + 1 (by the row)",
        "attn.out" => "softmax(q·kᵀ / √hd)·v, each head on its own",
        "attn" => patch ? "proj of attn.out" : "expand_from_attn of proj of attn.out",
        "norm2" => "RMSNorm over the last axis, ε 1e-6, of the block's input + gate1 · attn",
        "modulated2" => "norm2 · (1 + scale2) + shift2",
        "mlp" => patch ? "w2(silu(w1 x) · w3 x)" : "fc2(gelu(fc1 x)), GELU with erf",
        "" => patch ? "x + gate1 · attention, then + gate2 · feed-forward" : "x + gate1 · attention over patches, then + gate2 · MLP; with post-modulation x + a · (1 + scale) + shift",
        _ => null
    };
}

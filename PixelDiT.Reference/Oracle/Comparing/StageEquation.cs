namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>What a stage or step is computed from, in a line (docs/1-tour.md tells it at length).</summary>
internal static class StageEquation
{
    /// <summary>The equation of a tensor of the forward; null for others.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="text">Whether it is of a text-to-image model.</param>
    public static string? Of(string tensor, bool text) => tensor switch
    {
        "out" => $"final_layer's rows put back where their pixels are{(text ? "; it is ε − x, the velocity from data to noise" : "")}",
        "loss" => "mean (out − target.v)²",
        "grad_norm" => "√ Σ g² over all gradients of parameters",
        _ when !tensor.StartsWith("act.", StringComparison.Ordinal) => null,
        _ when StageName.Of(tensor) is { } stage => StageName.Block(stage) is { } at ? Step(at) : Stage(stage, text),
        _ => null
    };

    private static string? Stage(string stage, bool text) => stage switch
    {
        "t_embedder" => $"mlp.2(silu(mlp.0([cos t·g | sin t·g]))), g_i = 10^(−i/128), t {(text ? "the model's time 1000σ, from 0, data, to 1000, noise, not rounded" : "as it is, from 0 to 1")}",
        "y_embedder" => text ? "RMSNorm of proj of the encoder's states, the first tokens of them where there are more than y_pos_embedding has" : "row y of embedding_table",
        "patch_condition" => text ? "silu(t_emb), without any of the text" : "silu(t_emb + y_emb)",
        "y_positions" => "y_embedder + y_pos_embedding, its first rows",
        "s_embedder" => "Linear of patches, features in the order (channel, pixel row, pixel column)",
        "pixel_condition" => $"silu(t_emb + s), s the last patch block's {(text ? "image stream" : "output")}",
        "pixel_embedder" => "Linear C→d of every pixel + the position embedding of the whole image, rows grouped by patch",
        "final_layer.norm" => "RMSNorm over d, ε 1e-6",
        "final_layer" => "Linear d→C of RMSNorm",
        _ => null
    };

    private static string? Step(BlockStep at)
    {
        bool patch = at.Level == "patch_blocks", words = at.Stream == "y";
        string input = at.Block > 0 ? "the block before" : !patch ? "pixel_embedder" : words ? "y_positions" : "s_embedder";
        return at.Step switch
        {
            "modulation" when at.Stream.Length > 0 => $"{(words ? "adaLN_modulation_txt" : "adaLN_modulation_img")}.0, Linear of silu(t_emb); parts shift1, scale1, gate1, shift2, scale2, gate2",
            "modulation" => patch ? "Linear of silu(t_emb + y_emb); parts shift1, scale1, gate1, shift2, scale2, gate2"
                : "Linear of silu(t_emb + s); for each pixel its own shift1, scale1, gate1, shift2, scale2, gate2, with post-modulation scale1, shift1, scale2, shift2",
            "norm1" => $"RMSNorm over the last axis, ε 1e-6, of {input}",
            "modulated1" => "norm1 · (1 + scale1) + shift1",
            "compact" => "compress_to_attn of a patch's P·d values",
            "attn.qkv" => "Linear without bias, viewed as [B, L, 3, h, hd]",
            "attn.q" or "attn.k" when words => "RMSNorm over hd, then RoPE by the token's place 0, 1, 2, …: pair i turns by place · θ^(−2i/hd)",
            "attn.q" or "attn.k" => "RMSNorm over hd, then RoPE of pairs 2i (by the column) and 2i + 1 (by the row)",
            "attn.out" when at.Stream.Length > 0 => $"softmax(q·kᵀ / √hd)·v over the joint sequence [text, image], nothing masked, each head on its own; the rows of the {(words ? "text" : "image")}",
            "attn.out" => "softmax(q·kᵀ / √hd)·v, each head on its own",
            "attn" => patch ? "proj of attn.out" : "expand_from_attn of proj of attn.out",
            "norm2" => "RMSNorm over the last axis, ε 1e-6, of the block's input + gate1 · attn",
            "modulated2" => "norm2 · (1 + scale2) + shift2",
            "mlp" => patch ? "w2(silu(w1 x) · w3 x)" : "fc2(gelu(fc1 x)), GELU with erf",
            "" when at.Stream.Length > 0 => $"{at.Stream} + gate1 · joint attention over [text, image], then + gate2 · feed-forward, by the weights of the {(words ? "text" : "image")}",
            "" => patch ? "x + gate1 · attention, then + gate2 · feed-forward" : "x + gate1 · attention over patches, then + gate2 · MLP; with post-modulation x + a · (1 + scale) + shift",
            _ => null
        };
    }
}

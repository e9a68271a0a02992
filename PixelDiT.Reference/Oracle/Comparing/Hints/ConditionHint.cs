namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>
/// A condition without one of its parts: c = silu(t_emb + y_emb) of patch blocks, silu(t_emb) of MM-DiT blocks, s_cond = silu(t_emb + s) of pixel blocks (SPEC §3.2, §3.4, §6).
/// Seen in the traced condition, or by computing a block or its modulation again.
/// </summary>
internal sealed class ConditionHint : IHint
{
    /// <summary>From x [R, width] and a vector for each image: for patch blocks t_emb and y_emb, for pixel blocks s and t_emb.</summary>
    private static readonly (string PatchFault, string PixelFault, Func<double[], double[], int, int, double[]> Combine)[] s_variants =
    [
        ("leaves y_emb out of the condition of patch blocks: silu(t_emb) in place of silu(t_emb + y_emb)",
            "leaves t_emb out of the condition of pixel blocks: silu(s) in place of silu(t_emb + s)", (x, _, _, _) => Exact.Silu(x)),
        ("leaves t_emb out of the condition of patch blocks: silu(y_emb) in place of silu(t_emb + y_emb)",
            "leaves s out of the condition of pixel blocks: silu(t_emb) in place of silu(t_emb + s)", (x, v, rows, width) => Exact.AddSilu(new double[x.Length], v, rows, width)),
        ("leaves SiLU out of the condition of patch blocks: t_emb + y_emb", "leaves SiLU out of the condition of pixel blocks: t_emb + s", Sum),
        ("takes the SiLU of the parts of the condition of patch blocks: silu(t_emb) + silu(y_emb)", "takes the SiLU of the parts of the condition of pixel blocks: silu(t_emb) + silu(s)",
            (x, v, rows, width) => Sum(Exact.Silu(x), Exact.Silu(v), rows, width))
    ];

    // From t_emb and a vector of zeros.
    private static readonly (string PatchFault, string PixelFault, Func<double[], double[], int, int, double[]> Combine) s_textVariant =
        ("leaves SiLU out of the condition of MM-DiT blocks: t_emb in place of silu(t_emb)", "", Sum);

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (suspect.Activation is not { } stage) return null;
        bool patch = stage.StartsWith("patch_", StringComparison.Ordinal);
        foreach (var variant in patch && suspect.Reference.IsText ? [s_textVariant] : s_variants)
        {
            double[]? hypothesis = stage is "patch_condition" or "pixel_condition" ? Condition(suspect, patch, variant.Combine)
                : suspect.Model?.Compute(suspect, new StageVariant { Condition = variant.Combine });
            if (suspect.Matches(hypothesis)) return patch ? variant.PatchFault : variant.PixelFault;
        }
        return null;
    }

    private static double[]? Condition(Suspect suspect, bool patch, Func<double[], double[], int, int, double[]> combine)
    {
        if (suspect.Reference.TryRead("act.t_embedder") is not { } t || suspect.Geometry is not { } g) return null;
        if (patch && suspect.Reference.IsText) return combine(t, new double[t.Length], 1, t.Length / g.Images);
        string? other = patch ? "act.y_embedder" : suspect.Reference.Names.Where(IsPatchBlock).MaxBy(ExecutionOrder.Of);
        int rows = patch ? 1 : g.Tokens, width = t.Length / g.Images;
        if (other is null || suspect.Reference.TryRead(other) is not { } value || width == 0 || value.Length != (long)g.Images * rows * width || t.Length != g.Images * width) return null;
        return patch ? combine(t, value, rows, width) : combine(value, t, rows, width);
    }

    private static bool IsPatchBlock(string name) => name.StartsWith("act.", StringComparison.Ordinal) && StageName.Of(name) is { } stage && StageName.Block(stage) is { Level: "patch_blocks", Step: "", Stream: "" or "x" };

    private static double[] Sum(double[] x, double[] perImage, int rows, int width) => [.. x.Select((value, i) => value + perImage[(i / width / rows * width) + (i % width)])];
}

namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>Text tokens without their stored positions, <c>y_pos_embedding</c> (SPEC §6). Seen in <c>y_positions</c>, or by computing the first block again.</summary>
internal sealed class TextPositionHint : IHint
{
    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (!suspect.Reference.IsText || suspect.Activation is not { } stage) return null;
        double[]? without = stage == "y_positions" ? suspect.Reference.TryRead("act.y_embedder")
            : StageName.Block(stage) is ("patch_blocks", 0, "" or "norm1") ? suspect.Model?.Compute(suspect, new StageVariant { WithoutTextPositions = true }) : null;
        return suspect.Matches(without) ? "leaves out y_pos_embedding, the positions that are added to text tokens after y_embedder" : null;
    }
}

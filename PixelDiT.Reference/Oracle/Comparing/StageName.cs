namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>Names of stages and of finer steps inside them.</summary>
internal static class StageName
{
    private static readonly string[] s_prefixes = ["grad.act.", "act."];

    /// <summary>The stage or step that a tensor, or its gradient, is of; null for other tensors.</summary>
    public static string? Of(string tensor) => s_prefixes.Where(prefix => tensor.StartsWith(prefix, StringComparison.Ordinal)).Select(prefix => tensor[prefix.Length..]).FirstOrDefault();

    /// <summary>A block's level, number and step: ("patch_blocks", 3, "attn.q"), the step empty for its output; null for what is not in a block.</summary>
    public static (string Level, int Block, string Step)? Block(string stage)
    {
        string[] parts = stage.Split('.', 3);
        return parts.Length > 1 && parts[0] is "patch_blocks" or "pixel_blocks" && int.TryParse(parts[1], out int block) ? (parts[0], block, parts.Length > 2 ? parts[2] : "") : null;
    }
}

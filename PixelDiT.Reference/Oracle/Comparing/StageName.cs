namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>A stage or step of a block.</summary>
/// <param name="Level">patch_blocks or pixel_blocks.</param>
/// <param name="Block">The block's number.</param>
/// <param name="Step">The step as class models call it, such as attn.q for attn.q_x; empty for the block's output.</param>
/// <param name="Stream">In an MM-DiT block x, the image's, or y, the text's; else empty.</param>
internal readonly record struct BlockStep(string Level, int Block, string Step, string Stream)
{
    /// <summary>The parts without the stream.</summary>
    public void Deconstruct(out string level, out int block, out string step) => (level, block, step) = (Level, Block, Step);
}

/// <summary>Names of stages and of finer steps inside them.</summary>
internal static class StageName
{
    private static readonly string[] s_prefixes = ["grad.act.", "act."];

    /// <summary>The stage or step that a tensor, or its gradient, is of; null for other tensors.</summary>
    public static string? Of(string tensor) => s_prefixes.Where(prefix => tensor.StartsWith(prefix, StringComparison.Ordinal)).Select(prefix => tensor[prefix.Length..]).FirstOrDefault();

    /// <summary>What is in a block: <c>patch_blocks.3.attn.q_y</c> is ("patch_blocks", 3, "attn.q", "y"); null for what is not in a block.</summary>
    public static BlockStep? Block(string stage)
    {
        string[] parts = stage.Split('.', 3);
        if (parts.Length < 2 || parts[0] is not ("patch_blocks" or "pixel_blocks") || !int.TryParse(parts[1], out int block)) return null;
        string step = parts.Length > 2 ? parts[2] : "";
        return parts[0] == "patch_blocks" && Stream(step) is var (plain, stream) ? new(parts[0], block, plain, stream) : new(parts[0], block, step, "");
    }

    /// <summary>A step's name apart from its stream: x, attn.q_x, norm_x1.</summary>
    private static (string Step, string Stream)? Stream(string step)
    {
        if (step is "x" or "y") return ("", step);
        int at = step.LastIndexOf('_') + 1;
        return at > 0 && step[at..] is ['x' or 'y'] or ['x' or 'y', '1' or '2'] ? (step[..(at - 1)] + step[(at + 1)..], step[at].ToString()) : null;
    }
}

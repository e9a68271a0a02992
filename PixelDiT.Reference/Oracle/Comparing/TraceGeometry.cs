namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>The sizes that give a trace's indices their meaning.</summary>
/// <param name="Images">B.</param>
/// <param name="Channels">C.</param>
/// <param name="Height">H.</param>
/// <param name="Width">W.</param>
/// <param name="Patch">p.</param>
/// <param name="PixelWidth">d; 0 where the trace does not tell.</param>
/// <param name="HeadWidth">hd of the patch level; 0 where the trace does not tell.</param>
/// <param name="Words">n, the tokens of a text; 0 for a class model and where the trace does not tell.</param>
internal sealed record TraceGeometry(int Images, int Channels, int Height, int Width, int Patch, int PixelWidth, int HeadWidth, int Words)
{
    /// <summary>H/p.</summary>
    public int GridHeight => Height / Patch;

    /// <summary>W/p.</summary>
    public int GridWidth => Width / Patch;

    /// <summary>L.</summary>
    public int Tokens => GridHeight * GridWidth;

    /// <summary>P.</summary>
    public int PatchPixels => Patch * Patch;

    /// <summary>Derives the sizes from names and shapes; null where the trace has no image or nothing that tells the patch.</summary>
    public static TraceGeometry? Of(TraceFile trace)
    {
        int[]? image = ((string[])["in.x", "out", "target.v", "grad.in.x"]).Select(trace.Shape).FirstOrDefault(shape => shape is { Length: 4 });
        if (image is null || image.Any(size => size < 1)) return null;
        var stages = trace.Names.Select(name => (Name: StageName.Of(name)!, Shape: trace.Shape(name)!)).Where(stage => stage.Name is not null && stage.Shape.Length >= 3).ToList();
        int pixels = stages.FirstOrDefault(stage => HasPixelRows(stage.Name, stage.Shape, image)).Shape?[1] ?? 0, tokens = stages.FirstOrDefault(stage => HasTokens(stage.Name)).Shape?[1] ?? 0;
        if (pixels == 0 && tokens > 0) pixels = image[2] * image[3] / tokens;
        int patch = (int)Math.Round(Math.Sqrt(pixels));
        if (patch < 1 || patch * patch != pixels || image[2] % patch != 0 || image[3] % patch != 0) return null;
        int width = stages.FirstOrDefault(stage =>
            HasPixelRows(stage.Name, stage.Shape, image) && stage.Name != "final_layer" && !stage.Name.EndsWith(".modulation", StringComparison.Ordinal)).Shape?[^1] ?? 0;
        int head = stages.FirstOrDefault(stage => StageName.Block(stage.Name) is ("patch_blocks", _, "attn.q")).Shape?[^1] ?? 0;
        // The states that go in may be of more tokens than the model takes.
        int words = !trace.IsText ? 0 : stages.FirstOrDefault(stage => HasWords(stage.Name)).Shape?[1] ?? (trace.Shape("in.y") is [_, var given, _] ? given : 0);
        return new TraceGeometry(image[0], image[1], image[2], image[3], patch, width, head, words);
    }

    /// <summary>Whether a stage is stored as [B·L, P, ..].</summary>
    private static bool HasPixelRows(string stage, int[] shape, int[] image) => shape.Length == 3 && (long)shape[0] * shape[1] == (long)image[0] * image[2] * image[3] && (stage is "pixel_embedder" or "final_layer" or "final_layer.norm"
        || StageName.Block(stage) is ("pixel_blocks", _, "" or "modulation" or "norm1" or "modulated1" or "attn" or "norm2" or "modulated2" or "mlp"));

    /// <summary>Whether a stage of three axes or more is stored as [B, L, ..].</summary>
    private static bool HasTokens(string stage)
        => stage is "s_embedder" or "pixel_condition" || StageName.Block(stage) is { Level: "patch_blocks", Stream: not "y" } or { Level: "pixel_blocks", Step: "compact" };

    /// <summary>Whether a stage of three axes or more is stored as [B, n, ..].</summary>
    private static bool HasWords(string stage) => stage is "y_embedder" or "y_positions" || StageName.Block(stage) is { Stream: "y" };
}

using PixelDiT.Kernels;

namespace PixelDiT.Reference.Models;

/// <summary>The sizes of a model, read off the names and shapes of its parameters.</summary>
internal static class ConfigInference
{
    /// <summary>Infers the configuration.</summary>
    /// <param name="shapes">Shapes under released names (SPEC §3).</param>
    /// <param name="source">The file, for messages.</param>
    /// <param name="prefix">What stands before the names in the file, for messages.</param>
    /// <returns>A configuration that has been validated.</returns>
    /// <exception cref="FileFormatException">A tensor that tells a size is missing or has a shape that no model has.</exception>
    /// <exception cref="ConfigurationException">The sizes do not fit each other.</exception>
    public static ModelConfig Infer(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, string source, string prefix = "")
    {
        int Size(string name, int rank, int axis)
        {
            if (!shapes.TryGetValue(name, out var shape)) throw new FileFormatException($"{source}: tensor {prefix}{name} is missing, so the model's sizes are unknown");
            return shape.Count == rank && shape.All(size => size is > 0 and <= int.MaxValue)
                ? (int)shape[axis]
                : throw new FileFormatException($"{source}: tensor {prefix}{name} has shape [{string.Join(", ", shape)}]; {rank} positive sizes were expected");
        }
        int Divide(int whole, int part, string what)
            => whole % part == 0 ? whole / part : throw new FileFormatException($"{source}: {what} would be {whole} / {part}, which is no whole number");
        int Depth(string blocks)
        {
            var indices = shapes.Keys.Where(name => name.StartsWith(blocks, StringComparison.Ordinal)).Select(name => name[blocks.Length..].Split('.')[0]).ToHashSet(StringComparer.Ordinal);
            for (int i = 0; i < indices.Count; i++)
            {
                if (!indices.Contains($"{i}")) throw new FileFormatException($"{source}: block {prefix}{blocks}{i} is missing among {indices.Count}");
            }
            return indices.Count > 0 ? indices.Count : throw new FileFormatException($"{source}: has no {prefix}{blocks}*, so it is no PixelDiT");
        }

        // A head with a modulation of its own is that of a model without a pixel level, whose shapes tell channels and patch only together: they are taken for a colour image's, else for a gray one's.
        bool hasPixelLevel = !shapes.ContainsKey("final_layer.adaLN_modulation.0.weight");
        int hidden = Size("s_embedder.proj.weight", 2, 0), features = Size("s_embedder.proj.weight", 2, 1);
        int channels = hasPixelLevel ? Size("pixel_embedder.proj.weight", 2, 1) : features % 3 == 0 && IsSquare(features / 3) ? 3 : 1;
        int pixels = Divide(features, channels, "the number of a patch's pixels"), patch = (int)Math.Round(Math.Sqrt(pixels));
        if (!IsSquare(pixels)) throw new FileFormatException($"{source}: a patch would have {pixels} pixels, which is no square");
        bool text = shapes.ContainsKey("y_pos_embedding") || shapes.ContainsKey("patch_blocks.0.attn.q_norm_x.weight");
        int heads = Divide(hidden, Size(text ? "patch_blocks.0.attn.q_norm_x.weight" : "patch_blocks.0.attn.q_norm.weight", 1, 0), "the number of heads");
        var patchLevel = new ModelConfig
        {
            Hidden = hidden,
            Heads = heads,
            Patch = patch,
            PatchDepth = Depth("patch_blocks."),
            PixelDepth = 0,
            PixelHidden = 0,
            PixelLevel = PixelLevelKind.None,
            Classes = text ? 0 : Size("y_embedder.embedding_table.weight", 2, 0) - 1,
            TextWidth = text ? Size("y_embedder.proj.weight", 2, 1) : 0,
            TextTokens = text ? Size("y_pos_embedding", 3, 1) : 0,
            Channels = channels
        };
        if (!hasPixelLevel) return patchLevel.Validate();

        int width = Size("pixel_embedder.proj.weight", 2, 0);
        int attention = Size("pixel_blocks.0.attn.qkv.weight", 2, 1), pixelHeads = Divide(attention, Size("pixel_blocks.0.attn.q_norm.weight", 1, 0), "the number of heads in a pixel block");
        int rows = Size("pixel_blocks.0.adaLN_modulation.0.weight", 2, 0);
        bool patchWise = pixels > 1 && (rows == 6L * width || rows == 4L * width), compact = pixels == 1 || Size("pixel_blocks.0.compress_to_attn.weight", 2, 1) != width;
        if (patchWise && !compact) throw new FileFormatException($"{source}: would be a model with patch-wise AdaLN and without compaction; this program builds the one or the other");
        int modulation = Divide(patchWise ? rows : Divide(rows, pixels, "a pixel's modulation"), width, "the number of a pixel's modulations");
        if (modulation is not (4 or 6)) throw new FileFormatException($"{source}: a pixel would have {modulation} modulations; 6, or 4 with post-modulation, were expected");
        return (patchLevel with
        {
            PixelLevel = patchWise ? PixelLevelKind.PatchAdaLN : compact ? PixelLevelKind.Full : PixelLevelKind.NoCompaction,
            PixelDepth = Depth("pixel_blocks."),
            PixelHidden = width,
            PostModulation = modulation == 4,
            PixelAttention = attention == hidden ? 0 : attention,
            PixelHeads = pixelHeads == heads ? 0 : pixelHeads
        }).Validate();
    }

    private static bool IsSquare(int number) => (int)Math.Round(Math.Sqrt(number)) is var root && root * root == number;
}

using PixelDiT.Kernels;

namespace PixelDiT.Reference.Models;

/// <summary>Named sizes (SPEC §1); those with "text" in their name, and T2I, are of text models.</summary>
public static class Presets
{
    /// <summary>All names: those of class models, the smallest first, then those of text models.</summary>
    public static IReadOnlyList<string> Names { get; } = ["micro", "tiny", "small", "B", "L", "XL", "micro-text", "tiny-text", "T2I"];

    /// <summary>The sizes of a preset.</summary>
    /// <exception cref="ConfigurationException">The name is unknown; the message lists those that are known.</exception>
    public static ModelConfig Get(string name) => name switch
    {
        "micro" => new() { Hidden = 64, Heads = 4, Patch = 4, PatchDepth = 2, PixelDepth = 1, PixelHidden = 8, Classes = 10 },
        "tiny" => new() { Hidden = 192, Heads = 6, Patch = 4, PatchDepth = 6, PixelDepth = 2, PixelHidden = 16, Classes = 10 },
        "small" => new() { Hidden = 384, Heads = 6, Patch = 16, PatchDepth = 12, PixelDepth = 2, PixelHidden = 16, Classes = 10 },
        "B" => new() { Hidden = 768, Heads = 12, Patch = 16, PatchDepth = 12, PixelDepth = 2, PixelHidden = 16, Classes = 1000 },
        "L" => new() { Hidden = 1024, Heads = 16, Patch = 16, PatchDepth = 22, PixelDepth = 4, PixelHidden = 16, Classes = 1000 },
        "XL" => new() { Hidden = 1152, Heads = 16, Patch = 16, PatchDepth = 26, PixelDepth = 4, PixelHidden = 16, Classes = 1000 },
        "micro-text" => new() { Hidden = 64, Heads = 4, Patch = 4, PatchDepth = 2, PixelDepth = 1, PixelHidden = 8, Classes = 0, TextWidth = 64, TextTokens = 16 },
        "tiny-text" => new() { Hidden = 192, Heads = 6, Patch = 4, PatchDepth = 6, PixelDepth = 2, PixelHidden = 16, Classes = 0, TextWidth = 192, TextTokens = 16 },
        "T2I" => new()
        {
            Hidden = 1536,
            Heads = 24,
            Patch = 16,
            PatchDepth = 14,
            PixelDepth = 2,
            PixelHidden = 16,
            Classes = 0,
            PixelAttention = 1152,
            PixelHeads = 16,
            TextWidth = 2304,
            TextTokens = 300
        },
        _ => throw new ConfigurationException($"preset '{name}' is unknown; known are {string.Join(", ", Names)}")
    };
}

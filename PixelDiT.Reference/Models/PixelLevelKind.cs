using PixelDiT.Kernels;

namespace PixelDiT.Reference.Models;

/// <summary>What a model has above its patch level: the paper's, or one of the forms that its ablations compare it with.</summary>
public enum PixelLevelKind
{
    /// <summary>The paper's: pixel-wise AdaLN and pixel token compaction (SPEC §3.5).</summary>
    Full,

    /// <summary>Patch-wise AdaLN: a patch token makes one set of modulations, which all pixels of its patch share.</summary>
    PatchAdaLN,

    /// <summary>No compaction: attention runs over all pixels, each lifted to the width of attention.</summary>
    NoCompaction,

    /// <summary>None: the patch level alone, a DiT on patches whose linear head gives a patch's pixels.</summary>
    None
}

/// <summary>The names by which a user and a config choose a <see cref="PixelLevelKind"/>.</summary>
internal static class PixelLevelNames
{
    private static readonly (string Name, PixelLevelKind Kind)[] s_known =
        [("full", PixelLevelKind.Full), ("patch-adaln", PixelLevelKind.PatchAdaLN), ("no-compaction", PixelLevelKind.NoCompaction), ("none", PixelLevelKind.None)];

    /// <summary>full, patch-adaln, no-compaction and none.</summary>
    public static IReadOnlyList<string> All { get; } = [.. s_known.Select(known => known.Name)];

    /// <summary>A kind by its name; null where there is none of that name.</summary>
    public static PixelLevelKind? Find(string name)
    {
        foreach (var known in s_known)
        {
            if (known.Name == name) return known.Kind;
        }
        return null;
    }

    /// <summary>A kind by its name.</summary>
    /// <exception cref="ConfigurationException">There is none of that name.</exception>
    public static PixelLevelKind Parse(string name)
        => Find(name) ?? throw new ConfigurationException($"pixel-level is '{name}'; one of {string.Join(", ", All)} was expected");

    extension(PixelLevelKind kind)
    {
        /// <summary>The name a user knows it by.</summary>
        public string Name => s_known.Single(known => known.Kind == kind).Name;
    }
}

using PixelDiT.Kernels;
using PixelDiT.Kernels.Machine;

namespace PixelDiT.Reference.Models;

/// <summary>The names by which a user chooses a <see cref="Precision"/>.</summary>
internal static class PrecisionNames
{
    private static readonly (string Name, Precision Precision)[] s_known = [("fp32", Precision.Single), ("tf32", Precision.TensorFloat32), ("bf16", Precision.BFloat16)];

    /// <summary>fp32, tf32 and bf16.</summary>
    public static IReadOnlyList<string> All { get; } = [.. s_known.Select(known => known.Name)];

    /// <summary>A precision by its name.</summary>
    /// <exception cref="ConfigurationException">There is none of that name.</exception>
    public static Precision Parse(string name)
    {
        foreach (var known in s_known)
        {
            if (known.Name == name) return known.Precision;
        }
        throw new ConfigurationException($"precision '{name}' is unknown; one of {string.Join(", ", All)} was expected");
    }

    extension(Precision precision)
    {
        /// <summary>The name a user knows it by.</summary>
        public string Name => s_known.Single(known => known.Precision == precision).Name;
    }
}

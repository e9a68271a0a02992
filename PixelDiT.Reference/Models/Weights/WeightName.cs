using System.Collections.Frozen;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>A tensor's name in a file, taken apart: the path of the set it belongs to, and the name that the parameter has in released files.</summary>
/// <param name="Path">What stands before the parameter's name, without wrappers; empty for nothing.</param>
/// <param name="Spelled">The same as the file spells it, with its separator at the end.</param>
/// <param name="Released">The parameter's name, with dots and without wrappers.</param>
internal sealed record WeightName(string Path, string Spelled, string Released)
{
    // Modules that a model is made of; a parameter's name begins with one of them.
    private static readonly FrozenSet<string> s_modules = FrozenSet.Create(
        StringComparer.Ordinal, "pixel_embedder", "s_embedder", "t_embedder", "y_embedder", "final_layer", "patch_blocks", "pixel_blocks", TextPositions);

    private const string TextPositions = "y_pos_embedding";

    /// <summary>Takes a name apart; null where no parameter's name is in it.</summary>
    public static WeightName? Parse(string name) => ParseDotted(name) ?? FlatName.Parse(name);

    /// <summary>A path without the words that wrappers of modules add to it, whatever stands before or behind them.</summary>
    public static string WithoutWrappers(string path) => string.Join('.', path.Split('.').Where(segment => segment.Length > 0 && !WrapperWords.IsWrapper(segment)));

    private static WeightName? ParseDotted(string name)
    {
        string[] segments = name.Split('.');
        for (int i = segments.Length - 1; i >= 0; i--)
        {
            if (!s_modules.Contains(segments[i]) || (i == segments.Length - 1) != (segments[i] == TextPositions)) continue;
            return new WeightName(
                string.Join('.', segments.Take(i).Where(segment => !WrapperWords.IsWrapper(segment))), i == 0 ? "" : string.Join('.', segments.Take(i)) + ".",
                string.Join('.', segments.Skip(i).Where(segment => !WrapperWords.IsWrapper(segment))));
        }
        return null;
    }
}

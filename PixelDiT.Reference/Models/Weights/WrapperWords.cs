using System.Text.RegularExpressions;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>
/// Words that wrapping a module puts into the names of its parameters: compilation, data parallelism in its several makes, sharding, activation checkpointing, averaging. They
/// stand before a model's name, between it and a block's, or inside a block, and say nothing about the parameter.
/// </summary>
internal static partial class WrapperWords
{
    /// <summary>Whether a segment of a path is such a word.</summary>
    public static bool IsWrapper(string segment) => Word().IsMatch(segment);

    /// <summary>Takes such words out of a name that has no dots; only those that begin with an underscore can be told from what stands beside them.</summary>
    public static string Remove(string flat) => flat.Contains("_mod", StringComparison.Ordinal) || flat.Contains("_wrapped", StringComparison.Ordinal) ? Inside().Replace(flat, "") : flat;

    [GeneratedRegex("^(_*((orig|original|forward|checkpoint|fsdp|ddp|dp|fpw|wrapped|wrapper|inner|compiled|engine)_)*(mod|module)|_*(ddp|fsdp|fpw|dp|compiled|wrapped)|_orig)$", RegexOptions.NonBacktracking)]
    private static partial Regex Word();

    [GeneratedRegex("_((orig|original|forward|checkpoint|fsdp|ddp|dp|fpw|wrapped)_)+(module|mod)", RegexOptions.NonBacktracking)]
    private static partial Regex Inside();
}

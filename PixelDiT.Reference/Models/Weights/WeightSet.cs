using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>Tensors of a file that are one model's parameters.</summary>
/// <param name="Path">What stands before the parameters' names, without a dot at its end; empty for nothing.</param>
/// <param name="Pattern">The path as the file spells it, with a star in the place of the names: how lists show the set.</param>
/// <param name="Kind">What the numbers are.</param>
/// <param name="Tensors">The file's tensors under released names, in the order of the file; also those that a model does not know.</param>
public sealed record WeightSet(string Path, string Pattern, WeightKind Kind, IReadOnlyDictionary<string, TensorSpec> Tensors)
{
    private const int Longest = 80, Listed = 8;

    /// <summary>Tensors beside the parameters that belong to no model and are left aside, such as <c>optimizer.*</c>; patterns or names, in the order of the file.</summary>
    public IReadOnlyList<string> Aside { get; init; } = [];

    /// <summary>Two tensors that would both be one parameter; null where there are none.</summary>
    internal (string First, string Second)? Doubled { get; init; }

    /// <summary>What stands before the names in the file, with its dot; empty for nothing.</summary>
    public string Prefix => Pattern[..^1];

    /// <summary>Whether the numbers are weights, averaged or not.</summary>
    public bool IsWeights => Kind is WeightKind.Raw or WeightKind.Averaged;

    /// <summary>The pattern and the kind, such as <c>ema_denoiser.* (averaged)</c>.</summary>
    public override string ToString() => $"{Show(Pattern)} ({Kind.Name()})";

    /// <summary>A pattern as a list shows it.</summary>
    internal static string Show(string pattern) => pattern.Length > Longest ? Quote.Text(pattern) : Printable.Name(pattern);

    /// <summary>The first of several, and how many more there are.</summary>
    internal static string List(IEnumerable<string> shown)
    {
        string[] all = [.. shown];
        return string.Join(", ", all.Take(Listed)) + (all.Length > Listed ? $" and {all.Length - Listed} more" : "");
    }
}

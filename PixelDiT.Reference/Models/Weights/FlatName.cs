using System.Collections.Frozen;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>
/// Parameter names in which dots were taken out or replaced, as programs store them whose containers allow no dots in a name: <c>s_embedderprojweight</c>,
/// <c>s_embedder_proj_weight</c>, <c>ema/s_embedder/proj/weight</c>. Letters and digits decide; a number of a block always stands between letters.
/// </summary>
internal static class FlatName
{
    // One of these words is in every parameter's name, wherever dots and underscores are.
    private static readonly string[] s_blocks = ["patch_blocks", "pixel_blocks"], s_marks = ["embedd", "blocks", "final"];
    private static readonly FrozenDictionary<string, string> s_names = Names().ToFrozenDictionary(Letters, StringComparer.Ordinal);
    private static readonly string[] s_modules = [.. s_names.Values.Concat(s_blocks).Select(name => Letters(name.Split('.')[0])).Distinct()];
    private static readonly int s_shortest = s_names.Keys.Min(flat => flat.Length);
    private static readonly char[] s_separators = ['.', '_', '-', '/', ':'];

    /// <summary>Takes a name apart whose last segment holds a whole parameter's name; null where it holds none.</summary>
    public static WeightName? Parse(string name)
    {
        int start = name.LastIndexOf('.') + 1;
        if (name.Length - start < s_shortest || !s_marks.Any(mark => name.AsSpan(start).Contains(mark, StringComparison.Ordinal))) return null;
        string segment = WrapperWords.Remove(name[start..]), flat = Letters(segment);
        foreach (string module in s_modules)
        {
            int at = flat.LastIndexOf(module, StringComparison.Ordinal);
            if (at < 0 || Decode(flat[at..]) is not { } released) continue;
            string spelled = name[..start] + segment[..Position(segment, at)];
            return new WeightName(WeightName.WithoutWrappers(spelled.TrimEnd(s_separators)), spelled, released);
        }
        return null;
    }

    private static string? Decode(string flat)
    {
        if (s_names.GetValueOrDefault(flat) is { } name) return name;
        foreach (string block in s_blocks)
        {
            string letters = Letters(block);
            if (!flat.StartsWith(letters, StringComparison.Ordinal)) continue;
            string rest = flat[letters.Length..], digits = string.Concat(rest.TakeWhile(char.IsAsciiDigit));
            return digits.Length is > 0 and < 5 && s_names.GetValueOrDefault($"{letters}0{rest[digits.Length..]}") is { } first ? $"{block}.{digits}{first[$"{block}.0".Length..]}" : null;
        }
        return null;
    }

    private static string Letters(string text) => string.Concat(text.Where(char.IsAsciiLetterOrDigit));

    /// <summary>Where the letter or digit of an index stands in a text.</summary>
    private static int Position(string text, int index)
    {
        int at = 0;
        for (int seen = 0; ; at++)
        {
            if (char.IsAsciiLetterOrDigit(text[at]) && seen++ == index) return at;
        }
    }

    /// <summary>The names of a class and of a text model with one block of each kind, their adaLN layers whole and in halves, and the head of a model without a pixel level.</summary>
    private static IEnumerable<string> Names()
    {
        ModelConfig[] models = [Presets.Get("micro"), Presets.Get("micro").With(PixelLevelKind.None), Presets.Get("micro-text")];
        string[] whole = [.. models.SelectMany(model => ModelCost.Shapes(model with { PatchDepth = 1, PixelDepth = model.HasPixelLevel ? 1 : 0 }).Keys).Distinct()];
        foreach (string name in whole)
        {
            yield return name;
            if (!name.StartsWith("pixel_blocks.0.adaLN_modulation.0.", StringComparison.Ordinal)) continue;
            string kind = name[(name.LastIndexOf('.') + 1)..];
            foreach (string half in (string[])["msa", "mlp"])
            {
                yield return $"pixel_blocks.0.adaLN_modulation_{half}.{kind}";
                yield return $"pixel_blocks.0.adaLN_modulation_{half}.0.{kind}";
            }
        }
    }
}

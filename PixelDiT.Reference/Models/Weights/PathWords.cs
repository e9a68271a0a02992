namespace PixelDiT.Reference.Models.Weights;

/// <summary>Words of a name as programmers run them together.</summary>
internal static class PathWords
{
    /// <summary>The words in lower case: cut at everything that is no letter, and where the case changes, as in <c>AveragedModel</c>, <c>modelEMA</c>, <c>EMAModel</c>, <c>EMAmodel</c>.</summary>
    public static IReadOnlyList<string> Split(string text)
    {
        var words = new List<string>();
        int start = 0;
        for (int at = 0; at <= text.Length; at++)
        {
            bool ends = at == text.Length || !char.IsLetter(text[at]);
            if (!ends && !(at > start && BeginsWord(text, at))) continue;
            if (at > start) words.Add(text[start..at].ToLowerInvariant());
            start = ends ? at + 1 : at;
        }
        return words;
    }

    private static bool BeginsWord(string text, int at)
    {
        if (!char.IsUpper(text[at])) return EndsAbbreviation(text, at) && !IsPlural(text, at);
        if (!char.IsUpper(text[at - 1])) return true;
        // The last capital of a run begins the next word, but for a plural such as EMAs and for what is a word itself.
        return at + 1 < text.Length && char.IsLower(text[at + 1]) && !IsPlural(text, at + 1) && !EndsAbbreviation(text, at + 1);
    }

    private static bool IsPlural(string text, int at) => text[at] == 's' && (at + 1 == text.Length || !char.IsLower(text[at + 1]));

    private static bool EndsAbbreviation(string text, int at) => at >= 3 && text[(at - 3)..at] is "EMA" or "SWA" or "AVG" && (at == 3 || !char.IsUpper(text[at - 4]));
}

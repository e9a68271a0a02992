namespace PixelDiT.Reference.Models.Weights;

/// <summary>Words of a name as programmers run them together.</summary>
internal static class PathWords
{
    /// <summary>The words in lower case: cut at everything that is no letter, and where the case changes, as in <c>AveragedModel</c>, <c>modelEMA</c>, <c>EMAModel</c>.</summary>
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
        if (!char.IsUpper(text[at])) return false;
        if (!char.IsUpper(text[at - 1])) return true;
        // The last capital of a run begins the next word, but for a plural such as EMAs.
        bool isLower = at + 1 < text.Length && char.IsLower(text[at + 1]), isPlural = isLower && text[at + 1] == 's' && (at + 2 == text.Length || !char.IsLower(text[at + 2]));
        return isLower && !isPlural;
    }
}

namespace PixelDiT.Reference.Models.Weights;

/// <summary>Words of a name as programmers run them together.</summary>
internal static class PathWords
{
    // Capitals that are written straight before a word in lower case, as in EMAmodel.
    private static readonly string[] s_initials = ["EMA", "SWA", "AVG"];

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
        if (char.IsLower(text[at]) && s_initials.Any(initials => at >= initials.Length && text.AsSpan(at - initials.Length, initials.Length).SequenceEqual(initials)) && !IsPlural(text, at)) return true;
        if (!char.IsUpper(text[at])) return false;
        if (!char.IsUpper(text[at - 1])) return true;
        // The last capital of a run begins the next word, but for a plural such as EMAs.
        bool isLower = at + 1 < text.Length && char.IsLower(text[at + 1]);
        return isLower && !IsPlural(text, at + 1) && !s_initials.Any(initials => at + 1 >= initials.Length && text.AsSpan(at + 1 - initials.Length, initials.Length).SequenceEqual(initials));
    }

    private static bool IsPlural(string text, int at) => text[at] == 's' && (at + 1 == text.Length || !char.IsLower(text[at + 1]));
}

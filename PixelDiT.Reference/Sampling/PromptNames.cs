using System.Globalization;
using System.Text;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// Names of files for prompts, which no prompt can break: of letters, digits and hyphens, at most 80 bytes, no names of devices on Windows, and no two that differ in upper and lower case only.
/// </summary>
internal static class PromptNames
{
    private const int LongestBytes = 80;
    private const string Empty = "empty";

    // What Windows takes for a device whatever its extension; and the run's own files.
    private static readonly HashSet<string> s_reserved = new(
        ["con", "prn", "aux", "nul", "conin", "conout", "clock", .. Enumerable.Range(0, 10).SelectMany(i => (string[])[$"com{i}", $"lpt{i}"]), "samples", "trajectory", "animation", "output"],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>A name for each prompt, in their order.</summary>
    /// <param name="prompts">What the prompts' file calls them, or null, and their text.</param>
    /// <returns>An id of letters, digits and inner hyphens, underscores and dots is a name as it is. Any other, or else the text, is made one; where prompts have one name, the second becomes <c>name-2</c>, and so on.</returns>
    public static IReadOnlyList<string> Choose(IEnumerable<(string? Id, string Text)> prompts)
    {
        (string? Id, string Text)[] all = [.. prompts];
        string?[] names = new string?[all.Length];
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var last = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        // Ids that can stay as they are come first, so that no text takes their names away.
        for (int i = 0; i < names.Length; i++)
        {
            if (all[i].Id is { } id && IsName(id) && taken.Add(id)) names[i] = id;
        }
        for (int i = 0; i < names.Length; i++) names[i] ??= Numbered(Slug(all[i].Id ?? all[i].Text));
        return [.. names.Select(name => name!)];

        string Numbered(string slug)
        {
            if (taken.Add(slug)) return slug;
            for (int number = last.GetValueOrDefault(slug, 1) + 1; ; number++)
            {
                string name = $"{slug}-{number}";
                if (!taken.Add(name)) continue;
                last[slug] = number;
                return name;
            }
        }
    }

    /// <summary>A text as a name: its letters, in lower case, and digits, with a hyphen for what stands between them; <c>empty</c> where there are none.</summary>
    internal static string Slug(string text)
    {
        var slug = new StringBuilder();
        int bytes = 0;
        bool isBetween = false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (!IsOfWord(rune))
            {
                isBetween = slug.Length > 0;
                continue;
            }
            var lower = Rune.ToLowerInvariant(rune);
            bytes += lower.Utf8SequenceLength + (isBetween ? 1 : 0);
            if (bytes > LongestBytes) break;
            if (isBetween) slug.Append('-');
            slug.Append(lower);
            isBetween = false;
        }
        if (slug.Length == 0) return Empty;
        string name = slug.ToString();
        return s_reserved.Contains(name) ? $"prompt-{name}" : name;
    }

    private static bool IsName(string id)
    {
        if (id.Length == 0 || Encoding.UTF8.GetByteCount(id) > LongestBytes || s_reserved.Contains(id.Split('.')[0])) return false;
        Rune[] runes = [.. id.EnumerateRunes()];
        return runes.All(rune => IsOfWord(rune) || rune.Value is '-' or '_' or '.') && IsOfWord(runes[0]) && IsOfWord(runes[^1]);
    }

    /// <summary>Letters, the marks on them, and digits; half a pair is replaced by no letter.</summary>
    private static bool IsOfWord(Rune rune) => Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
}

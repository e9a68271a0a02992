using System.Globalization;
using System.Text;

namespace PixelDiT.Reference.Formats.Words;

/// <summary>
/// Text that may come from a file or from a stranger, made fit for one line of a terminal or a log: characters that could steer a terminal, end the line or turn the
/// direction of writing become escapes such as <c>\u001b</c>. Everything else, any script and emoji, stays as it is.
/// </summary>
internal static class Printable
{
    /// <summary>The text as one line.</summary>
    public static string Line(string text)
    {
        int safe = SafeLength(text);
        if (safe == text.Length) return text;
        var line = new StringBuilder(text.Length + 16).Append(text, 0, safe);
        for (int at = safe; at < text.Length;)
        {
            int length = LengthAt(text, at);
            if (IsUnsafe(text, at)) AppendEscape(line, text.AsSpan(at, length));
            else line.Append(text, at, length);
            at += length;
        }
        return line.ToString();
    }

    /// <summary>A name among other names: as it is where nothing in it needs an escape or could be taken for what stands around it, and else in quotes.</summary>
    public static string Name(string name) =>
        name.Length == 0 || SafeLength(name) < name.Length || name.Contains('"') || name.Contains(", ") || name[0] == ' ' || name[^1] == ' ' ? $"\"{Line(name)}\"" : name;

    /// <summary>Whether a character may not reach a terminal: a control, a mark of direction or another format character (but for the joiners that scripts and emoji need), an end of line, half a pair.</summary>
    internal static bool IsUnsafe(string text, int at) => CharUnicodeInfo.GetUnicodeCategory(text, at) switch
    {
        UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate => true,
        UnicodeCategory.Format => text[at] is not ('\u200c' or '\u200d'),
        _ => false
    };

    private static int SafeLength(string text)
    {
        for (int at = 0; at < text.Length; at += LengthAt(text, at))
        {
            if (IsUnsafe(text, at)) return at;
        }
        return text.Length;
    }

    private static int LengthAt(string text, int at) => char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;

    private static void AppendEscape(StringBuilder line, ReadOnlySpan<char> units)
    {
        foreach (char unit in units) line.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
    }
}

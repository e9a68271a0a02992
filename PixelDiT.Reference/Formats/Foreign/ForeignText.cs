using System.Text;
using System.Text.RegularExpressions;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Foreign;

/// <summary>Text in the place of a file of weights: what came instead of a download, or what belongs to a model without being its weights.</summary>
internal static partial class ForeignText
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>What a text is; null where the bytes are no text.</summary>
    /// <param name="start">The file's first bytes.</param>
    /// <param name="length">The file's length.</param>
    public static ForeignFile? Identify(ReadOnlySpan<byte> start, long length)
    {
        if (Decode(start, length) is not { } decoded) return null;
        string text = decoded.TrimStart('\ufeff').Trim();
        if (text.Length == 0) return new($"holds {length} bytes of blank text", ForeignFile.Download);
        string quoted = Quote.Text(Blanks().Replace(text, " "));
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal))
            return new($"is a Git LFS pointer{(LfsSize().Match(text) is { Success: true } size ? $" to a file of {size.Groups[1].Value} bytes" : "")}, not the file itself", $"git lfs pull fetches it, or {ForeignFile.Download}");
        if (text.Contains("/annex/objects/", StringComparison.Ordinal)) return new("is a pointer of git-annex, not the file itself", "git annex get fetches it");
        if (Html().IsMatch(text))
            return new($"is an HTML page{(Title().Match(text) is { Success: true } title ? $" with the title {Quote.Text(Blanks().Replace(title.Groups[1].Value.Trim(), " "))}" : "")}", ForeignFile.Download);
        if (text.StartsWith("<?xml", StringComparison.Ordinal) || Xml().IsMatch(text)) return new($"is XML text: {quoted}", ForeignFile.Download);
        if (text[0] is '{' or '[')
        {
            return text.Contains("\"weight_map\"", StringComparison.Ordinal)
                ? new("is an index of several files of weights (JSON)", "open it by its path, in the folder of those files")
                : new($"is JSON text: {quoted}", $"{ForeignFile.Expected}; where it is an error of a server, {ForeignFile.Download}");
        }
        if (OldPickle().IsMatch(text)) return new("is a pickle of protocol 0, but not one that torch.save writes", "open it in Python, where its maker is trusted, and save its tensors as safetensors");
        if (text.StartsWith("model_checkpoint_path:", StringComparison.Ordinal)) return new("is the note of a TensorFlow checkpoint's name", ForeignFile.Save);
        return Yaml().IsMatch(text) ? new($"is text, YAML perhaps: {quoted}", ForeignFile.Expected) : new($"is text: {quoted}", ForeignFile.Download);
    }

    /// <summary>The bytes as text, or null where they are none: not UTF-8 or UTF-16 with a mark, or with control characters other than ends of lines and tabs.</summary>
    private static string? Decode(ReadOnlySpan<byte> start, long length)
    {
        try
        {
            string text = start switch
            {
                [0xFF, 0xFE, ..] => Encoding.Unicode.GetString(start),
                [0xFE, 0xFF, ..] => Encoding.BigEndianUnicode.GetString(start),
                // The last character of a part may be cut.
                _ => s_strictUtf8.GetString(length > start.Length ? Whole(start) : start)
            };
            return text.Any(c => char.IsControl(c) && c is not ('\r' or '\n' or '\t' or '\f')) ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static ReadOnlySpan<byte> Whole(ReadOnlySpan<byte> utf8)
    {
        int end = utf8.Length;
        while (end > 0 && end > utf8.Length - 4 && (utf8[end - 1] & 0xC0) == 0x80) end--;
        return end > 0 && utf8[end - 1] >= 0xC0 ? utf8[..(end - 1)] : utf8;
    }

    [GeneratedRegex(@"\s+", RegexOptions.NonBacktracking)]
    private static partial Regex Blanks();

    [GeneratedRegex(@"\nsize (\d{1,20})", RegexOptions.NonBacktracking)]
    private static partial Regex LfsSize();

    [GeneratedRegex(@"^(<!--.*-->\s*)?<(!doctype\s+html|html|head|body|script|title|meta)\b", RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex Html();

    [GeneratedRegex(@"<title[^>]*>([^<]+)<", RegexOptions.NonBacktracking | RegexOptions.IgnoreCase)]
    private static partial Regex Title();

    [GeneratedRegex(@"^<[A-Za-z][\w:.-]*(\s[^>]*)?>", RegexOptions.NonBacktracking)]
    private static partial Regex Xml();

    [GeneratedRegex(@"^(\((dp|lp|i[\w.]+\n)|c[\w.]+\n[\w.]+\n)", RegexOptions.NonBacktracking)]
    private static partial Regex OldPickle();

    [GeneratedRegex(@"^(---|%YAML|(#[^\n]*\n\s*)*[\w.-]+:(\s|$))", RegexOptions.NonBacktracking)]
    private static partial Regex Yaml();
}

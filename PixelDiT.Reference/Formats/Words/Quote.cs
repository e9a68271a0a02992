using System.Text;

namespace PixelDiT.Reference.Formats.Words;

/// <summary>Text from a file made fit for an error message: clipped, and free of characters that could steer a terminal (<see cref="Printable"/>).</summary>
internal static class Quote
{
    private const int Longest = 80;

    /// <summary>The text in double quotes, at most 80 characters of it.</summary>
    public static string Text(ReadOnlySpan<char> text)
    {
        bool clipped = text.Length > Longest;
        if (clipped) text = text[..(char.IsHighSurrogate(text[Longest - 1]) ? Longest - 1 : Longest)];
        return $"\"{Printable.Line(text.ToString())}{(clipped ? "…\"" : "\"")}";
    }

    /// <summary>As <see cref="Text"/>, from UTF-8; bytes that are not UTF-8 appear as U+FFFD.</summary>
    public static string Bytes(ReadOnlySpan<byte> utf8)
    {
        // Four bytes a character at most, plus one character more, so that a clipped text is seen to be clipped.
        return Text(Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, 4 * Longest + 4)]));
    }
}

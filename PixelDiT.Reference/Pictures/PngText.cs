namespace PixelDiT.Reference.Pictures;

/// <summary>A text that a PNG carries beside its pixels. One of plain ASCII is a chunk tEXt, any other a chunk iTXt, which is UTF-8.</summary>
/// <param name="Keyword">Says what the text is: 1 to 79 characters of ASCII.</param>
/// <param name="Text">Any text without the character 0.</param>
public sealed record PngText(string Keyword, string Text);

using System.Text;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Reports;

/// <summary>What tells a page of a verb from any other file, so that a verb may replace its own.</summary>
/// <param name="verb">The verb.</param>
internal sealed class PageMark(string verb)
{
    private const int Within = 512;

    /// <summary>The element that stands at a page's beginning.</summary>
    public string Element { get; } = $"<meta name=\"generator\" content=\"pixeldit {verb}\">";

    /// <summary>Whether a file is a page of the verb.</summary>
    /// <exception cref="Kernels.FileFormatException">It cannot be read.</exception>
    public bool IsOn(string path)
    {
        using var file = AtomicFile.OpenRead(path);
        var start = new byte[Within];
        int read = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(start, 0, read).Contains(Element, StringComparison.Ordinal);
    }
}

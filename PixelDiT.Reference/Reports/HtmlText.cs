using System.Net;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Reports;

/// <summary>Text that comes from files and names, as text of a page: whatever is in it, it is no markup.</summary>
internal static class HtmlText
{
    /// <summary>The text between tags, and between the quotes of an attribute.</summary>
    public static string Of(string text) => WebUtility.HtmlEncode(Printable.Line(text));
}

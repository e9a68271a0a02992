using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Reports;

namespace PixelDiT.Reference.Explaining;

/// <summary>
/// An explanation as one page of HTML that needs nothing beside itself: its own policy forbids everything but its one script, its styles and pictures inside it. Names and prompts go into it as data, which no browser takes for markup.
/// </summary>
public static class ExplainPage
{
    /// <summary>The page's name where none is given.</summary>
    public const string FileName = "explain.html";

    private static readonly PageMark s_mark = new("explain");

    /// <summary>Whether a file is a page of this kind.</summary>
    /// <exception cref="FileFormatException">It cannot be read.</exception>
    public static bool IsOne(string path) => s_mark.IsOn(path);

    /// <summary>Writes a page whole or not at all.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="it">What is explained.</param>
    /// <param name="title">The page's title.</param>
    /// <param name="facts">What stands below it, such as the model's file and the seed.</param>
    /// <param name="pictureName">How the page calls the picture that was noised; null where one was sampled.</param>
    /// <returns>The page's bytes.</returns>
    /// <exception cref="FileFormatException">The file cannot be written.</exception>
    public static long Write(string path, Explanation it, string title, IEnumerable<(string What, string Value)> facts, string? pictureName = null)
    {
        long bytes = 0;
        AtomicFile.Write(path, stream =>
        {
            stream.Write(Encoding.UTF8.GetBytes(Head(title, facts)));
            using (var json = new Utf8JsonWriter(stream)) new ExplainData(json, it).Write(pictureName);
            string script = Part("script.js");
            stream.Write(Encoding.UTF8.GetBytes($"</script>\n<script>{script}</script>\n</body>\n</html>\n"));
            bytes = stream.Length;
        });
        return bytes;
    }

    private static string Head(string title, IEnumerable<(string What, string Value)> facts)
    {
        var page = new StringBuilder();
        string name = HtmlText.Of(title), hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Part("script.js"))));
        page.Append($"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{s_mark.Element}\n");
        page.Append($"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hash}'\">\n");
        page.Append($"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name} · PixelDiT</title>\n<style>\n{Part("style.css")}</style>\n</head>\n<body>\n");
        page.Append($"<header>\n<p class=\"eyebrow\">One picture’s way through PixelDiT</p>\n<h1>{name}</h1>\n<dl class=\"facts\">\n");
        foreach (var (what, value) in facts) page.Append($"<div><dt>{HtmlText.Of(what)}</dt><dd>{HtmlText.Of(value)}</dd></div>\n");
        return page.Append($"</dl>\n<noscript><p class=\"absent\">This page shows its pictures by a script, which is switched off here.</p></noscript>\n</header>\n{Part("body.html")}<script type=\"application/json\" id=\"data\">").ToString();
    }

    /// <summary>A file of the page. Ends of lines are one character, since the script's hash is in the page.</summary>
    private static string Part(string name)
    {
        using var stream = typeof(ExplainPage).Assembly.GetManifestResourceStream($"explain/{name}") ?? throw new FileFormatException($"explain/{name}: is not in the program");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}

using System.Text.RegularExpressions;
using NUnit.Framework;

namespace PixelDiT.Tests.Docs;

/// <summary>Every link of the README and the docs into the repository leads to a file, and to a heading of it.</summary>
public sealed partial class LinkTests
{
    private static IEnumerable<string> Pages() => Repository.Root is { } root ? [Path.Combine(root, "README.md"), .. Directory.GetFiles(Path.Combine(root, "docs"), "*.md").Order(StringComparer.Ordinal)] : [];

    [Test]
    public void Links_lead_somewhere()
    {
        if (Repository.Root is null) Assert.Ignore("the tests do not run in their repository");
        var broken = new List<string>();
        int links = 0;
        foreach (string page in Pages())
        {
            foreach (Match match in Link().Matches(WithoutCode(File.ReadAllText(page))))
            {
                string target = match.Groups[1].Value;
                if (target.Contains("://", StringComparison.Ordinal)) continue;
                links++;
                string[] parts = target.Split('#', 2);
                string file = parts[0].Length == 0 ? page : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, parts[0]));
                if (!File.Exists(file) && !Directory.Exists(file)) broken.Add($"{Path.GetFileName(page)}: {target}: no such file");
                else if (parts.Length == 2 && !Anchors(file).Contains(parts[1])) broken.Add($"{Path.GetFileName(page)}: {target}: no such heading");
            }
        }
        Assert.That(links, Is.GreaterThan(100), "links were found at all");
        Assert.That(broken, Is.Empty);
    }

    private static string WithoutCode(string text) => Fence().Replace(text, "");

    private static HashSet<string> Anchors(string file) => [.. Heading().Matches(WithoutCode(File.ReadAllText(file))).Select(heading => Anchor(heading.Groups[1].Value))];

    /// <summary>A heading's anchor: lower case, blanks to hyphens, and nothing but letters, digits, hyphens and underscores.</summary>
    private static string Anchor(string heading) => string.Concat(heading.Trim().ToLowerInvariant().Select(c => c == ' ' ? '-' : c).Where(c => char.IsLetterOrDigit(c) || c is '-' or '_'));

    [GeneratedRegex(@"\[[^\]\n]*\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^#+ +(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}

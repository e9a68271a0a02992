using System.Text.RegularExpressions;
using NUnit.Framework;

namespace PixelDiT.Tests.Docs;

/// <summary>
/// Code that the docs show is the code that runs. A block of a page that follows <c>&lt;!-- snippet FILE#NAME --&gt;</c> shows lines that stand in the file, in the same order, between
/// <c>// snippet: NAME</c> and <c>// end of snippet</c>; without a name, anywhere in the file. A page may leave lines out, and lay out blanks as it likes.
/// </summary>
public sealed partial class SnippetTests
{
    private static string Root => Repository.Root ?? throw new IgnoreException("the tests do not run in their repository");

    private static IEnumerable<string> Pages => Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Append(Path.Combine(Root, "README.md")).Order(StringComparer.Ordinal);

    [Test]
    public void Snippets_stand_in_the_sources()
    {
        var wrong = new List<string>();
        int snippets = 0;
        foreach (string page in Pages)
        {
            foreach (Match match in Snippet().Matches(File.ReadAllText(page)))
            {
                snippets++;
                var source = Lines(Region(match.Groups[1].Value, match.Groups[2].Value));
                int at = 0;
                foreach (string line in Lines(match.Groups[3].Value))
                {
                    int found = source.IndexOf(line, at);
                    if (found < 0) wrong.Add($"{Path.GetFileName(page)}, {match.Groups[1].Value}#{match.Groups[2].Value}: not there in this order: {line}");
                    else at = found + 1;
                }
            }
        }
        Assert.That(snippets, Is.GreaterThan(8), "snippets were found at all");
        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void All_code_of_the_tour_is_checked()
    {
        string tour = File.ReadAllText(Path.Combine(Root, "docs", "1-tour.md"));
        Assert.That(Fence().Count(tour), Is.EqualTo(2 * Snippet().Count(tour)), "a block of the tour has no marker above it");
    }

    /// <summary>C# on these pages is quoted, except for one example of a use of the tape.</summary>
    [TestCase("3-equation-kernel-test.md", 0), TestCase("4-autodiff.md", 1)]
    public void Quoted_code_is_checked(string page, int examples)
    {
        string text = File.ReadAllText(Path.Combine(Root, "docs", page));
        Assert.That(Regex.Count(text, "^```csharp", RegexOptions.Multiline), Is.EqualTo(Snippet().Count(text) + examples), "a block has no marker above it");
    }

    /// <summary>A link whose text is Type.Member leads to a file that has the member.</summary>
    [Test]
    public void Members_that_links_name_are_in_their_files()
    {
        var missing = new List<string>();
        int members = 0;
        foreach (string page in Pages)
        {
            foreach (Match match in MemberLink().Matches(File.ReadAllText(page)))
            {
                members++;
                string file = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, match.Groups[3].Value));
                // Exact.Activations is a part of Exact, in a file of that name.
                bool there = Path.GetFileNameWithoutExtension(file) == $"{match.Groups[1].Value}.{match.Groups[2].Value}"
                    || Regex.IsMatch(File.ReadAllText(file), $@"\b{match.Groups[2].Value}\b");
                if (!there) missing.Add($"{Path.GetFileName(page)}: {match.Groups[1].Value}.{match.Groups[2].Value} is not in {Path.GetFileName(file)}");
            }
        }
        Assert.That(members, Is.GreaterThan(3), "such links were found at all");
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void Every_marker_in_the_sources_has_a_page()
    {
        var shown = Pages.SelectMany(page => Snippet().Matches(File.ReadAllText(page))).Select(match => $"{match.Groups[1].Value}#{match.Groups[2].Value}").ToHashSet();
        var marked = ((string[])["PixelDiT.Kernels", "PixelDiT.Reference"]).SelectMany(project => Architecture.SourceUses.Files(Root, project))
            .SelectMany(file => Marker().Matches(file.Text).Select(match => $"{file.Path}#{match.Groups[1].Value}"));
        Assert.That(marked.Where(marker => !shown.Contains(marker)), Is.Empty);
    }

    private static string Region(string file, string name)
    {
        string text = File.ReadAllText(Path.Combine(Root, file));
        if (name.Length == 0) return text;
        int first = text.IndexOf($"// snippet: {name}\n", StringComparison.Ordinal);
        Assert.That(first, Is.GreaterThanOrEqualTo(0), $"{file} has no marker '// snippet: {name}'");
        return text[first..text.IndexOf("// end of snippet", first, StringComparison.Ordinal)];
    }

    // Blanks are laid out for the eye; a comment's slashes are not part of an equation.
    private static List<string> Lines(string text) => [.. text.Split('\n').Select(line => Blanks().Replace(line.TrimStart().TrimStart('/'), " ").Trim()).Where(line => line.Length > 0)];

    [GeneratedRegex(@"^<!-- snippet (\S+?)(?:#(\S+))? -->\n```\w*\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Snippet();

    [GeneratedRegex(@"^```", RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"\[`(\w+)\.(\w+)`\]\(([^)#\s]+\.cs)\)")]
    private static partial Regex MemberLink();

    [GeneratedRegex(@"^\s*// snippet: (\S+)$", RegexOptions.Multiline)]
    private static partial Regex Marker();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}

using System.Text.RegularExpressions;
using NUnit.Framework;
using PixelDiT.Tests.Commands;

namespace PixelDiT.Tests.Docs;

/// <summary>The page of options has every option of every verb, and none that no verb has; blocks of the README say whether they can be run.</summary>
public sealed partial class OptionsPageTests
{
    private static string Root => Repository.Root ?? throw new IgnoreException("the tests do not run in their repository");

    [Test]
    public void Every_option_has_its_row_and_no_other_has()
    {
        string help = PixelDiTProgram.RunHere("--help").Output;
        string[] verbs = [.. Verb().Matches(help[help.IndexOf("Commands:", StringComparison.Ordinal)..]).Select(match => match.Groups[1].Value)];
        Assert.That(verbs, Has.Length.GreaterThan(15));
        string page = File.ReadAllText(Path.Combine(Root, "docs", "options.md"));
        var shown = Option().Matches(string.Join('\n', page.Split('\n').Where(line => line.StartsWith('|')))).Select(match => match.Value).ToHashSet();
        var known = verbs.SelectMany(verb => Option().Matches(PixelDiTProgram.RunHere(verb, "--help").Output).Select(match => match.Value)).ToHashSet();
        var described = verbs.SelectMany(verb => Described().Matches(PixelDiTProgram.RunHere(verb, "--help").Output).Select(match => match.Groups[1].Value)).Except(["--help", "--version"]);
        Assert.That(described.Except(shown), Is.Empty, "options without a row");
        Assert.That(shown.Except(known).Except(["--ar", "--aspect_ratio", "--hw"]), Is.Empty, "rows without an option");
    }

    [Test]
    public void Every_block_of_the_README_can_be_run_or_says_what_it_needs()
    {
        string readme = File.ReadAllText(Path.Combine(Root, "README.md")).ReplaceLineEndings("\n");
        string[] free = ["dotnet test", "dotnet publish"];
        var unsaid = Block().Matches(readme).Where(match => !match.Groups[2].Value.StartsWith(free[0], StringComparison.Ordinal) && !match.Groups[2].Value.StartsWith(free[1], StringComparison.Ordinal) && !IsSaid(match.Groups[1].Value)).Select(match => match.Groups[2].Value);
        Assert.That(unsaid, Is.Empty);
        Assert.That(readme, Does.Not.Match(@"(?m)^\|.*`[^`]*\\\|[^`]*`"), "a command in a cell of a table is copied with its escapes");

        static bool IsSaid(string before) => before.Contains("<!-- runnable", StringComparison.Ordinal) || before.Contains("(Needs ", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(?m)^  ([a-z]+)")]
    private static partial Regex Verb();

    [GeneratedRegex(@"--[a-z][a-z0-9_-]*")]
    private static partial Regex Option();

    [GeneratedRegex(@"(?m)^ +(?:-[^ ,]+, )*(--[a-z][a-z0-9-]*)")]
    private static partial Regex Described();

    // What stands before a block of a shell, back to the block or heading before it, and its text.
    [GeneratedRegex(@"((?:(?!^```|^#).*\n)*?)^```sh\n((?:(?!^```).*\n)*)^```", RegexOptions.Multiline)]
    private static partial Regex Block();
}

using System.Text.RegularExpressions;
using NUnit.Framework;

namespace PixelDiT.Tests.Docs;

/// <summary>All that the program says goes through one class, which lets nothing steer a terminal.</summary>
public sealed partial class OneWayOutTests
{
    [Test]
    public void Nothing_but_the_terminal_writes_to_the_console()
    {
        if (Repository.Root is not { } root) throw new IgnoreException("the tests do not run in their repository");
        string[] files = [.. Directory.GetFiles(Path.Combine(root, "PixelDiT.Reference"), "*.cs", SearchOption.AllDirectories), .. Directory.GetFiles(Path.Combine(root, "PixelDiT.Kernels"), "*.cs", SearchOption.AllDirectories)];
        string[] writers = [.. files.Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}") && Writes().IsMatch(File.ReadAllText(file))).Select(file => Path.GetFileName(file))];
        Assert.That(writers, Is.EqualTo((string[])["Terminal.cs"]));
    }

    [GeneratedRegex(@"(?<!Ansi)Console\.(Out|Error|Write|WriteLine|OpenStandard)|AnsiConsole\.(Write|Markup)|(?<!Terminal\.Cell|private static string )\bMarkup\.Escape")]
    private static partial Regex Writes();
}

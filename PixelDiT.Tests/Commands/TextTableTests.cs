using NUnit.Framework;
using PixelDiT.Reference.Commands.Display;
using Spectre.Console;

namespace PixelDiT.Tests.Commands;

/// <summary>A table stays readable whatever the terminal's width.</summary>
public sealed class TextTableTests
{
    private const int Narrowest = 60;

    [Test]
    public void A_terminal_too_narrow_shows_a_row_in_lines()
        => Assert.That(Shown(40), Is.EqualTo((string[])["c2i_rect_post/train", "  tensors: 81", "  worst tensor: pixel_blocks.0.attn.q", "  pass", "t2i", "  tensors: 4", "  skipped"]));

    [TestCase(200), TestCase(70)]
    public void A_wider_one_shows_columns(int width)
    {
        string[] lines = Shown(width);
        Assert.That(lines.Select(line => line.Length), Is.All.LessThanOrEqualTo(width));
        Assert.That(lines.Single(line => line.Contains("c2i_rect_post/train", StringComparison.Ordinal)), Does.Contain("81").And.Contain("pass"));
    }

    [Test]
    public void A_table_that_fits_is_one_on_a_narrow_terminal_too()
    {
        var table = new TextTable("a", "b");
        table.AddRow("one", "two");
        Assert.That(Written(table, 40).Single(line => line.Contains("one", StringComparison.Ordinal)), Does.Contain("two"));
    }

    private static string[] Shown(int width)
    {
        var table = new TextTable("case", "tensors", "worst tensor", "");
        table.AddRow("c2i_rect_post/train", "81", "pixel_blocks.0.attn.q", "[green]pass[/]");
        table.AddRow("t2i", "4", "", "skipped");
        return Written(table, width);
    }

    private static string[] Written(TextTable table, int width)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(text), Ansi = AnsiSupport.No });
        console.Profile.Width = width;
        table.WriteTo(console, Narrowest);
        return text.ToString().TrimEnd().Split(Environment.NewLine);
    }
}

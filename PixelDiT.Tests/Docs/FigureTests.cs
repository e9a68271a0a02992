using System.Globalization;
using System.Xml.Linq;
using NUnit.Framework;

namespace PixelDiT.Tests.Docs;

/// <summary>The figures of the docs: drawings in SVG that say what they show, can be read on any ground, and are shown by a page.</summary>
internal sealed class FigureTests
{
    private static string Root => Repository.Root ?? throw new IgnoreException("the tests do not run in their repository");

    private static string[] Figures => Directory.GetFiles(Path.Combine(Root, "docs", "figures"), "*.svg");

    [Test]
    public void Figures_say_what_they_show_and_have_a_ground_of_their_own()
    {
        var wrong = new List<string>();
        foreach (string file in Figures)
        {
            var svg = XDocument.Load(file).Root!;
            XElement? Child(string name) => svg.Element(svg.Name.Namespace + name);
            if (string.IsNullOrEmpty(Child("title")?.Value) || string.IsNullOrEmpty(Child("desc")?.Value)) wrong.Add($"{Path.GetFileName(file)}: no title or description");
            double[] size = [.. ((string)svg.Attribute("viewBox")!).Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
            var ground = Child("rect");
            if ((string?)ground?.Attribute("fill") != "#ffffff" || (double)ground.Attribute("width")! < size[2] - 1 || (double)ground.Attribute("height")! < size[3] - 1) wrong.Add($"{Path.GetFileName(file)}: no white ground");
        }
        Assert.That(Figures, Has.Length.GreaterThan(8), "figures were found at all");
        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void Every_figure_is_on_a_page()
    {
        string pages = string.Concat(Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Select(File.ReadAllText)) + File.ReadAllText(Path.Combine(Root, "README.md")).Replace("(docs/figures/", "(figures/", StringComparison.Ordinal);
        Assert.That(Figures.Select(Path.GetFileName).Where(name => !pages.Contains($"(figures/{name})", StringComparison.Ordinal)), Is.Empty);
    }
}

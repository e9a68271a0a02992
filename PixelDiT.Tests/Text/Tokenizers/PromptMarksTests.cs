using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Text.Tokenizers;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>Prompts end where the authors end them, and marks are height:width.</summary>
public class PromptMarksTests
{
    [TestCase("a cat", "a cat")]
    [TestCase("", "")]
    [TestCase(" \t\u00a0\u001ca cat \n", "a cat", Description = "Python's white space")]
    [TestCase("a cat --ar 16:9", "a cat", 16.0 / 9)]
    [TestCase("a cat --aspect_ratio 3:4 --ar 16:9", "a cat", 0.75)]
    [TestCase("a cat --ar 16:9 --aspect_ratio 3:4", "a cat", 0.75, Description = "the longer mark counts, wherever it stands")]
    [TestCase("a cat --hw 512:768", "a cat", null, 512, 768)]
    [TestCase("a cat --hw 512:768 --ar 2:1 on a chair", "a cat", 2.0, 512, 768)]
    [TestCase("a --hw b --ar c --aspect_ratio d", "a", Description = "marks without numbers end the prompt too")]
    [TestCase("a cat --art deco", "a cat", Description = "a mark is found within a word")]
    [TestCase("a cat --ar16:9", "a cat", Description = "no blank, no ratio")]
    [TestCase("a cat --ar 16:9 --ar 1:1", "a cat", 16.0 / 9, Description = "the first counts")]
    [TestCase("a cat --ar x --ar 1:2", "a cat", 0.5, Description = "the first with numbers")]
    [TestCase("a cat --style raw", "a cat --style raw", Description = "other options stay")]
    [TestCase("--ar 1:1 a cat", "", 1.0)]
    [TestCase("a cat --ar\t\u001c\n 1:2", "a cat", 0.5)]
    [TestCase("a cat --ar 4:3:2", "a cat", 4.0 / 3)]
    public void Prompts_are_taken_apart(string prompt, string text, double? ratio = null, int height = 0, int width = 0)
        => Assert.That(PromptMarks.Of(prompt), Is.EqualTo(new PromptMarks(text, ratio, height > 0 ? (height, width) : null)));

    [TestCase("--ar 1:0")]
    [TestCase("--aspect_ratio 0:1")]
    [TestCase("--hw 99999999999:1")]
    public void Impossible_sides_are_refused(string mark)
        => Assert.That(() => PromptMarks.Of($"a cat {mark}"), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith(mark.Split(' ')[0]).And.Message.Contains("height:width from 1"));
}

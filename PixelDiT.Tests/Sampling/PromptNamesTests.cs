using System.Text;
using NUnit.Framework;
using PixelDiT.Reference.Sampling;

namespace PixelDiT.Tests.Sampling;

/// <summary>No prompt and no id breaks a file's name.</summary>
internal sealed class PromptNamesTests
{
    private static IReadOnlyList<string> Of(params (string? Id, string Text)[] prompts) => PromptNames.Choose(prompts);

    [TestCase("A red fox, jumping!", "a-red-fox-jumping")]
    [TestCase("  two   words  ", "two-words")]
    [TestCase("", "empty")]
    [TestCase(" \t!?…", "empty")]
    [TestCase("../../etc/passwd", "etc-passwd")]
    [TestCase("C:\\Windows\\system32", "c-windows-system32")]
    [TestCase("a\0b\nc\u001b[31md", "a-b-c-31md")]
    [TestCase("evil\u202egnp.exe\u2066", "evil-gnp-exe")]
    [TestCase("half\ud800pair", "half-pair")]
    [TestCase("Ein Fuchs über Straßen", "ein-fuchs-über-straßen")]
    [TestCase("赤い狐が跳ぶ", "赤い狐が跳ぶ")]
    [TestCase("हिन्दी भाषा", "हिन्दी-भाषा")]
    [TestCase("🦊", "empty")]
    [TestCase("CON", "prompt-con")]
    [TestCase("com1", "prompt-com1")]
    [TestCase("Lpt²", "lpt")]
    [TestCase("samples", "prompt-samples")]
    [TestCase("Trajectory!", "prompt-trajectory")]
    [TestCase("console", "console")]
    public void A_text_becomes_a_name(string text, string name) => Assert.That(Of((null, text)), Is.EqualTo((string[])[name]));

    [Test]
    public void A_long_text_is_cut_between_characters()
    {
        Assert.That(Of((null, new string('a', 5000)))[0], Is.EqualTo(new string('a', 80)));
        Assert.That(Encoding.UTF8.GetByteCount(Of((null, new string('狐', 5000)))[0]), Is.EqualTo(78));
        Assert.That(Of((null, string.Join(' ', Enumerable.Repeat("word", 100))))[0], Has.Length.LessThanOrEqualTo(80).And.Not.EndsWith("-"));
    }

    [TestCase("0007", "0007")]
    [TestCase("MJHQ_4f3a.b-c", "MJHQ_4f3a.b-c")]
    [TestCase("a/b", "a-b")]
    [TestCase(".hidden", "hidden")]
    [TestCase("trailing.", "trailing")]
    [TestCase("nul.txt", "nul-txt")]
    [TestCase("com¹", "com")]
    [TestCase("..", "empty")]
    [TestCase("", "empty")]
    public void An_id_stays_where_it_is_a_name(string id, string name) => Assert.That(Of((id, "some text")), Is.EqualTo((string[])[name]));

    [Test]
    public void Names_differ_in_more_than_their_case()
    {
        Assert.That(Of((null, "a fox"), (null, "A FOX!"), (null, "a fox"), (null, "a fox 2"), ("a-fox-3", "x")), Is.EqualTo((string[])["a-fox", "a-fox-2", "a-fox-4", "a-fox-2-2", "a-fox-3"]));
        Assert.That(Of(("Fox", ""), ("fox", ""), ("FOX", "")), Is.EqualTo((string[])["Fox", "fox-2", "fox-3"]));
        Assert.That(Of((null, "fox"), ("fox", "another")), Is.EqualTo((string[])["fox-2", "fox"]), "an id has its name before any text");
    }

    [Test]
    public void Many_alike_are_named_in_no_time()
    {
        var names = PromptNames.Choose(Enumerable.Repeat(((string?)null, "the same"), 100_000));
        Assert.That(names.Distinct(StringComparer.OrdinalIgnoreCase).Count(), Is.EqualTo(100_000));
        Assert.That(names[^1], Is.EqualTo("the-same-100000"));
    }

    [TestCase("a.png", 1, true)]
    [TestCase("A.JSON", 1, true)]
    [TestCase("a.txt", 1, false)]
    [TestCase("b.png", 1, false)]
    [TestCase("a_01.png", 12, true)]
    [TestCase("a_12.json", 12, true)]
    [TestCase("a_1.png", 12, false)]
    [TestCase("a_13.png", 12, false)]
    [TestCase("a_00.png", 12, false)]
    [TestCase("a.png", 12, false)]
    public void Files_of_prompts_are_known(string file, int each, bool isOne) => Assert.That(new PromptFiles(["a"], each).Hold(file), Is.EqualTo(isOne));
}

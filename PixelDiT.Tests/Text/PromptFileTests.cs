using System.Diagnostics;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Text;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Text;

/// <summary>Files of prompts in their three forms, and what is refused by its line.</summary>
internal sealed class PromptFileTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private IReadOnlyList<FilePrompt> Read(string name, byte[] bytes, Action<string>? say = null) => PromptFile.Read(_folder.Write(name, bytes), say);

    private IReadOnlyList<FilePrompt> Read(string name, string text, Action<string>? say = null) => Read(name, Encoding.UTF8.GetBytes(text), say);

    private string Refusal(string name, byte[] bytes) => Assert.Throws<FileFormatException>(() => Read(name, bytes))!.Message[(Path.Combine(_folder.Path, name).Length + 2)..];

    private string Refusal(string name, string text) => Refusal(name, Encoding.UTF8.GetBytes(text));

    [Test]
    public void Lines_are_stripped_and_blank_ones_skipped_which_is_said()
    {
        var said = new List<string>();
        Assert.That(Read("a.txt", "  a cat \r\n\n \t\r\n# a dog\n{x}\r\"猫\" --ar 16:9", said.Add), Is.EqualTo((FilePrompt[])[new(null, "a cat", 1), new(null, "# a dog", 4), new(null, "{x}", 5), new(null, "\"猫\" --ar 16:9", 6)]));
        Assert.That(said, Is.EqualTo((string[])[$"{Path.Combine(_folder.Path, "a.txt")}: 2 blank lines skipped"]));
        said.Clear();
        Assert.That(Read("b", "one\n", said.Add).Single().Text, Is.EqualTo("one"));
        Assert.That(said, Is.Empty);
    }

    private static IEnumerable<TestCaseData> Encodings()
    {
        foreach (var (name, encoding) in new (string, Encoding)[] { ("UTF-8", new UTF8Encoding(true)), ("UTF-16 little", new UnicodeEncoding(false, true)), ("UTF-16 big", new UnicodeEncoding(true, true)) })
            yield return new TestCaseData((object)(byte[])[.. encoding.GetPreamble(), .. encoding.GetBytes("a café\n🙂")]).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Encodings))]
    public void A_mark_says_the_encoding(byte[] bytes) => Assert.That(Read("a.txt", bytes).Select(prompt => prompt.Text), Is.EqualTo((string[])["a café", "🙂"]));

    [Test]
    public void An_object_of_ids_is_as_the_authors_have_it() => Assert.That(
        Read("a.json", "{\n\"00001\": {\"prompt\": \"a cat\", \"category\": \"animals\"},\n\n \"b\": \"a dog\", \"c\": {\"prompt\": \"\", \"id\": 7}}"),
        Is.EqualTo((FilePrompt[])[new("00001", "a cat", 2), new("b", "a dog", 4), new("c", "", 4)]));

    [Test]
    public void A_list_of_texts_and_objects() => Assert.That(
        Read("a.json", "\ufeff[\"a cat\",\n{\"id\": 7, \"prompt\": \"a dog\", \"negative\": \"blurry\", \"seed\": 18446744073709551615, \"width\": 640, \"height\": 512},\n{\"prompt\": \"x\", \"id\": null, \"seed\": null}]"),
        Is.EqualTo((FilePrompt[])[new(null, "a cat", 1), new("7", "a dog", 2) { Negative = "blurry", Seed = ulong.MaxValue, Width = 640, Height = 512 }, new(null, "x", 3)]));

    [Test]
    public void Json_lines()
    {
        var said = new List<string>();
        Assert.That(Read("a.jsonl", "{\"prompt\": \"a cat\"}\n\n\"a dog\"\n{\"id\": \"x\", \"prompt\": \"p\", \"negative\": \"\"}\n", said.Add),
            Is.EqualTo((FilePrompt[])[new(null, "a cat", 1), new(null, "a dog", 3), new("x", "p", 4) { Negative = "" }]));
        Assert.That(said.Single(), Does.EndWith("1 blank line skipped"));
    }

    [TestCase("a.txt", "", "holds no prompts")]
    [TestCase("a.txt", "\n \n", "holds no prompts")]
    [TestCase("a.json", "[]", "holds no prompts")]
    [TestCase("a.json", "{}", "holds no prompts")]
    [TestCase("a.jsonl", "\n", "holds no prompts")]
    [TestCase("a.json", "", "is no well-formed JSON: ")]
    [TestCase("a.json", "{\"a\": \"x\"", "is no well-formed JSON: ")]
    [TestCase("a.json", "[\"x\"] y", "is no well-formed JSON: ")]
    [TestCase("a.json", "\"x\"", "is neither a JSON object of prompts by their ids nor a list of prompts")]
    [TestCase("a.json", "[\"x\",\n 3]", "line 2 holds \"3\"; a prompt was expected, a text or an object with a text under \"prompt\"")]
    [TestCase("a.json", "[\"x\",\n{\"text\": \"y\"}]", "line 2 holds an object without a text under \"prompt\"")]
    [TestCase("a.json", "{\"a\": \"x\",\n\"a\": \"y\"}", "line 2 holds a second prompt of the id \"a\"; the first is in line 1")]
    [TestCase("a.json", "[\"\\ud800\"]", "line 1 holds a text that is not Unicode")]
    [TestCase("a.jsonl", "{\"prompt\": \"x\"}\n{\"prompt\": 3}", "line 2 holds \"3\" under \"prompt\"; a text was expected")]
    [TestCase("a.jsonl", "{\"prompt\": \"x\", \"id\": []}", "line 1 holds \"[]\" under \"id\"; a text or a number was expected")]
    [TestCase("a.jsonl", "{\"prompt\": \"x\", \"seed\": -1}", "line 1 holds \"-1\" under \"seed\"; a whole number from 0 to 2^64 - 1 was expected")]
    [TestCase("a.jsonl", "{\"prompt\": \"x\", \"width\": 0}", "line 1 holds \"0\" under \"width\"; a whole number from 1 to 65536 was expected")]
    [TestCase("a.jsonl", "{\"prompt\": \"x\", \"height\": 1.5}", "line 1 holds \"1.5\" under \"height\"; a whole number")]
    [TestCase("a.jsonl", "\"x\"\n\n{\"prompt\"", "line 3 is no JSON: byte ")]
    [TestCase("a.txt", "one\ntwo\0", "line 2 holds a character of code 0; a text was expected, in UTF-8, or in UTF-16 with its mark")]
    public void A_mistake_is_named_with_its_line(string name, string text, string message) => Assert.That(Refusal(name, text), Does.StartWith(message));

    [Test]
    public void Other_encodings_are_refused_with_the_line()
    {
        Assert.That(Refusal("a.txt", Encoding.Latin1.GetBytes("one\ntwo\ncafé\n")), Is.EqualTo("line 3 is not UTF-8, with its byte 0xE9; UTF-8 was expected, or UTF-16 with its mark"));
        Assert.That(Refusal("a.txt", new UnicodeEncoding(false, false).GetBytes("one\ntwo")), Does.StartWith("line 1 holds a character of code 0"));
        Assert.That(Refusal("a.txt", new UTF32Encoding(false, true).GetPreamble().Concat(new UTF32Encoding(false, true).GetBytes("one")).ToArray()), Does.StartWith("line 1 holds a character of code 0"));
        Assert.That(Refusal("a.txt", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("one\ntwo"), 0x00, 0xD8, 0x20, 0x00]), Is.EqualTo("line 2 is not UTF-16, although the file begins with its mark"));
        Assert.That(Refusal("a.txt", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("one"), 0x61]), Does.StartWith("line 1 is not UTF-16"));
    }

    [Test]
    public void Deep_and_long_texts_are_refused()
    {
        Assert.That(Refusal("a.json", "[" + new string('[', 100_000)), Does.StartWith("is no well-formed JSON: "));
        Assert.That(Refusal("a.jsonl", new string('[', 100_000)), Does.StartWith("line 1 is no JSON: "));
        Assert.That(Refusal("a.txt", "x\n" + new string('a', 65_537)), Is.EqualTo("line 2 holds a prompt of 65537 characters; at most 65536 were expected"));
    }

    [Test]
    public void Files_that_are_none_are_refused_at_once()
    {
        string large = Path.Combine(_folder.Path, "large.txt");
        using (var file = File.Create(large)) file.SetLength((64 << 20) + 1);
        Assert.That(() => PromptFile.Read(large), Throws.TypeOf<FileFormatException>().With.Message.EndsWith("large.txt: has 67108865 bytes; a text of at most 67108864 was expected"));
        Assert.That(() => PromptFile.Read(_folder.Path), Throws.TypeOf<FileFormatException>().With.Message.Contains("it is a directory"));
        Assert.That(() => PromptFile.Read(Path.Combine(_folder.Path, "none.txt")), Throws.TypeOf<FileFormatException>().With.Message.Contains("there is no such file"));
        if (!OperatingSystem.IsLinux()) return;
        string pipe = Path.Combine(_folder.Path, "pipe");
        using var make = Process.Start("mkfifo", [pipe]);
        make.WaitForExit();
        Assert.That(() => PromptFile.Read(pipe), Throws.TypeOf<FileFormatException>().With.Message.EndsWith("pipe: holds no prompts"));
        Assert.That(() => PromptFile.Read("/dev/zero"), Throws.TypeOf<FileFormatException>());
    }
}

using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Text.Tokenizers;
using PixelDiT.Tests.Formats.Safetensors;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>Instructions from text files and from configurations. What YAML should give was computed with PyYAML.</summary>
public class InstructionTests
{
    private static string Text(string file, bool isYaml = false) => Instruction.Read(Encoding.UTF8.GetBytes(file), isYaml, "file").Text;

    private static string Yaml(string list) => Text($"model:\n  depth: 3\ntext_encoder: # Gemma\n  name: x\n  chi_prompt:\n{list}\n  after: 1\ntrain:\n  chi_prompt: no\n", isYaml: true);

    private static string Refusal(string file, bool isYaml = true)
    {
        string message = Assert.Throws<FileFormatException>(() => Text(file, isYaml))!.Message;
        Assert.That(message, Does.StartWith("file: "));
        return message;
    }

    [TestCase("Words: ", "Words: ")]
    [TestCase("one\ntwo: \n", "one\ntwo: ")]
    [TestCase("\ufeffone\r\ntwo\r\n\r\n", "one\ntwo\n")]
    [TestCase("고양이", "고양이")]
    [TestCase("", "")]
    public void A_text_file_is_the_text(string file, string text) => Assert.That(Text(file), Is.EqualTo(text));

    [TestCase("    - 'Words: '\n    - '- It''s \"so\": #1'", "Words: \n- It's \"so\": #1")]
    [TestCase("  - plain text  # remark\n  - http://a:b#c", "plain text\nhttp://a:b#c", Description = "a list may stand at its key's column")]
    [TestCase("    - \"a\\tb\\\"\\u00e9\\x41\\U0001F642\\n\"", "a\tb\"éA🙂\n")]
    [TestCase("    - 'one  \n      two\n\n\n      three '", "one two\n\nthree ")]
    [TestCase("    - \"one  \n      two\\\n      three \\\n      \\ four\"", "one twothree  four")]
    [TestCase("    - \"one\\n  \n\n      two\"", "one\n\ntwo", Description = "blanks before an end fold, escapes stay")]
    [TestCase("    - one\n      two\n\n      three\n\n    - four", "one two\nthree\nfour")]
    [TestCase("    -   one # end\n    # remark\n\n    - two", "one\ntwo")]
    [TestCase("    - ''\n    - \"\"", "\n")]
    [TestCase("    - -> x\n    - a:b\n    - no way", "-> x\na:b\nno way")]
    [TestCase("", "")]
    public void A_configuration_gives_its_lines(string list, string text) => Assert.That(Yaml(list), Is.EqualTo(text));

    [TestCase(" []")]
    [TestCase(" null")]
    [TestCase("")]
    [TestCase(" \"\"  ")]
    public void An_empty_value_is_no_instruction(string value) => Assert.That(Text($"text_encoder:\n  chi_prompt:{value}\n", isYaml: true), Is.Empty);

    [TestCase("    - 12")]
    [TestCase("    - true")]
    [TestCase("    - ~")]
    [TestCase("    - 2024-01-02")]
    public void What_is_no_text_is_refused(string list) => Assert.That(() => Yaml(list), Throws.TypeOf<FileFormatException>().With.Message.Contains("line 6: ").And.Message.Contains("put it in quotes"));

    [TestCase("    - key: value", "line 6: is a mapping")]
    [TestCase("    - |\n      text", "line 6: is a block text")]
    [TestCase("    - [a]", "line 6: begins with [")]
    [TestCase("    - *name", "line 6: begins with *")]
    [TestCase("    - - a", "line 6: is no text, but a list or mapping")]
    [TestCase("    -", "line 6: is an item without a text")]
    [TestCase("    - 'open", "line 7: goes on with a text in quotes and is not indented")]
    [TestCase("    - 'a' b", "line 6: goes on behind the closing quote")]
    [TestCase("    - 'a\n  b'", "line 7: goes on with a text in quotes and is not indented")]
    [TestCase("    - \"\\q\"", "line 6: has the escape \"\\q\"")]
    [TestCase("    - \"\\ud800\"", "without a character's 4 digits")]
    [TestCase("    text", "line 6: chi_prompt is no list of texts")]
    [TestCase("    - a\n   - b", "line 7: is no item of chi_prompt")]
    [TestCase("    - a\u2028b", "holds the control character U+2028")]
    public void What_is_beyond_this_reader_is_refused(string list, string expected) => Assert.That(() => Yaml(list), Throws.TypeOf<FileFormatException>().With.Message.Contains(expected));

    [TestCase("", "has no text_encoder")]
    [TestCase("a: 1\n", "has no text_encoder")]
    [TestCase("text_encoder: {chi_prompt: [a]}\n", "line 1: text_encoder is no block of keys")]
    [TestCase("text_encoder:\n  name: x\n", "text_encoder has no chi_prompt")]
    [TestCase("text_encoder:\nchi_prompt:\n  - a\n", "text_encoder has no chi_prompt")]
    [TestCase("text_encoder:\n  chi_prompt: [a, b]\n", "line 2: chi_prompt is \"[a, b]\"")]
    [TestCase("text_encoder:\n  chi_prompt: text\n", "line 2: chi_prompt is \"text\"")]
    [TestCase("text_encoder:\n  chi_prompt:\n    - a\n  chi_prompt:\n    - b\n", "line 4: chi_prompt occurs twice, first on line 2")]
    [TestCase("text_encoder:\n  chi_prompt:\n    - a\ntext_encoder:\n", "line 4: text_encoder occurs twice")]
    [TestCase("text_encoder:\n  chi_prompt:\n    - 'open\n", "line 4: has no closing quote")]
    [TestCase("a: 1\n---\ntext_encoder:\n  chi_prompt:\n    - a\n", "line 2: begins another document")]
    public void Configurations_without_the_list_are_refused(string file, string expected) => Assert.That(Refusal(file), Does.Contain(expected));

    [Test]
    public void Bytes_that_are_no_text_are_refused()
    {
        Assert.That(() => Instruction.Read([0xFF, 0xFE, 0x41, 0], false, "file"), Throws.TypeOf<FileFormatException>().With.Message.EqualTo("file: is not UTF-8; an instruction's text was expected"));
        Assert.That(() => Instruction.Read([0x41, 0], false, "file"), Throws.TypeOf<FileFormatException>());
        Assert.That(() => Instruction.Read(new byte[(1 << 20) + 1], false, "file"), Throws.TypeOf<FileFormatException>().With.Message.Contains("more than 1048576 bytes"));
    }

    [Test]
    public void Files_are_read_by_their_extension()
    {
        string folder = SafetensorsBytes.NewDirectory();
        try
        {
            const string Config = "text_encoder:\n  chi_prompt:\n  - a\n  - 'b '\n";
            foreach (string name in (string[])["config.yaml", "config.YML", "config.txt"]) File.WriteAllText(Path.Combine(folder, name), Config);
            Assert.That(Instruction.Open(Path.Combine(folder, "config.yaml")).Text, Is.EqualTo("a\nb "));
            Assert.That(Instruction.Open(Path.Combine(folder, "config.YML")).Text, Is.EqualTo("a\nb "));
            Assert.That(Instruction.Open(Path.Combine(folder, "config.txt")).Text, Is.EqualTo(Config[..^1]));
            Assert.That(() => Instruction.Open(Path.Combine(folder, "none.txt")), Throws.TypeOf<FileFormatException>().With.Message.Contains("there is no such file"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void The_released_instruction_is_known_by_its_hash()
    {
        Assert.That(new Instruction("abc").Sha256, Is.EqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "the published test vector");
        Assert.That(new Instruction("abc").IsReleased, Is.False);
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Text.Tokenizers;
using static PixelDiT.Tests.Text.Tokenizers.GoldenTokenizers;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>Rows of the text encoder, beside those of the golden file.</summary>
public class PromptRowsTests
{
    private static readonly BpeTokenizer s_tokenizer = Open(TinyJson);

    [Test]
    public void A_row_has_room_for_the_released_states()
    {
        var rows = new PromptRows(s_tokenizer, "the light: ");
        Assert.That((rows.States, rows.Length), Is.EqualTo((300, rows.InstructionTokens + 298)));
        var row = rows.Prompt("a cat");
        Assert.That(row.Ids, Has.Length.EqualTo(rows.Length));
        Assert.That((row.Kept.Length, row.Kept[0], row.Kept[1], row.Kept[^1]), Is.EqualTo((300, 0, rows.InstructionTokens - 1, rows.Length - 1)));
        Assert.That(row.Ids.Take(row.Tokens), Is.EqualTo(s_tokenizer.Encode("the light: a cat")));
        Assert.That(row.Ids.Skip(row.Tokens), Is.All.EqualTo(0));
    }

    [Test]
    public void The_unconditional_side_has_no_instruction()
    {
        var rows = new PromptRows(s_tokenizer, "the light: ");
        var row = rows.Unconditional();
        Assert.That(row.Ids, Is.EqualTo(new[] { 2 }.Concat(new int[299])));
        Assert.That(row.Tokens, Is.EqualTo(1));
        Assert.That(row.Kept, Is.EqualTo(Enumerable.Range(0, 300)));
        Assert.That(rows.Unconditional("glass").Ids.Take(2), Is.EqualTo(s_tokenizer.Encode("glass").Take(2)));
    }

    [Test]
    public void Long_prompts_are_cut_at_the_right()
    {
        var rows = new PromptRows(s_tokenizer, "the light: ", states: 5);
        string prompt = string.Concat(Enumerable.Repeat("cat ", 100));
        var row = rows.Prompt(prompt);
        Assert.That(row.Ids, Is.EqualTo(s_tokenizer.Encode("the light: " + prompt).Take(rows.Length)));
        Assert.That(row.Mask, Is.All.EqualTo(1));
    }

    [TestCase("the", 1)]
    [TestCase("", 0)]
    public void Too_few_states_are_refused(string instruction, int states)
        => Assert.That(() => new PromptRows(s_tokenizer, instruction, states), Throws.TypeOf<ConfigurationException>());
}

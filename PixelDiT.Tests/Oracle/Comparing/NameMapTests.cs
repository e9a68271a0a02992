using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Oracle.Comparing;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>Maps of names: what rules rename, and which are refused with their line.</summary>
public sealed class NameMapTests
{
    private const string Lines = "# theirs = ours\n\nblocks.*.out = act.patch_blocks.*\r\nblocks.*.* = act.patch_blocks.*.attn.*\nloss.mse=loss\n";

    private const string Json = """
        {
          "blocks.*.out": "act.patch_blocks.*",
          "blocks.*.*": "act.patch_blocks.*.attn.*",
          "loss.mse": "loss"
        }
        """;

    [TestCase("blocks.3.out", "act.patch_blocks.3")]
    [TestCase("blocks.3.q", "act.patch_blocks.3.attn.q")]
    [TestCase("loss.mse", "loss")]
    [TestCase("loss.mse2", "loss.mse2")]
    [TestCase("lossxmse", "lossxmse")]
    public void The_first_rule_that_matches_renames(string theirs, string ours)
    {
        Assert.That(NameMap.Parse(Lines, "map").Rename(theirs), Is.EqualTo(ours));
        Assert.That(NameMap.Parse(Json, "map").Rename(theirs), Is.EqualTo(ours));
    }

    [TestCase("a = b\nc", "map line 2: \"c\" is no rule", TestName = "Map_without_equals")]
    [TestCase("a = b = c", "map line 1", TestName = "Map_with_two_equals")]
    [TestCase("a =", "map line 1: a name is empty", TestName = "Map_without_ours")]
    [TestCase("# x\n\na = b.*", "map line 3: \"b.*\" has 1 * and \"a\" has 0", TestName = "Map_with_a_star_too_many")]
    [TestCase("a = b\na = c", "map line 2: \"a\" has a rule already, on line 1", TestName = "Map_with_a_name_twice")]
    [TestCase("# nothing", "has no rule", TestName = "Map_without_rules")]
    [TestCase("{\n \"a\": 3}", "map line 2: the name for \"a\" is no text", TestName = "Map_of_JSON_numbers")]
    [TestCase("{\n \"a\": \"b\"\n", "map line", TestName = "Map_of_cut_JSON")]
    [TestCase("{\"a\": \"b\"} x", "map line 1", TestName = "Map_of_JSON_and_more")]
    [TestCase("{\n\"a\": \"b\",\n\"a\": \"c\"}", "map line 3: \"a\" has a rule already, on line 2", TestName = "Map_of_JSON_with_a_name_twice")]
    public void A_wrong_rule_is_refused_with_its_line(string text, string message)
        => Assert.That(Assert.Throws<FileFormatException>(() => NameMap.Parse(text, "map"))!.Message, Does.Contain(message));
}

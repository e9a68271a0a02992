using System.Text;
using System.Text.Json.Nodes;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Text.Tokenizers;
using static PixelDiT.Tests.Text.Tokenizers.GoldenTokenizers;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>Files of other kinds, tokenizers of other kinds, and files that contradict themselves are refused by name.</summary>
public class TokenizerRejectionTests
{
    private static string Refusal(byte[] file)
    {
        string message = Assert.Throws<FileFormatException>(() => BpeTokenizer.Read(file, "file"))!.Message;
        Assert.That(message, Does.StartWith("file: ").And.Length.LessThan(500));
        return message;
    }

    private static string Refusal(string file) => Refusal(Encoding.UTF8.GetBytes(file));

    private static string Refusal(Action<JsonNode> change)
    {
        var tree = Tree();
        change(tree);
        return Assert.Throws<FileFormatException>(() => Read(tree))!.Message;
    }

    [Test]
    public void Merges_may_be_pairs_and_keys_in_any_order()
    {
        var tree = Tree();
        var model = tree["model"]!;
        string[] merges = [.. model["merges"]!.AsArray().Select(merge => merge!.GetValue<string>())];
        var turned = new JsonObject
        {
            ["model"] = new JsonObject
            {
                ["merges"] = new JsonArray([.. merges.Select(merge => new JsonArray([.. merge.Split(' ').Select(part => (JsonNode)part!)]))]),
                ["vocab"] = model["vocab"]!.DeepClone(),
                ["byte_fallback"] = true,
                ["type"] = "BPE"
            },
            ["future"] = new JsonArray(new JsonObject { ["a"] = 1 }),
            ["padding"] = new JsonObject { ["strategy"] = "BatchLongest" },
            ["post_processor"] = tree["post_processor"]!.DeepClone(),
            ["added_tokens"] = tree["added_tokens"]!.DeepClone(),
            ["normalizer"] = tree["normalizer"]!.DeepClone()
        };
        var tokenizer = Read(turned);
        foreach (var one in Cases("tiny_prompts.json")) Assert.That(tokenizer.Encode(one.GetProperty("text").GetString()!), Is.EqualTo(one.Ids("ids")));
    }

    [Test]
    public void Added_tokens_may_stand_outside_the_vocabulary()
    {
        var tree = Tree();
        tree["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 420, ["content"] = "<new>", ["special"] = false });
        var tokenizer = Read(tree);
        Assert.That(tokenizer.Encode("a<new>"), Is.EqualTo(new[] { 2, 352, 420 }));
        Assert.That(tokenizer.Decode([420]), Is.EqualTo("<new>"));
    }

    [TestCase("", "is empty")]
    [TestCase("\n", "blank text")]
    [TestCase("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 17525357\n", "is a Git LFS pointer to a file of 17525357 bytes")]
    [TestCase("<!doctype html><html><title>Sign in</title>", "is an HTML page with the title \"Sign in\"")]
    [TestCase("[1]", "is JSON text")]
    [TestCase("a cat on a chair", "is text")]
    public void Files_of_other_kinds_are_named(string file, string expected) => Assert.That(Refusal(file), Does.Contain(expected).And.EndWith("a tokenizer.json of Hugging Face or a tokenizer.model of SentencePiece was expected"));

    [Test]
    public void Binary_files_of_other_kinds_are_named()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Refusal([(byte)'P', (byte)'K', 3, 4, 0, 0]), Does.Contain("is a zip archive"));
            Assert.That(Refusal([0x1F, 0x8B, 8, 0]), Does.Contain("is compressed with gzip"));
            Assert.That(Refusal([.. "GGUF"u8, 3, 0, 0, 0]), Does.Contain("is a GGUF file"));
            Assert.That(Refusal(new byte[100]), Does.Contain("begins with 100 zero bytes"));
            Assert.That(Refusal([0x0A, 0x50, 0x0A, 0x60, 1]), Does.Contain("is of no kind that is known here, its first bytes are 0a 50 0a 60 01"));
        });
    }

    [TestCase("{", "is no well-formed JSON: ")]
    [TestCase("{}", "the file has no model")]
    [TestCase("{\"weight_map\":{}}", "the file has no model")]
    [TestCase("{\"version\":{}", "that should be closed")]
    [TestCase("{\"version\":{}} {}", "is no well-formed JSON")]
    [TestCase("{\"model\":tru}", "a word is misspelled")]
    [TestCase("{\"model\":{\"byte_fallback\":true}}", "model has no vocab")]
    [TestCase("{\"model\":{\"type\":\"BPE\",\"type\":\"BPE\"}}", "model.\"type\" occurs twice")]
    [TestCase("{\"decoder\":null,\"decoder\":null}", "decoder occurs twice")]
    [TestCase("{\"normalizer\":null}", "normalizer is \"null\"; \"Replace\" of a space by U+2581 was expected")]
    public void Json_that_is_no_tokenizer_is_refused(string file, string expected) => Assert.That(Refusal(file), Does.Contain(expected));

    [Test]
    public void Deep_nesting_is_refused() => Assert.That(Refusal("{\"a\":" + new string('[', 1 << 20)), Does.Contain("depth"));

    [Test]
    public void Half_a_character_is_refused() => Assert.That(Refusal(Encoding.UTF8.GetString(Bytes(TinyJson)).Replace("\"\uace0\"", "\"\\ud83d\"", StringComparison.Ordinal)), Does.Contain("a text in it is not Unicode"));

    [Test]
    public void Other_preparations_of_texts_are_refused_by_name()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Refusal(tree => tree["normalizer"] = new JsonObject { ["type"] = "NFKC" }), Is.EqualTo("changed: normalizer is \"{\"type\":\"NFKC\"}\"; \"Replace\" of a space by U+2581 was expected, as in Gemma-2"));
            Assert.That(Refusal(tree => tree["normalizer"]!["content"] = "_"), Does.Contain("normalizer is "));
            Assert.That(Refusal(tree => tree["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel" }), Does.Contain("pre_tokenizer is ").And.Contain("ByteLevel"));
            Assert.That(Refusal(tree => tree["post_processor"] = null), Does.Contain("post_processor is "));
            Assert.That(Refusal(tree => tree["post_processor"]!["single"]!.AsArray().Add(new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = "<eos>" } })), Does.Contain("one special token before the text"));
            Assert.That(Refusal(tree => tree["decoder"] = new JsonObject { ["type"] = "WordPiece" }), Does.Contain("decoder is ").And.Contain("WordPiece"));
            Assert.That(Refusal(tree => tree["added_tokens"]![0]!["lstrip"] = true), Does.Contain("added_tokens[0].lstrip is true; false was expected"));
            Assert.That(Refusal(tree => tree["added_tokens"]![14]!["normalized"] = true), Does.Contain("added_tokens[14].normalized is true"));
        });
    }

    [TestCase("type", "\"Unigram\"", "model.type is \"Unigram\"; \"BPE\" was expected")]
    [TestCase("type", "\"WordPiece\"", "model.type is \"WordPiece\"; \"BPE\" was expected")]
    [TestCase("byte_fallback", "false", "model.byte_fallback is \"false\"; true was expected")]
    [TestCase("ignore_merges", "true", "model.ignore_merges is \"true\"; false was expected")]
    [TestCase("dropout", "0.1", "model.dropout is \"0.1\"; null was expected")]
    [TestCase("end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix is ")]
    [TestCase("vocab", "[]", "model.vocab is a list; an object was expected")]
    [TestCase("vocab", "{}", "is not in the vocabulary")]
    [TestCase("vocab", "{\"a\":0.5}", "model.vocab: an id is \"0.5\"; a whole number was expected")]
    [TestCase("merges", "{}", "model.merges is an object; a list was expected")]
    [TestCase("merges", "[\"a\"]", "model.merges[0] is the text \"a\"; two pieces were expected")]
    [TestCase("merges", "[\"a b c\"]", "model.merges[0] is the text \"a b c\"; two pieces were expected")]
    [TestCase("merges", "[\" a\"]", "model.merges[0] has an empty part")]
    [TestCase("merges", "[[\"a\"]]", "model.merges is nothing; a text was expected")]
    [TestCase("merges", "[[\"i\",\"n\",\"g\"]]", "model.merges[0] has more than two parts")]
    [TestCase("merges", "[[\"i\",\"\"]]", "model.merges[0] has an empty part")]
    [TestCase("merges", "[\"i n\",\"i n\"]", "merge 1: \"in\" is made from the same pair as by an earlier merge")]
    [TestCase("merges", "[\"z q\"]", "is not in the vocabulary")]
    [TestCase("merges", "[7]", "model.merges is \"7\"; a text was expected")]
    public void Other_models_are_refused_by_name(string key, string value, string expected)
        => Assert.That(Refusal(tree => tree["model"]![key] = JsonNode.Parse(value)), Does.Contain(expected));

    [Test]
    public void Contradictions_are_refused_by_name()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Refusal(tree => tree.AsObject().Remove("normalizer")), Does.Contain("normalizer is absent"));
            Assert.That(Refusal(tree => tree.AsObject().Remove("post_processor")), Does.Contain("post_processor is absent"));
            Assert.That(Refusal(tree => tree.AsObject().Remove("model")), Does.Contain("the file has no model"));
            Assert.That(Refusal(tree => tree["model"]!.AsObject().Remove("merges")), Does.Contain("model has no merges"));
            Assert.That(Refusal(tree => tree["model"]!.AsObject().Remove("byte_fallback")), Does.Contain("model has no byte_fallback"));
            Assert.That(Refusal(tree => tree["model"]!["vocab"]!["new"] = 5000), Does.Contain("piece \"new\" has the id 5000; with 421 pieces an id from 0 to 420 was expected"));
            Assert.That(Refusal(tree => tree["model"]!["vocab"]!["new"] = 7), Does.Contain("have the same id 7"));
            Assert.That(Refusal(tree => tree["model"]!["vocab"]![new string('x', 300)] = 420), Does.Contain("too long; at most 256 characters"));
            Assert.That(Refusal(tree => tree["model"]!["vocab"]![""] = 420), Does.Contain("has an empty piece"));
            Assert.That(Refusal(tree => tree["added_tokens"]![2]!["id"] = 9), Does.Contain("\"<bos>\" has the id 9, and 2 in model.vocab"));
            Assert.That(Refusal(tree => tree["added_tokens"]![2]!["content"] = "<mask>"), Does.Contain("\"<mask>\" occurs twice"));
            Assert.That(Refusal(tree => tree["added_tokens"]!.AsArray().RemoveAt(2)), Does.Contain("has no added token \"<bos>\""));
            Assert.That(Refusal(tree => tree["added_tokens"]![0]!["content"] = new string('x', 65)), Does.Contain("added_tokens[0].content is").And.Contain("too long; at most 64 characters"));
            Assert.That(Refusal(tree => tree["added_tokens"]![0]!["content"] = ""), Does.Contain("added_tokens[0] has no content"));
        });
    }
}

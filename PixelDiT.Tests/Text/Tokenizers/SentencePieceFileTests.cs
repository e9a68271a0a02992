using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Text.Tokenizers;
using static PixelDiT.Tests.Text.Tokenizers.GoldenTokenizers;
using static PixelDiT.Tests.Text.Tokenizers.SentencePieceBytes;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>The reader of tokenizer.model: the order of merges, what is refused, and files that break off.</summary>
public class SentencePieceFileTests
{
    private static byte[] File(params byte[][] parts) => [.. parts.SelectMany(part => part)];

    private static string Refusal(params byte[][] parts)
    {
        string message = Assert.Throws<FileFormatException>(() => BpeTokenizer.Read(File(parts), "file"))!.Message;
        Assert.That(message, Does.StartWith("file: "));
        return message;
    }

    /// <summary>Every merge of the tokenizer.json, at the same rank: the golden files were made from one vocabulary.</summary>
    [Test]
    public void Merges_have_the_order_of_hugging_face()
    {
        var (json, model) = (TokenizerJson.Read(Bytes(TinyJson), "json"), SentencePieceFile.Read(Bytes(TinyModel), "model"));
        Assert.That(model.Merges.Count, Is.EqualTo(json.Merges.Count));
        for (int left = 0; left < json.Vocabulary.Count; left++)
        {
            for (int right = 0; right < json.Vocabulary.Count; right++)
            {
                bool isMerge = json.Merges.TryFind(left, right, out var expected);
                Assert.That((model.Merges.TryFind(left, right, out var found), found), Is.EqualTo((isMerge, expected)));
            }
        }
    }

    [Test]
    public void A_file_by_hand_reads()
    {
        byte[][] letters = [Piece("a", -5, 1), Piece("b", -6, 1), Piece("ab", -1, 1), Piece("ba", -2, 1), Piece("aba", -3, 5), Piece("b🙂", -4, 1), Piece("🙂", -7, 1)];
        var tokenizer = BpeTokenizer.Read(File([Beginning(), .. letters, Trainer(), Normalizer(), Field(4, 1, 2), Number(99, 7)]), "file");
        Assert.That(tokenizer.Encode("aba").Skip(1).Select(tokenizer.Piece), Is.EqualTo(new[] { "aba" }));
        Assert.That(tokenizer.Encode("bab🙂").Skip(1).Select(tokenizer.Piece), Is.EqualTo(new[] { "b", "ab", "🙂" }), "ab has the highest score");
        Assert.That(tokenizer.Encode("b🙂").Skip(1).Select(tokenizer.Piece), Is.EqualTo(new[] { "b🙂" }));
        Assert.That(tokenizer.Encode(" ").Skip(1).Select(tokenizer.Piece), Is.EqualTo(new[] { "<0xE2>", "<0x96>", "<0x81>" }), "the sign of a space has no piece here");
    }

    [Test]
    public void Other_models_are_refused_by_name()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Refusal(Beginning(), Trainer(model: 1), Normalizer()), Is.EqualTo("file: trainer_spec.model_type is unigram (1); BPE (2) was expected"));
            Assert.That(Refusal(Beginning(), Normalizer()), Does.Contain("model_type is unigram (1)"), "what its absence means");
            Assert.That(Refusal(Beginning(), Trainer(model: 4), Normalizer()), Does.Contain("model_type is char (4)"));
            Assert.That(Refusal(Beginning(), Trainer(bytes: false), Normalizer()), Does.Contain("trainer_spec.byte_fallback is false"));
            Assert.That(Refusal(Beginning(), Trainer()), Does.Contain("normalizer_spec.add_dummy_prefix is true"), "what its absence means");
            Assert.That(Refusal(Beginning(), Trainer(), Field(3, Number(3, 0))), Does.Contain("normalizer_spec.remove_extra_whitespaces is true"));
            Assert.That(Refusal(Beginning(), Trainer(), Normalizer(), Field(3, Number(5, 0))), Does.Contain("normalizer_spec.escape_whitespaces is false"));
            Assert.That(Refusal(Beginning(), Trainer(), Normalizer(), Field(3, Field(2, 1, 2, 3))), Does.Contain("normalizer_spec.precompiled_charsmap changes characters"));
            Assert.That(Refusal(Beginning(), Trainer(pad: -1), Normalizer()), Does.Contain("trainer_spec.pad_id is -1; with 260 pieces an id from 0 to 259 was expected"));
            Assert.That(Refusal(Beginning(), Trainer(bos: 260), Normalizer()), Does.Contain("trainer_spec.bos_id is 260"));
        });
    }

    [Test]
    public void Damaged_pieces_are_refused_by_name()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Refusal(Beginning(), Piece("<pad>", 0, 1), Trainer(), Normalizer()), Does.Contain("piece 260: \"<pad>\" occurs twice"));
            Assert.That(Refusal(Beginning(), Piece("", 0, 1), Trainer(), Normalizer()), Does.Contain("piece 260 has 0 characters"));
            Assert.That(Refusal(Beginning(), Piece(new string('x', 257), 0, 1), Trainer(), Normalizer()), Does.Contain("piece 260 has 257 characters; 1 to 256 were expected"));
            Assert.That(Refusal(Beginning(), Piece("x", float.NaN, 1), Trainer(), Normalizer()), Does.Contain("piece 260 has the score NaN"));
            Assert.That(Refusal(Beginning(), Piece("x", 0, 9), Trainer(), Normalizer()), Does.Contain("piece 260 is of an unknown type"));
            Assert.That(Refusal(Beginning(), Field(1, Field(1, 0xC3)), Trainer(), Normalizer()), Does.Contain("piece 260 is not UTF-8"));
            Assert.That(Refusal(Piece("<pad>", 0, 3), Piece("a", 0, 1), Trainer(bos: 1), Normalizer()), Does.Contain("has no piece <0x00>"));
        });
    }

    [TestCase(new byte[] { 0x4B }, "has field 9 in the wire format 3, which is not used any more")]
    [TestCase(new byte[] { 0x4C }, "has field 9 in the wire format 4")]
    [TestCase(new byte[] { 0x08, 1 }, "has field 1 in the wire format 0; bytes (2) was expected")]
    [TestCase(new byte[] { 0x02, 0 }, "has a field of number 0")]
    [TestCase(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 }, "ends too early: 18446744073709551615 bytes were expected and 0 are there")]
    [TestCase(new byte[] { 0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 }, "has a number of more than 10 bytes")]
    [TestCase(new byte[] { 0x29, 1, 2 }, "ends too early: 8 bytes were expected and 2 are there")]
    public void Broken_fields_are_refused(byte[] field, string expected) => Assert.That(Refusal(Beginning(), field), Does.Contain(expected));

    [Test]
    public void Files_that_break_off_are_refused()
    {
        byte[] file = Bytes(TinyModel);
        for (int length = 0; length < file.Length; length += 1 + length / 64)
        {
            Assert.That(() => BpeTokenizer.Read(file[..length], "file"), Throws.TypeOf<FileFormatException>().With.Message.StartWith("file: "), $"{length} bytes");
        }
    }
}

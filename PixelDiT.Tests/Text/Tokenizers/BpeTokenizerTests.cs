using System.Diagnostics;
using System.Text.Json;
using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Text.Tokenizers;
using PixelDiT.Tests.Formats.Safetensors;
using static PixelDiT.Tests.Text.Tokenizers.GoldenTokenizers;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>What holds for any text, whatever the vocabulary.</summary>
public class BpeTokenizerTests
{
    private static readonly BpeTokenizer s_json = Open(TinyJson), s_model = Open(TinyModel);

    /// <summary>Pieces of texts that meet every rule: words, runs of spaces and line feeds, added tokens, characters with and without a piece, of one to four bytes.</summary>
    private static readonly Gen<string> s_texts = Gen.OneOf(
        Gen.OneOf("the", "light", "red", "as", "glass", " ", "  ", "    ", "\n", "\n\n\n\n", "\t", "<b>", "</b>", "<mask>", "<", ">", "고양이", "猫", "é", "\u0301", "🙂", "\u00a0", "\u0000", "\udbff\udfff", "<0x41>", "Z"),
        Gen.Char.AlphaNumeric.Select(c => c.ToString()),
        Gen.Int[0, 0x10FFFF].Where(code => code is < 0xD800 or > 0xDFFF and not 0x2581).Select(char.ConvertFromUtf32)).Array[0, 40].Select(string.Concat);

    private static readonly string[] s_special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"];

    [Test]
    public void Texts_come_back() => s_texts.Where(text => !s_special.Any(text.Contains)).Sample(text => s_json.Decode(s_json.Encode(text)) == text);

    [Test]
    public void Spaces_come_back_where_their_sign_was_typed()
        => s_texts.Select(s_texts, (a, b) => a + "\u2581" + b).Where(text => !s_special.Any(text.Contains)).Sample(text => s_json.Decode(s_json.Encode(text)) == text.Replace('\u2581', ' '));

    [Test]
    public void Both_kinds_of_file_give_the_same_ids()
        => s_texts.Select(s_texts, Gen.OneOf("", "<bos>", "\u2581\u2581", "\u2581"), (a, b, between) => a + between + b).Sample(text => s_json.Encode(text).AsSpan().SequenceEqual(s_model.Encode(text)));

    /// <summary>The rule itself, searching all pairs again for every merge.</summary>
    [Test]
    public void Merges_are_those_of_the_rule()
    {
        using var file = JsonDocument.Parse(Bytes(TinyJson));
        var model = file.RootElement.GetProperty("model");
        var ids = model.GetProperty("vocab").EnumerateObject().ToDictionary(piece => piece.Name, piece => piece.Value.GetInt32());
        var ranks = model.GetProperty("merges").EnumerateArray().Select((merge, rank) => (merge.GetString()!, rank)).ToDictionary(merge => merge.Item1, merge => merge.rank);
        Gen.OneOf("t", "h", "e", "s", "a", "i", "g", "l", "r", "d", "c", "p", " ", " ").Array[0, 30].Select(string.Concat).Sample(text =>
        {
            var pieces = text.Replace(' ', '\u2581').Select(c => c.ToString()).ToList();
            while (true)
            {
                var pairs = Enumerable.Range(0, Math.Max(pieces.Count - 1, 0)).Where(i => ranks.ContainsKey($"{pieces[i]} {pieces[i + 1]}")).ToList();
                if (pairs.Count == 0) break;
                int at = pairs.MinBy(i => ranks[$"{pieces[i]} {pieces[i + 1]}"]);
                pieces[at] += pieces[at + 1];
                pieces.RemoveAt(at + 1);
            }
            return s_json.Encode(text).AsSpan(1).SequenceEqual([.. pieces.Select(piece => ids[piece])]);
        });
    }

    /// <summary>A word is one segment, however long. To search all pairs again for every merge would take 200,000² / 2 steps, which is minutes; ten seconds are thirty times what a slow machine needs.</summary>
    [TestCase(500)]
    [TestCase(200_000)]
    public void Long_words_take_time_in_proportion(int length)
    {
        foreach (string word in (string[])["a", "the", "light", "ananas", "\n", " ", "고", "🙂", "<b", "<"])
        {
            string text = string.Concat(Enumerable.Repeat(word, length / word.Length));
            var watch = Stopwatch.StartNew();
            int[] ids = s_json.Encode(text);
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(10)), word);
            Assert.That(s_json.Decode(ids), Is.EqualTo(text));
        }
    }

    [Test]
    public void Half_a_surrogate_pair_counts_as_the_replacement_character()
        => Assert.That(s_json.Encode("a\ud83dthe\ude42"), Is.EqualTo(s_json.Encode("a\ufffdthe\ufffd")));

    [Test]
    public void Bytes_that_are_no_text_become_replacement_characters()
    {
        const int FirstByte = 15;
        Assert.That(s_json.Decode([FirstByte + 0xC3, FirstByte + 0xA9]), Is.EqualTo("é"));
        Assert.That(s_json.Decode([FirstByte + 0xC3, FirstByte + 0xA9, FirstByte + 0xC3]), Is.EqualTo("\ufffd\ufffd\ufffd"), "a run that is not UTF-8, each byte");
        Assert.That(s_json.Decode([FirstByte + 0xC3, 2, FirstByte + 0xA9]), Is.EqualTo("é"), "tokens that are left out do not part a run");
    }

    [Test]
    public void Special_tokens_are_spelled_on_request()
    {
        foreach (var tokenizer in (BpeTokenizer[])[s_json, s_model])
        {
            int[] ids = tokenizer.Encode("<start_of_turn>the<mask><end_of_turn>");
            Assert.That(tokenizer.Decode(ids), Is.EqualTo("the<mask>"));
            Assert.That(tokenizer.Decode(ids, withSpecial: true), Is.EqualTo("<bos><start_of_turn>the<mask><end_of_turn>"));
        }
    }

    [TestCase(-1)]
    [TestCase(420)]
    public void An_id_without_a_piece_is_refused(int id)
    {
        Assert.That(() => s_json.Decode([id]), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => s_json.Piece(id), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_folder_stands_for_the_tokenizer_in_it()
    {
        string folder = SafetensorsBytes.NewDirectory();
        try
        {
            Assert.That(() => BpeTokenizer.Open(folder), Throws.TypeOf<FileFormatException>().With.Message.Contains("is a folder without tokenizer.json or tokenizer.model"));
            File.Copy(At(TinyModel), Path.Combine(folder, "tokenizer.model"));
            Assert.That(BpeTokenizer.Open(folder).Kind, Is.EqualTo("tokenizer.model"));
            File.Copy(At(TinyJson), Path.Combine(folder, "tokenizer.json"));
            Assert.That(BpeTokenizer.Open(folder).Kind, Is.EqualTo("tokenizer.json"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void A_tensor_of_bytes_holds_a_tokenizer()
    {
        byte[] model = Bytes(TinyModel);
        string folder = SafetensorsBytes.NewDirectory(), path = Path.Combine(folder, "gemma.safetensors");
        try
        {
            File.WriteAllBytes(path, SafetensorsBytes.File("{" + SafetensorsBytes.Entry("spiece_model", "U8", $"{model.Length}", 0, model.Length) + "}", model));
            Assert.That(BpeTokenizer.Open(path).Encode("the cat"), Is.EqualTo(s_json.Encode("the cat")));
            SafetensorsWriter.Write(path, [new("spiece_model", [1], [1f])], new Dictionary<string, string>());
            Assert.That(() => BpeTokenizer.Open(path), Throws.TypeOf<FileFormatException>().With.Message.EqualTo($"{path}: spiece_model: is of type F32; the bytes of a tokenizer.model in U8 were expected"));
            SafetensorsWriter.Write(path, [new("model.norm.weight", [1], [1f])], new Dictionary<string, string>());
            Assert.That(() => BpeTokenizer.Open(path), Throws.TypeOf<FileFormatException>().With.Message.StartWith($"{path}: has no tensor \"spiece_model\" with a tokenizer"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

using System.Text;
using NUnit.Framework;
using PixelDiT.Reference.Text.Tokenizers;
using PixelDiT.Tests.Formats;
using static PixelDiT.Tests.Text.Tokenizers.GoldenTokenizers;

namespace PixelDiT.Tests.Text.Tokenizers;

/// <summary>Damaged files read, and then encode and decode any text, or are refused with a proper error. Nothing else escapes.</summary>
public class TokenizerFuzzTests
{
    private const int Files = 4000;

    private static readonly string[] s_tokens =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "false", "-1", "0", "419", "1.5", "2147483648", "\"BPE\"", "\"type\":\"Replace\",", "\"vocab\":{},", "\"merges\":[],", "\"a b\",", "[\"i\",\"n\"],",
        "\"id\":7,", "\"content\":\"\",", "\"special\":true,", " ", "\n", "é", "\u202e", "\u2581"
    ];

    private static byte[] Damage(byte[] seed, Random random)
    {
        var file = seed.ToList();
        foreach (var edit in Edit.Draw(random, most: 4, kinds: 7))
        {
            int at = edit.At(file.Count), span = Math.Min(edit.Length, file.Count - at);
            switch (edit.Kind)
            {
                case 0 when span > 0: file[at] ^= (byte)(1 << (edit.Choice & 7)); break;
                case 1 when span > 0: file[at] = (byte)edit.Choice; break;
                case 2: file.InsertRange(at, Enumerable.Repeat((byte)edit.Choice, edit.Length)); break;
                case 3: file.RemoveRange(at, span); break;
                case 4: file.InsertRange(at, file.GetRange(at, span)); break;
                case 5: file.RemoveRange(at, file.Count - at); break;
                case 6: file.InsertRange(at, Encoding.UTF8.GetBytes(s_tokens[edit.Choice % s_tokens.Length])); break;
            }
        }
        return [.. file];
    }

    private static bool ReadsOrRefuses(byte[] file) => Fuzz.ReadsOrRefuses(() =>
    {
        var tokenizer = BpeTokenizer.Read(file, "fuzz");
        const string Text = "<bos>the light  on\n\n\nglass 고양이 🙂 <b>\0\u2581\u2581 as";
        int[] ids = tokenizer.Encode(Text);
        if (ids[0] != tokenizer.BosId || ids.Any(id => id < 0 || id >= tokenizer.Count)) throw new InvalidDataException("ids lie outside the vocabulary");
        _ = tokenizer.Decode(ids);
    });

    [TestCase(TinyJson)]
    [TestCase(TinyModel)]
    public void Damaged_files_are_read_or_refused(string name)
    {
        byte[] seed = Bytes(name);
        int read = Fuzz.Run(name, Files, random => Damage(seed, random), ReadsOrRefuses);
        Assert.That(read, Is.InRange(Files / 200, Files - Files / 200));
    }

    /// <summary>Many merges and pieces that fall together, and one long text: the time is that of their number.</summary>
    [Test]
    public void Hostile_merges_cost_no_more_than_others()
    {
        byte[] file = [.. SentencePieceBytes.Beginning(), .. Enumerable.Range(1, 256).SelectMany(length => SentencePieceBytes.Piece(new string('a', length), -length, 1)), .. SentencePieceBytes.Trainer(), .. SentencePieceBytes.Normalizer()];
        var tokenizer = BpeTokenizer.Read(file, "hostile");
        Assert.That(tokenizer.MergeCount, Is.EqualTo(256 * 255 / 2));
        Assert.That(tokenizer.Decode(tokenizer.Encode(new string('a', 200_000))), Is.EqualTo(new string('a', 200_000)));
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Encoders;

/// <summary>
/// The built-in encoder, which knows no language: a fixed vector for each word, so that a small model learns what words mean from its own captions and needs no file of another model.
/// <para>
/// A word is a run of letters, marks and digits of Unicode, each turned to upper and then to lower case; what stands between words is ignored. State 0 is the vector of <c>&lt;begin&gt;</c>, states 1, 2, … are those of
/// the words in their order, the rest those of <c>&lt;padding&gt;</c>; neither of these two can be a word. A text without words is the unconditional side.
/// </para>
/// <para>
/// Channel 4b + i of a word's vector is z·√(width / Σz²), z being the sum of the four 16-bit little-endian numbers in bytes 8i to 8i + 7 of SHA-256(b as 4 little-endian bytes, then the word in UTF-8), less 131070.
/// So channels are nearly normal, of mean square 1 like the states of a language model behind its last norm, and large beside the bias of a layer that is drawn as usual; a factor would make no other difference, since
/// the text model normalises behind its first layer. Vectors of two words are nearly orthogonal. Whole numbers, one quotient, one root and one product are rounded alike on every machine, and so is every state.
/// </para>
/// </summary>
public sealed class WordsEncoder : ITextEncoder
{
    /// <summary>What options, files and records call it.</summary>
    public const string KindName = "words";

    private const int Version = 1, MostWidth = 1 << 20, MostTokens = 1 << 16, ChannelsOfHash = 4, MostKept = 4096;
    private const string Begin = "<begin>", Padding = "<padding>";

    private readonly Dictionary<string, float[]> _vectors = new(StringComparer.Ordinal);
    private Action<string>? _say;

    /// <summary>Makes an encoder.</summary>
    /// <param name="width">Channels of a state, from 1 to 2²⁰.</param>
    /// <param name="tokens">States of a text, from 1 to 65536.</param>
    /// <param name="say">Told once, in a line, of the first text that is too long.</param>
    /// <exception cref="ConfigurationException">One of them is out of range.</exception>
    public WordsEncoder(int width, int tokens, Action<string>? say = null)
    {
        if (width is < 1 or > MostWidth) throw new ConfigurationException($"text-width is {width}; the encoder {KindName} makes states of 1 to {MostWidth} channels");
        if (tokens is < 1 or > MostTokens) throw new ConfigurationException($"text-tokens is {tokens}; the encoder {KindName} makes 1 to {MostTokens} states");
        (Width, Tokens, _say) = (width, tokens, say);
    }

    /// <inheritdoc/>
    public string Name => KindName;

    /// <inheritdoc/>
    public string Identity => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{KindName} {Version}, width {Width}, tokens {Tokens}"))));

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public int Tokens { get; }

    /// <inheritdoc/>
    public IReadOnlyList<float[]> Encode(IReadOnlyList<Prompt> prompts, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        float[][] states = new float[prompts.Count][];
        for (int i = 0; i < states.Length; i++)
        {
            cancel.ThrowIfCancellationRequested();
            progress?.Invoke((double)i / states.Length, $"text {i + 1} of {states.Length}");
            states[i] = Encode(prompts[i].Words);
        }
        return states;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> WordsOf(Prompt prompt) => StatesOf([.. Split(prompt.Words)]);

    /// <summary>The words of a text, folded.</summary>
    internal static IEnumerable<string> Split(string text)
    {
        var word = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsOfWord(rune))
            {
                // Upper case first: it has one sigma.
                word.Append(Rune.ToLowerInvariant(Rune.ToUpperInvariant(rune)));
                continue;
            }
            if (word.Length == 0) continue;
            yield return word.ToString();
            word.Clear();
        }
        if (word.Length > 0) yield return word.ToString();
    }

    private static bool IsOfWord(Rune rune) => Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    private float[] Encode(string text)
    {
        float[] states = new float[(long)Tokens * Width];
        string[] words = [.. Split(text)];
        if (words.Length > Tokens - 1)
        {
            _say?.Invoke($"the text {Quote.Text(text)} has {words.Length} words; {Tokens - 1} fit, and the rest is cut off, here and wherever a text is too long");
            _say = null;
        }
        foreach (var (token, word) in StatesOf(words).Index()) Vector(word).CopyTo(states, (long)token * Width);
        return states;
    }

    /// <summary>What stands in a text's states.</summary>
    private string[] StatesOf(string[] words) => [.. Enumerable.Range(0, Tokens).Select(token => token == 0 ? Begin : token <= words.Length ? words[token - 1] : Padding)];

    private float[] Vector(string word)
    {
        if (_vectors.TryGetValue(word, out float[]? known)) return known;
        // A hostile text has words without end.
        if (_vectors.Count >= MostKept) _vectors.Clear();
        return _vectors[word] = VectorOf(word, Width);
    }

    private static float[] VectorOf(string word, int width)
    {
        byte[] text = [0, 0, 0, 0, .. Encoding.UTF8.GetBytes(word)];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        int[] sums = new int[width];
        long squares = 0;
        for (int channel = 0; channel < width; channel++)
        {
            int within = channel % ChannelsOfHash;
            if (within == 0)
            {
                BinaryPrimitives.WriteInt32LittleEndian(text, channel / ChannelsOfHash);
                SHA256.HashData(text, hash);
            }
            for (int part = 0; part < 4; part++) sums[channel] += BinaryPrimitives.ReadUInt16LittleEndian(hash[(8 * within + 2 * part)..]);
            sums[channel] -= 2 * ushort.MaxValue;
            squares += (long)sums[channel] * sums[channel];
        }
        double factor = Math.Sqrt((double)width / Math.Max(1, squares));
        return Array.ConvertAll(sums, sum => (float)(sum * factor));
    }

    /// <summary>Does nothing: there is nothing to free.</summary>
    public void Dispose()
    {
    }
}

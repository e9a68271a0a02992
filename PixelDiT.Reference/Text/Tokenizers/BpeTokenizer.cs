using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Foreign;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>
/// The tokenizer of Gemma-2: byte-pair encoding with a piece for every byte, U+2581 for spaces, and added tokens that are cut out of the text as it was typed. Nothing is
/// normalised, stripped or put in front but the beginning of text. Gives the ids of Hugging Face's tokenizers, from a tokenizer.json as from a tokenizer.model. Thread-safe.
/// </summary>
public sealed class BpeTokenizer
{
    /// <summary>The tensor of bytes in which a single file of weights may keep a tokenizer.model.</summary>
    public const string TensorName = "spiece_model";

    private const string Expected = "a tokenizer.json of Hugging Face or a tokenizer.model of SentencePiece was expected";

    /// <summary>The files that are looked for in a folder, the better one first.</summary>
    internal static readonly IReadOnlyList<string> FileNames = ["tokenizer.json", "tokenizer.model"];

    private readonly TokenizerModel _model;

    private BpeTokenizer(TokenizerModel model, string source) => (_model, Source) = (model, source);

    /// <summary>The file's path, or the name that its bytes were read under.</summary>
    public string Source { get; }

    /// <summary>The kind of file, in words.</summary>
    public string Kind => _model.Kind;

    /// <summary>The number of ids, which are 0 to Count − 1.</summary>
    public int Count => _model.Vocabulary.Count;

    /// <summary>The number of merges.</summary>
    public int MergeCount => _model.Merges.Count;

    /// <summary>The id in front of every text.</summary>
    public int BosId => _model.Bos;

    /// <summary>The id that fills a row.</summary>
    public int PadId => _model.Pad;

    /// <summary>Opens a tokenizer by what the file holds: a tokenizer.json, a tokenizer.model, or a safetensors file with a tokenizer.model in the tensor "spiece_model"; of a folder, its tokenizer.json or else its tokenizer.model.</summary>
    /// <exception cref="FileFormatException">The file cannot be read, is of another kind, is damaged, or asks for what Gemma-2 does not do; the message says what.</exception>
    public static BpeTokenizer Open(string path)
    {
        string file = Resolve(path);
        if (TryReadAll(file) is { } bytes) return Read(bytes, file);
        using var weights = WeightFile.Open(file);
        return Read(weights);
    }

    /// <summary>Reads a tokenizer from the bytes of a tokenizer.json or tokenizer.model.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="source">How messages call it.</param>
    /// <exception cref="FileFormatException">As for <see cref="Open"/>.</exception>
    public static BpeTokenizer Read(byte[] file, string source)
    {
        var text = file.AsSpan();
        if (text.StartsWith("\ufeff"u8)) text = text[3..];
        if (text.TrimStart(" \t\r\n"u8) is [(byte)'{', ..]) return new(TokenizerJson.Read(text, source), source);
        if (SentencePieceFile.Recognises(file)) return new(SentencePieceFile.Read(file, source), source);
        using var stream = new MemoryStream(file, writable: false);
        string what = ForeignFile.Identify(stream, source)?.What ?? $"is of no kind that is known here, its first bytes are {ForeignFile.FirstBytes(file)}";
        throw new FileFormatException($"{source}: {what}; {Expected}");
    }

    /// <summary>Reads a tokenizer.model from the tensor of bytes "spiece_model" of a file of weights.</summary>
    /// <exception cref="FileFormatException">There is no such tensor, it holds no bytes, or as for <see cref="Open"/>.</exception>
    public static BpeTokenizer Read(IWeightFile weights)
    {
        string source = $"{weights.Source}: {TensorName}";
        if (!weights.Contains(TensorName)) throw new FileFormatException($"{weights.Source}: has no tensor \"{TensorName}\" with a tokenizer; {Expected}");
        var tensor = weights[TensorName];
        if (tensor.Type != DataType.U8) throw new FileFormatException($"{source}: is of type {tensor.TypeName}; the bytes of a tokenizer.model in U8 were expected");
        if (tensor.Count > SentencePieceFile.MaximumBytes) throw new FileFormatException($"{source}: has {tensor.Count} bytes; at most {SentencePieceFile.MaximumBytes} are read");
        byte[] bytes = new byte[tensor.Count];
        float[] part = new float[Math.Min(bytes.Length, 1 << 16)];
        for (int at = 0; at < bytes.Length; at += part.Length)
        {
            var values = part.AsSpan(0, Math.Min(part.Length, bytes.Length - at));
            weights.ReadSingles(TensorName, at, values);
            for (int i = 0; i < values.Length; i++) bytes[at + i] = (byte)values[i];
        }
        return new(SentencePieceFile.Read(bytes, source), source);
    }

    /// <summary>The ids of a text, the beginning of text in front: at least one.</summary>
    /// <param name="text">Any text; half a surrogate pair counts as U+FFFD. What is spelled like an added token becomes that token.</param>
    public int[] Encode(string text)
    {
        List<int> ids = [BosId];
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            bool isFound = _model.Added.Find(rest, out int at, out int length, out int id);
            if (at > 0) PairMerging.Append(rest[..at], _model.Vocabulary, _model.Merges, ids);
            if (isFound) ids.Add(id);
            rest = rest[(at + length)..];
        }
        return [.. ids];
    }

    /// <summary>The text of ids. A run of bytes that is not UTF-8 gives U+FFFD for each of them; U+2581 comes back as a space.</summary>
    /// <param name="ids">Each from 0 to Count − 1.</param>
    /// <param name="withSpecial">Whether special tokens, such as the beginning of text, are spelled out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool withSpecial = false)
    {
        var text = new StringBuilder();
        var bytes = new List<byte>();
        foreach (int id in ids)
        {
            string piece = Piece(id);
            if (!withSpecial && _model.Added.IsSpecial(id)) continue;
            if (_model.Vocabulary.IsByte(id, out byte value))
            {
                bytes.Add(value);
                continue;
            }
            Flush();
            text.Append(piece.Replace(PairMerging.Space, ' '));
        }
        Flush();
        return text.ToString();

        void Flush()
        {
            if (bytes.Count == 0) return;
            byte[] run = [.. bytes];
            text.Append(System.Text.Unicode.Utf8.IsValid(run) ? Encoding.UTF8.GetString(run) : new string('\ufffd', run.Length));
            bytes.Clear();
        }
    }

    /// <summary>The piece of an id as the vocabulary spells it, U+2581 for a space.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string Piece(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        return _model.Vocabulary[id];
    }

    /// <summary>The file that a path stands for: itself, or, of a folder, the one of a tokenizer in it.</summary>
    /// <exception cref="FileFormatException">A folder has none.</exception>
    internal static string Resolve(string path)
    {
        if (!Directory.Exists(path)) return path;
        return FileNames.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists)
            ?? throw new FileFormatException($"{path}: is a folder without {string.Join(" or ", FileNames)}; {Expected}");
    }

    /// <summary>The bytes of a file; null where they are those of safetensors.</summary>
    private static byte[]? TryReadAll(string path)
    {
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            if (!stream.CanSeek) throw new FileFormatException($"{path}: cannot be read: it is a pipe, a terminal or a device; {Expected}");
            if (IsSafetensors(stream)) return null;
            if (stream.Length > TokenizerJson.MaximumBytes) throw new FileFormatException($"{path}: has {stream.Length} bytes; {Expected}, of at most {TokenizerJson.MaximumBytes}");
            byte[] bytes = new byte[stream.Length];
            stream.Position = 0;
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>A length of eight bytes, then the brace of a header.</summary>
    private static bool IsSafetensors(Stream stream)
    {
        byte[] start = new byte[sizeof(ulong) + 1];
        int read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return read == start.Length && start[^1] == '{' && start.AsSpan(sizeof(uint), sizeof(uint)).IndexOfAnyExcept((byte)0) < 0;
    }
}

using System.Runtime.InteropServices;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>
/// Reads the tokenizer.model of SentencePiece as Hugging Face converts it: every way to split a piece into two becomes a merge, ordered by the piece's score, and control pieces,
/// the unknown piece and those that a user defined become added tokens. SentencePiece itself would not find control pieces in a text, and looks for those of a user when spaces are
/// replaced already.
/// </summary>
internal static class SentencePieceFile
{
    /// <summary>The largest file that is read: Gemma-2's has 4.2 million bytes.</summary>
    public const int MaximumBytes = 32 << 20;

    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Byte = 6, Bpe = 2;

    /// <summary>User-defined in the file, and special in Gemma-2's own configuration.</summary>
    private static readonly string[] s_special = ["<start_of_turn>", "<end_of_turn>"];

    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly record struct Piece(string Text, float Score, int Kind);

    /// <summary>A way to split a piece; lengths are in characters, but the last, which is in UTF-16 units.</summary>
    private readonly record struct Split(int Piece, int Left, int Right, int LeftUnits);

    /// <summary>Whether a file may be one: it begins with a piece, a message that begins with a text.</summary>
    public static bool Recognises(ReadOnlySpan<byte> file) => file is [0x0A, > 2 and < 0x80, 0x0A, > 0 and < 0x80, ..] && file[3] <= file[1] - 2;

    /// <summary>Reads the file.</summary>
    /// <exception cref="FileFormatException">It is damaged, or describes a tokenizer of another kind; the message says where.</exception>
    public static TokenizerModel Read(ReadOnlySpan<byte> file, string source)
    {
        if (file.Length > MaximumBytes) throw new FileFormatException($"{source}: has {file.Length} bytes; a tokenizer.model of at most {MaximumBytes} was expected");
        var pieces = new List<Piece>();
        // What the trainer's message means where it, or a field of it, is absent: 1 is unigram.
        long model = 1, bos = 1, pad = -1;
        bool hasBytes = false, hasPrefix = true, stripsSpaces = true, escapesSpaces = true, hasMap = false;
        var reader = new ProtobufReader(file, source, "the file");
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    if (pieces.Count == Vocabulary.MaximumPieces) throw new FileFormatException($"{source}: has more than {pieces.Count} pieces");
                    pieces.Add(ReadPiece(reader.Span(), source, pieces.Count));
                    break;
                case 2:
                    var trainer = new ProtobufReader(reader.Span(), source, "trainer_spec");
                    while (trainer.Next())
                    {
                        switch (trainer.Field)
                        {
                            case 3: model = trainer.Number(); break;
                            case 35: hasBytes = trainer.Truth(); break;
                            case 41: bos = trainer.Number(); break;
                            case 43: pad = trainer.Number(); break;
                            default: trainer.Skip(); break;
                        }
                    }
                    break;
                case 3:
                    var normalizer = new ProtobufReader(reader.Span(), source, "normalizer_spec");
                    while (normalizer.Next())
                    {
                        switch (normalizer.Field)
                        {
                            case 2: hasMap = normalizer.Span().Length > 0; break;
                            case 3: hasPrefix = normalizer.Truth(); break;
                            case 4: stripsSpaces = normalizer.Truth(); break;
                            case 5: escapesSpaces = normalizer.Truth(); break;
                            default: normalizer.Skip(); break;
                        }
                    }
                    break;
                default: reader.Skip(); break;
            }
        }
        if (model != Bpe) throw new FileFormatException($"{source}: trainer_spec.model_type is {ModelName(model)}; BPE (2) was expected");
        Expect(hasBytes, true, "trainer_spec.byte_fallback");
        Expect(hasPrefix, false, "normalizer_spec.add_dummy_prefix");
        Expect(stripsSpaces, false, "normalizer_spec.remove_extra_whitespaces");
        Expect(escapesSpaces, true, "normalizer_spec.escape_whitespaces");
        if (hasMap) throw new FileFormatException($"{source}: normalizer_spec.precompiled_charsmap changes characters; none was expected, as in Gemma-2");
        return Build(pieces, Id(bos, "bos_id"), Id(pad, "pad_id"), source);

        void Expect(bool found, bool expected, string field)
        {
            if (found != expected) throw new FileFormatException($"{source}: {field} is {(found ? "true" : "false")}; {(expected ? "true" : "false")} was expected, as in Gemma-2");
        }

        int Id(long id, string field) => id >= 0 && id < pieces.Count ? (int)id : throw new FileFormatException($"{source}: trainer_spec.{field} is {id}; with {pieces.Count} pieces an id from 0 to {pieces.Count - 1} was expected");
    }

    private static string ModelName(long model) => model switch
    {
        1 => "unigram (1)",
        3 => "word (3)",
        4 => "char (4)",
        _ => $"{model}"
    };

    private static Piece ReadPiece(ReadOnlySpan<byte> message, string source, int id)
    {
        string part = $"piece {id}";
        var reader = new ProtobufReader(message, source, part);
        var piece = new Piece("", 0, Normal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: piece = piece with { Text = Decode(reader.Span(), source, part) }; break;
                case 2: piece = piece with { Score = reader.Single() }; break;
                case 3: piece = piece with { Kind = (int)Math.Clamp(reader.Number(), 0, 7) }; break;
                default: reader.Skip(); break;
            }
        }
        if (piece.Text.Length is 0 or > Vocabulary.MaximumLength) throw new FileFormatException($"{source}: {part} has {piece.Text.Length} characters; 1 to {Vocabulary.MaximumLength} were expected");
        if (!float.IsFinite(piece.Score)) throw new FileFormatException($"{source}: {part} has the score {piece.Score}; a number was expected");
        if (piece.Kind is < Normal or > Byte) throw new FileFormatException($"{source}: {part} is of an unknown type; 1 to {Byte} were expected");
        return piece;
    }

    private static string Decode(ReadOnlySpan<byte> utf8, string source, string part)
    {
        try
        {
            return s_strictUtf8.GetString(utf8);
        }
        catch (DecoderFallbackException error)
        {
            throw new FileFormatException($"{source}: {part} is not UTF-8: {Quote.Bytes(utf8)}", error);
        }
    }

    private static TokenizerModel Build(List<Piece> pieces, int bos, int pad, string source)
    {
        var ids = new Dictionary<string, int>(pieces.Count, StringComparer.Ordinal);
        var added = new List<AddedToken>();
        for (int id = 0; id < pieces.Count; id++)
        {
            var (text, _, kind) = pieces[id];
            if (!ids.TryAdd(text, id)) throw new FileFormatException($"{source}: piece {id}: {Quote.Text(text)} occurs twice");
            if (kind is not (Unknown or Control or UserDefined)) continue;
            if (text.Length > AddedTokens.MaximumLength) throw new FileFormatException($"{source}: piece {id}, which is found in texts as it was typed, has {text.Length} characters; at most {AddedTokens.MaximumLength} are read");
            added.Add(new(text, id, kind != UserDefined || s_special.Contains(text)));
        }
        if (added.Count > AddedTokens.MaximumTokens) throw new FileFormatException($"{source}: has {added.Count} control and user-defined pieces; at most {AddedTokens.MaximumTokens} are read");
        return new("tokenizer.model", new(ids, [], source), Order(pieces, ids, source), new(added), bos, pad);
    }

    /// <summary>The merges: by score falling, then by the length of the left part falling, then of the right, then by the piece's id.</summary>
    private static Merges Order(List<Piece> pieces, Dictionary<string, int> ids, string source)
    {
        var known = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        var splits = new List<Split>();
        for (int id = 0; id < pieces.Count; id++)
        {
            var text = pieces[id].Text.AsSpan();
            int characters = 0, left = 0;
            foreach (var _ in text.EnumerateRunes()) characters++;
            for (int at = 0; at < text.Length; at++)
            {
                if (at == 0 || char.IsLowSurrogate(text[at])) continue;
                left++;
                if (known.ContainsKey(text[..at]) && known.ContainsKey(text[at..])) splits.Add(new(id, left, characters - left, at));
            }
            if (splits.Count > Merges.MaximumMerges) throw new FileFormatException($"{source}: has more than {Merges.MaximumMerges} merges");
        }
        CollectionsMarshal.AsSpan(splits).Sort((a, b) =>
        {
            int order = pieces[b.Piece].Score.CompareTo(pieces[a.Piece].Score);
            if (order == 0) order = b.Left.CompareTo(a.Left);
            if (order == 0) order = b.Right.CompareTo(a.Right);
            return order == 0 ? a.Piece.CompareTo(b.Piece) : order;
        });
        var merges = new Merges(ids, source);
        foreach (var split in splits) merges.Add(pieces[split.Piece].Text, split.LeftUnits);
        return merges;
    }
}

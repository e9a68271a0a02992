using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>
/// Reads the tokenizer.json of Hugging Face, token by token, in one pass where the vocabulary stands before the merges, as it does. The small parts, which say how a text is
/// prepared, must be those of Gemma-2. The keys truncation and padding are passed over: they are what a program last did to its rows.
/// </summary>
internal static class TokenizerJson
{
    /// <summary>The largest file that is read: Gemma-2's has 17.5 million bytes.</summary>
    public const int MaximumBytes = 128 << 20;

    private const string Pad = "<pad>";
    private const int MaximumSettings = 64;

    private static readonly string[] s_parts = ["model", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"];

    /// <summary>Reads the file.</summary>
    /// <exception cref="FileFormatException">It is no JSON, or describes a tokenizer of another kind; the message says where.</exception>
    public static TokenizerModel Read(ReadOnlySpan<byte> text, string source)
    {
        if (text.Length > MaximumBytes) throw new FileFormatException($"{source}: has {text.Length} bytes; at most {MaximumBytes} are read");
        try
        {
            return Parse(text, source);
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{source}: is no well-formed JSON: {Printable.Line(JsonReason.Of(error))}", error);
        }
        catch (InvalidOperationException error)
        {
            // So .NET answers texts whose escapes or bytes are half a character.
            throw new FileFormatException($"{source}: is no well-formed JSON: a text in it is not Unicode", error);
        }
    }

    private static TokenizerModel Parse(ReadOnlySpan<byte> text, string source)
    {
        var json = new JsonCursor(text, source);
        var rules = new TokenizerRules(source);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        List<AddedToken> added = [];
        (Dictionary<string, int> Ids, Merges Merges)? model = null;
        string? bos = null;
        json.Enter(JsonTokenType.StartObject, "the file");
        while (json.NextKey())
        {
            string part = Part(json);
            if (part.Length > 0 && !seen.Add(part)) json.Refuse(part, "occurs twice");
            switch (part)
            {
                case "model": model = ReadModel(ref json, rules, source); break;
                case "added_tokens": added = ReadAdded(ref json); break;
                case "normalizer": rules.CheckNormalizer(json.Element(part)); break;
                case "pre_tokenizer": rules.CheckPreTokenizer(json.Element(part)); break;
                case "post_processor": bos = rules.TakeBos(json.Element(part)); break;
                case "decoder": rules.CheckDecoder(json.Element(part)); break;
                default: json.Skip(); break;
            }
        }
        json.End();
        if (model is not var (ids, merges)) throw new FileFormatException($"{source}: the file has no model; a tokenizer.json of Hugging Face was expected");
        if (!seen.Contains("normalizer")) rules.CheckNormalizer(null);
        bos ??= rules.TakeBos(null);
        foreach (var token in added)
        {
            if (ids.TryGetValue(token.Text, out int id) && id != token.Id) json.Refuse($"added_tokens: {Quote.Text(token.Text)}", $"has the id {token.Id}, and {id} in model.vocab");
        }
        return new("tokenizer.json", new(ids, added, source), merges, new(added), IdOf(bos), IdOf(Pad));

        int IdOf(string name) => added.Find(token => token.Text == name)?.Id ?? throw new FileFormatException($"{source}: has no added token {Quote.Text(name)}");
    }

    /// <summary>Which of the parts that are read the key here names; empty for any other.</summary>
    private static string Part(in JsonCursor json)
    {
        foreach (string part in s_parts)
        {
            if (json.Is(part)) return part;
        }
        return "";
    }

    private static List<AddedToken> ReadAdded(ref JsonCursor json)
    {
        var tokens = new List<AddedToken>();
        var texts = new HashSet<string>(StringComparer.Ordinal);
        Span<char> buffer = stackalloc char[AddedTokens.MaximumLength];
        json.Enter(JsonTokenType.StartArray, "added_tokens");
        while (true)
        {
            json.Read();
            if (json.Kind == JsonTokenType.EndArray) return tokens;
            string part = $"added_tokens[{tokens.Count}]";
            if (json.Kind != JsonTokenType.StartObject) json.Refuse(part, $"is {json.Found()}; an object was expected");
            if (tokens.Count == AddedTokens.MaximumTokens) json.Refuse("added_tokens", $"has more than {tokens.Count} tokens");
            string content = "";
            int id = -1;
            bool isSpecial = false;
            while (json.NextKey())
            {
                if (json.Is("content"))
                {
                    json.Read();
                    content = buffer[..json.Text(buffer, $"{part}.content")].ToString();
                }
                else if (json.Is("id")) id = json.Number($"{part}.id");
                else if (json.Is("special")) isSpecial = json.Truth($"{part}.special");
                else if (json.Is("normalized") || json.Is("lstrip") || json.Is("rstrip") || json.Is("single_word"))
                {
                    string key = $"{part}.{System.Text.Encoding.ASCII.GetString(json.Raw)}";
                    if (json.Truth(key)) json.Refuse(key, "is true; false was expected, as in Gemma-2");
                }
                else json.Skip();
            }
            if (content.Length == 0) json.Refuse(part, "has no content; a text was expected");
            if (id < 0) json.Refuse(part, $"{Quote.Text(content)} has no id from 0 up");
            if (!texts.Add(content)) json.Refuse(part, $"{Quote.Text(content)} occurs twice");
            tokens.Add(new(content, id, isSpecial));
        }
    }

    private static (Dictionary<string, int> Ids, Merges Merges) ReadModel(ref JsonCursor json, TokenizerRules rules, string source)
    {
        JsonCursor waiting = default;
        bool isWaiting = false;
        Dictionary<string, int>? ids = null;
        Merges? merges = null;
        var settings = new HashSet<string>(StringComparer.Ordinal);
        Span<char> buffer = stackalloc char[Vocabulary.MaximumLength];
        json.Enter(JsonTokenType.StartObject, "model");
        while (json.NextKey())
        {
            string key = buffer[..json.Text(buffer, "a key of model")].ToString();
            if (!settings.Add(key)) json.Refuse($"model.{Quote.Text(key)}", "occurs twice");
            if (settings.Count > MaximumSettings) json.Refuse("model", $"has more than {MaximumSettings} keys");
            if (key == "vocab") ids = ReadVocabulary(ref json);
            else if (key != "merges") rules.CheckModel(key, json.Element($"model.{Quote.Text(key)}"));
            else if (ids is not null) merges = ReadMerges(ref json, ids, source);
            else
            {
                // They can be told only when the vocabulary is known.
                waiting = json;
                isWaiting = true;
                json.Skip();
            }
        }
        if (!settings.Contains("byte_fallback")) json.Refuse("model", "has no byte_fallback; true was expected, as in Gemma-2");
        if (ids is null) throw new FileFormatException($"{source}: model has no vocab; the pieces and their ids were expected");
        if (isWaiting) merges = ReadMerges(ref waiting, ids, source);
        return (ids, merges ?? throw new FileFormatException($"{source}: model has no merges; the pairs of pieces were expected"));
    }

    private static Dictionary<string, int> ReadVocabulary(ref JsonCursor json)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        Span<char> buffer = stackalloc char[Vocabulary.MaximumLength];
        json.Enter(JsonTokenType.StartObject, "model.vocab");
        while (json.NextKey())
        {
            if (ids.Count == Vocabulary.MaximumPieces) json.Refuse("model.vocab", $"has more than {ids.Count} pieces");
            string piece = buffer[..json.Text(buffer, "model.vocab: a piece")].ToString();
            if (piece.Length == 0) json.Refuse("model.vocab", "has an empty piece");
            if (!ids.TryAdd(piece, json.Number("model.vocab: an id"))) json.Refuse($"model.vocab: {Quote.Text(piece)}", "occurs twice");
        }
        return ids;
    }

    /// <summary>Merges are texts, "left right", or lists of two, ["left", "right"], as newer files have them.</summary>
    private static Merges ReadMerges(ref JsonCursor json, Dictionary<string, int> ids, string source)
    {
        const string Part = "model.merges", Pair = "two pieces were expected";
        var merges = new Merges(ids, source);
        Span<char> buffer = stackalloc char[2 * Vocabulary.MaximumLength + 1];
        json.Enter(JsonTokenType.StartArray, Part);
        while (true)
        {
            json.Read();
            if (json.Kind == JsonTokenType.EndArray) return merges;
            int left, right;
            if (json.Kind == JsonTokenType.StartArray)
            {
                json.Read();
                left = json.Text(buffer[..Vocabulary.MaximumLength], Part);
                json.Read();
                right = json.Text(buffer.Slice(left, Vocabulary.MaximumLength), Part);
                json.Read();
                if (json.Kind != JsonTokenType.EndArray) json.Refuse($"{Part}[{merges.Count}]", $"has more than two parts; {Pair}");
            }
            else
            {
                int length = json.Text(buffer, Part);
                left = buffer[..length].IndexOf(' ');
                if (left < 0 || buffer[(left + 1)..length].Contains(' ')) json.Refuse($"{Part}[{merges.Count}]", $"is {json.Found()}; {Pair}, with a space between them");
                // The right piece takes the place of the space.
                buffer[(left + 1)..length].CopyTo(buffer[left..]);
                right = length - left - 1;
            }
            if (left == 0 || right == 0) json.Refuse($"{Part}[{merges.Count}]", $"has an empty part; {Pair}");
            merges.Add(buffer[..(left + right)], left);
        }
    }
}

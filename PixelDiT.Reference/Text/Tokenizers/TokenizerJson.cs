using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>
/// Reads the tokenizer.json of Hugging Face. Vocabulary and merges are read token by token in whatever order they stand; the small parts, which say how a text is prepared, must be
/// those of Gemma-2. The keys truncation and padding are passed over: they are what a program last did to its rows.
/// </summary>
internal static class TokenizerJson
{
    /// <summary>The largest file that is read: Gemma-2's has 17.5 million bytes.</summary>
    public const int MaximumBytes = 128 << 20;

    private const string Bos = "<bos>", Pad = "<pad>";

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
        JsonCursor model = default, added = default;
        bool hasModel = false, hasAdded = false;
        JsonElement? normalizer = null, preTokenizer = null, postProcessor = null, decoder = null;
        json.Enter(JsonTokenType.StartObject, "the file");
        while (json.NextKey())
        {
            if (json.Is("model"u8)) Keep(ref json, ref model, ref hasModel, "model");
            else if (json.Is("added_tokens"u8)) Keep(ref json, ref added, ref hasAdded, "added_tokens");
            else if (json.Is("normalizer"u8)) Take(ref json, ref normalizer, "normalizer");
            else if (json.Is("pre_tokenizer"u8)) Take(ref json, ref preTokenizer, "pre_tokenizer");
            else if (json.Is("post_processor"u8)) Take(ref json, ref postProcessor, "post_processor");
            else if (json.Is("decoder"u8)) Take(ref json, ref decoder, "decoder");
            else json.Skip();
        }
        json.End();
        if (!hasModel) json.Refuse("the file", "has no model; a tokenizer.json of Hugging Face was expected");

        var rules = new TokenizerRules(source);
        rules.CheckNormalizer(normalizer);
        rules.CheckPreTokenizer(preTokenizer);
        rules.CheckDecoder(decoder);
        string bos = rules.TakeBos(postProcessor);
        List<AddedToken> tokens = hasAdded ? ReadAdded(added) : [];
        return ReadModel(model, tokens, bos, rules, source);
    }

    private static void Keep(ref JsonCursor json, ref JsonCursor place, ref bool has, string part)
    {
        if (has) json.Refuse(part, "occurs twice");
        place = json;
        has = true;
        json.Skip();
    }

    private static void Take(ref JsonCursor json, ref JsonElement? value, string part)
    {
        if (value is not null) json.Refuse(part, "occurs twice");
        value = json.Element(part);
    }

    private static List<AddedToken> ReadAdded(JsonCursor json)
    {
        var tokens = new List<AddedToken>();
        var texts = new HashSet<string>(StringComparer.Ordinal);
        Span<char> buffer = stackalloc char[Vocabulary.MaximumLength];
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
                if (json.Is("content"u8))
                {
                    json.Read();
                    content = buffer[..json.Text(buffer, $"{part}.content")].ToString();
                }
                else if (json.Is("id"u8)) id = json.Number($"{part}.id");
                else if (json.Is("special"u8)) isSpecial = json.Truth($"{part}.special");
                else if (json.Is("normalized"u8) || json.Is("lstrip"u8) || json.Is("rstrip"u8) || json.Is("single_word"u8))
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

    private static TokenizerModel ReadModel(JsonCursor json, List<AddedToken> tokens, string bos, TokenizerRules rules, string source)
    {
        JsonCursor vocabulary = default, merges = default;
        bool hasVocabulary = false, hasMerges = false;
        var settings = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        Span<char> buffer = stackalloc char[Vocabulary.MaximumLength];
        json.Enter(JsonTokenType.StartObject, "model");
        while (json.NextKey())
        {
            if (json.Is("vocab"u8)) Keep(ref json, ref vocabulary, ref hasVocabulary, "model.vocab");
            else if (json.Is("merges"u8)) Keep(ref json, ref merges, ref hasMerges, "model.merges");
            else
            {
                string key = buffer[..json.Text(buffer, "a key of model")].ToString();
                if (!settings.TryAdd(key, json.Element($"model.{Quote.Text(key)}"))) json.Refuse($"model.{Quote.Text(key)}", "occurs twice");
                if (settings.Count > 64) json.Refuse("model", "has more than 64 settings");
            }
        }
        rules.CheckModel(settings);
        if (!hasVocabulary) json.Refuse("model", "has no vocab; the pieces and their ids were expected");
        if (!hasMerges) json.Refuse("model", "has no merges; the pairs of pieces were expected");

        var ids = ReadVocabulary(vocabulary);
        foreach (var token in tokens)
        {
            if (ids.TryGetValue(token.Text, out int id) && id != token.Id) json.Refuse($"added_tokens: {Quote.Text(token.Text)}", $"has the id {token.Id}, and {id} in model.vocab");
        }
        var pieces = new Vocabulary(ids, tokens, source);
        return new("tokenizer.json", pieces, ReadMerges(merges, pieces, source), new(tokens), IdOf(bos), IdOf(Pad));

        int IdOf(string name) => tokens.Find(token => token.Text == name)?.Id ?? throw new FileFormatException($"{source}: has no added token {Quote.Text(name)}");
    }

    private static Dictionary<string, int> ReadVocabulary(JsonCursor json)
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
    private static Merges ReadMerges(JsonCursor json, Vocabulary vocabulary, string source)
    {
        const string Part = "model.merges", Pair = "two pieces were expected";
        var merges = new Merges(vocabulary, source);
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

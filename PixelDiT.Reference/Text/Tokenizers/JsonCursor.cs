using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>Goes through JSON token by token. It is a value: a copy stays where it was made, and goes on from there.</summary>
internal ref struct JsonCursor(ReadOnlySpan<byte> text, string source)
{
    private const int LongestSmallPart = 1 << 20;

    private readonly ReadOnlySpan<byte> _text = text;
    private Utf8JsonReader _json = new(text);

    /// <summary>The kind of token here.</summary>
    public readonly JsonTokenType Kind => _json.TokenType;

    /// <summary>The bytes of the token here, escapes as they are written.</summary>
    public readonly ReadOnlySpan<byte> Raw => _json.ValueSpan;

    /// <summary>Goes to the next token.</summary>
    /// <exception cref="JsonException">There is none, or it is damaged.</exception>
    public void Read()
    {
        // Utf8JsonReader puts a misspelled literal whole into its exception, which for a hundred million letters takes seconds and gigabytes.
        int at = (int)_json.BytesConsumed;
        while (at < _text.Length && _text[at] is (byte)':' or (byte)' ' or (byte)',' or (byte)'\t' or (byte)'\r' or (byte)'\n') at++;
        if (at < _text.Length && _text[at] is (byte)'t' or (byte)'f' or (byte)'n' && !IsLiteral(_text[at..])) throw new JsonException("a word is misspelled");
        if (!_json.Read()) throw new JsonException("it ends too early");
    }

    /// <summary>Checks that nothing but space follows.</summary>
    public void End()
    {
        if (_json.Read()) throw new JsonException("more follows behind its end");
    }

    /// <summary>Goes to the next token, which begins an object or array.</summary>
    public void Enter(JsonTokenType kind, string part)
    {
        Read();
        if (Kind != kind) Refuse(part, $"is {Found()}; {(kind == JsonTokenType.StartObject ? "an object" : "a list")} was expected");
    }

    /// <summary>Goes to the next key of an object; false at its end.</summary>
    public bool NextKey()
    {
        Read();
        return Kind == JsonTokenType.PropertyName;
    }

    /// <summary>Whether the token here is this text.</summary>
    public readonly bool Is(string text) => _json.ValueTextEquals(text);

    /// <summary>Copies the text here, which must fit into the buffer, and gives its length.</summary>
    public readonly int Text(scoped Span<char> buffer, string part)
    {
        if (Kind is not (JsonTokenType.String or JsonTokenType.PropertyName)) Refuse(part, $"is {Found()}; a text was expected");
        if (Raw.Length <= buffer.Length) return _json.CopyString(buffer);
        // A unit takes three bytes at most, and six in an escape.
        char[] room = Raw.Length <= 6 * buffer.Length ? new char[Raw.Length] : [];
        int length = room.Length > 0 ? _json.CopyString(room) : int.MaxValue;
        if (length > buffer.Length) Refuse(part, $"is {Quote.Bytes(Raw)}, too long; at most {buffer.Length} characters are read");
        room.AsSpan(0, length).CopyTo(buffer);
        return length;
    }

    /// <summary>Reads a whole number.</summary>
    public int Number(string part)
    {
        Read();
        int number = 0;
        if (Kind != JsonTokenType.Number || !_json.TryGetInt32(out number)) Refuse(part, $"is {Found()}; a whole number was expected");
        return number;
    }

    /// <summary>Reads true or false.</summary>
    public bool Truth(string part)
    {
        Read();
        if (Kind is not (JsonTokenType.True or JsonTokenType.False)) Refuse(part, $"is {Found()}; true or false was expected");
        return Kind == JsonTokenType.True;
    }

    /// <summary>Passes over the next value, however large.</summary>
    public void Skip()
    {
        Read();
        if (Kind is not (JsonTokenType.StartObject or JsonTokenType.StartArray)) return;
        for (int depth = _json.CurrentDepth; ;)
        {
            Read();
            if (Kind is JsonTokenType.EndObject or JsonTokenType.EndArray && _json.CurrentDepth == depth) return;
        }
    }

    /// <summary>Reads the next value whole; it must be small.</summary>
    public JsonElement Element(string part)
    {
        int from = (int)_json.BytesConsumed;
        Skip();
        var value = _text[from..(int)_json.BytesConsumed].TrimStart(": \t\r\n"u8);
        if (value.Length > LongestSmallPart) Refuse(part, $"has {value.Length} bytes; at most {LongestSmallPart} are read");
        using var document = JsonDocument.Parse(value.ToArray(), new JsonDocumentOptions { AllowDuplicateProperties = false });
        return document.RootElement.Clone();
    }

    private static bool IsLiteral(ReadOnlySpan<byte> text) => text.StartsWith("true"u8) || text.StartsWith("false"u8) || text.StartsWith("null"u8);

    /// <summary>Refuses the file.</summary>
    [DoesNotReturn]
    public readonly void Refuse(string part, string why) => throw new FileFormatException($"{source}: {part} {why}");

    /// <summary>What stands here, in words.</summary>
    public readonly string Found() => Kind switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.String => $"the text {Quote.Bytes(Raw)}",
        JsonTokenType.EndArray or JsonTokenType.EndObject => "nothing",
        _ => Quote.Bytes(Raw)
    };
}

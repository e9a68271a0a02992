using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Settings in JSON in a case's metadata. Every method throws a <see cref="FileFormatException"/> that names the file, the entry, what was found and what was expected.</summary>
internal sealed class CaseSettings
{
    private readonly string _source, _key;
    private readonly JsonElement _root;

    /// <summary>Reads an entry.</summary>
    /// <param name="source">The file, for messages.</param>
    /// <param name="key">The entry, for messages.</param>
    /// <param name="json">What it is.</param>
    public CaseSettings(string source, string key, string json)
    {
        (_source, _key) = (source, key);
        try
        {
            using var document = JsonDocument.Parse(json);
            _root = document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{source}: {Quote.Text(key)} in its metadata is not JSON: {JsonReason.Of(error)}", error);
        }
    }

    /// <summary>The names of its fields.</summary>
    public IReadOnlyList<string> Names => _root.ValueKind == JsonValueKind.Object ? [.. _root.EnumerateObject().Select(entry => entry.Name)] : throw Unexpected("", _root, "an object");

    /// <summary>Whether there is such a field.</summary>
    public bool Has(string name) => _root.ValueKind == JsonValueKind.Object && _root.TryGetProperty(name, out _);

    /// <summary>A number.</summary>
    public double Number(string name) => Field(name) is var field && field.ValueKind == JsonValueKind.Number && double.IsFinite(field.GetDouble()) ? field.GetDouble() : throw Unexpected(name, field, "a number");

    /// <summary>A whole number from 0.</summary>
    public int Whole(string name) => Field(name) is var field && field.ValueKind == JsonValueKind.Number && field.TryGetInt32(out int number) && number >= 0 ? number : throw Unexpected(name, field, "a whole number from 0");

    /// <summary>A text.</summary>
    public string Text(string name) => Field(name) is var field && field.ValueKind == JsonValueKind.String ? field.GetString()! : throw Unexpected(name, field, "a text");

    /// <summary>True or false.</summary>
    public bool Flag(string name) => Field(name) is var field && field.ValueKind is JsonValueKind.True or JsonValueKind.False ? field.GetBoolean() : throw Unexpected(name, field, "true or false");

    /// <summary>A list of numbers.</summary>
    /// <param name="name">The field; empty for the whole entry.</param>
    /// <param name="count">How many; null for any number.</param>
    public double[] Numbers(string name, int? count = null)
    {
        var field = name.Length == 0 ? _root : Field(name);
        bool isList = field.ValueKind == JsonValueKind.Array && field.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number) && (count is null || field.GetArrayLength() == count);
        return isList ? [.. field.EnumerateArray().Select(item => item.GetDouble())] : throw Unexpected(name, field, count is null ? "a list of numbers" : $"a list of {count} numbers");
    }

    /// <summary>The whole entry as a list of texts.</summary>
    public string[] Texts()
        => _root.ValueKind == JsonValueKind.Array && _root.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) ? [.. _root.EnumerateArray().Select(item => item.GetString()!)] : throw Unexpected("", _root, "a list of texts");

    /// <summary>The whole entry as pairs of a name and a shape.</summary>
    public IReadOnlyList<(string Name, string Shape)> NamesAndShapes()
    {
        bool isList = _root.ValueKind == JsonValueKind.Array && _root.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Array && item.GetArrayLength() == 2 && item[0].ValueKind == JsonValueKind.String && item[1].ValueKind == JsonValueKind.Array);
        return isList ? [.. _root.EnumerateArray().Select(item => (item[0].GetString()!, string.Join(',', item[1].EnumerateArray())))] : throw Unexpected("", _root, "a list of names with shapes");
    }

    private JsonElement Field(string name) => _root.ValueKind == JsonValueKind.Object && _root.TryGetProperty(name, out var field) ? field : throw new FileFormatException($"{_source}: {Quote.Text(_key)} in its metadata has no {Quote.Text(name)}");

    private FileFormatException Unexpected(string name, JsonElement found, string expected)
    {
        string text = found.GetRawText();
        string shown = text.Length > 60 ? $"{text[..60]}…" : text;
        return new($"{_source}: {(name.Length == 0 ? "" : $"{Quote.Text(name)} of ")}{Quote.Text(_key)} in its metadata is {shown}; {expected} was expected");
    }
}

using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Sampling;

/// <summary>The fields of a record from a picture, which anybody may have written: each is read as what it must be, or refused by name.</summary>
/// <param name="source">What holds the record, for messages.</param>
/// <param name="json">The object.</param>
internal sealed class RecordFields(string source, JsonElement json)
{
    private const int HashDigits = 64;

    private readonly HashSet<string> _read = [];

    /// <summary>Whether there is a field.</summary>
    public bool Has(string key) => json.TryGetProperty(key, out _);

    /// <summary>A text.</summary>
    /// <exception cref="FileFormatException">It is absent or no text; so of the others below.</exception>
    public string Text(string key) => Take(key) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : throw Wrong(key, "a text");

    /// <summary>A text, or null.</summary>
    public string? TextOrNull(string key) => Take(key) switch
    {
        { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.String } value => value.GetString()!,
        _ => throw Wrong(key, "a text or null")
    };

    /// <summary>A whole number in a range.</summary>
    public int Whole(string key, int least, int most) => Take(key) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out int number) && number >= least && number <= most ? number : throw Wrong(key, $"a whole number from {least} to {most}");

    /// <summary>A whole number from 0 to 2^64 − 1, or null.</summary>
    public ulong? SeedOrNull(string key) => Take(key) switch
    {
        { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.Number } value when value.TryGetUInt64(out ulong seed) => seed,
        _ => throw Wrong(key, "a seed")
    };

    /// <summary>A whole number from 0 to 2^64 − 1.</summary>
    public ulong Seed(string key) => SeedOrNull(key) ?? throw Wrong(key, "a seed");

    /// <summary>A finite number.</summary>
    public double Number(string key) => Take(key) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double number) && double.IsFinite(number) ? number : throw Wrong(key, "a number");

    /// <summary>64 hexadecimal digits.</summary>
    public string Hash(string key) => Text(key) is var hash && hash.Length == HashDigits && hash.All(char.IsAsciiHexDigitLower) ? hash : throw Wrong(key, $"{HashDigits} hexadecimal digits");

    /// <summary>A list, each item of which is read by somebody.</summary>
    public IReadOnlyList<T> List<T>(string key, Func<JsonElement, T?> read, string expected) where T : struct
        => Take(key) is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray().Select(item => read(item) ?? throw Wrong(key, expected))] : throw Wrong(key, expected);

    /// <summary>A list of objects.</summary>
    public IReadOnlyList<RecordFields> Objects(string key)
    {
        if (Take(key) is not { ValueKind: JsonValueKind.Array } list || list.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Object)) throw Wrong(key, "a list of objects");
        return [.. list.EnumerateArray().Select((item, i) => new RecordFields($"{source}, {key} {i}", item))];
    }

    /// <summary>A list of texts; null where it is null.</summary>
    public IReadOnlyList<string>? TextsOrNull(string key)
    {
        var value = Take(key);
        if (value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String)) throw Wrong(key, "a list of texts");
        return [.. value.EnumerateArray().Select(item => item.GetString()!)];
    }

    /// <summary>Passes over fields that decide nothing.</summary>
    public void Pass(params IEnumerable<string> keys) => _read.UnionWith(keys);

    /// <summary>Checks that there is no field that nobody has read: it might decide the picture.</summary>
    /// <exception cref="FileFormatException">There is one.</exception>
    public void RequireNoOther()
    {
        if (json.EnumerateObject().FirstOrDefault(field => !_read.Contains(field.Name)) is { Value.ValueKind: not JsonValueKind.Undefined } other)
            throw new FileFormatException($"{source}: has a field {Quote.Text(other.Name)}, which this version does not know ({PictureRecord.Program})");
    }

    /// <summary>What is wrong with a field.</summary>
    public FileFormatException Wrong(string key, string expected)
    {
        bool isThere = json.TryGetProperty(key, out var value);
        return new($"{source}: {Quote.Text(key)} is {SampleRecord.Show(isThere, value)}; {expected} was expected");
    }

    private JsonElement Take(string key)
    {
        _read.Add(key);
        return json.TryGetProperty(key, out var value) ? value : default;
    }
}

using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Safetensors;

/// <summary>
/// Walks the JSON of a header token by token, which shows duplicate keys and keeps a hostile header from growing into more memory than <see cref="MemoryLimit"/>.
/// Each value is asked for by its kind, so nesting deeper than the format's own is refused where it begins.
/// </summary>
internal ref struct SafetensorsHeaderParser(ReadOnlySpan<byte> text, string source)
{
    /// <summary>Roughly how many bytes of memory the parsed names, shapes and metadata may take.</summary>
    public const long MemoryLimit = 32 << 20;

    /// <summary>The most dimensions a shape may have; PyTorch has the same limit.</summary>
    public const int MaximumRank = 64;

    private const int MaximumTypeName = 16;

    // Objects and dictionary slots (which double when they fill up) per entry, measured on .NET 10 and rounded up.
    private const long TensorCost = 320, MetadataCost = 160;

    private const string Fields = "dtype, shape and data_offsets";

    private readonly ReadOnlySpan<byte> _text = text;
    private Utf8JsonReader _json = new(text);
    private long _remaining = MemoryLimit;
    private bool _metadataSeen;

    // Where the walk is, put into words only when there is something to report.
    private string? _tensor, _field;
    private bool _inMetadata;

    /// <summary>How many bytes of the header have been understood.</summary>
    public readonly int Position => (int)_json.BytesConsumed;

    /// <summary>The tensors found, in the header's order.</summary>
    public Dictionary<string, TensorInfo> Tensors { get; } = [];

    /// <summary>The strings under __metadata__.</summary>
    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Reads the whole header into <see cref="Tensors"/> and <see cref="Metadata"/>.</summary>
    /// <exception cref="FileFormatException">A key, value or field is not what the format allows.</exception>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public void ReadAll()
    {
        Read();
        while (NextKey(out string name))
        {
            if (name == SafetensorsHeader.MetadataKey) ReadMetadata();
            else ReadTensor(name);
        }
        // Anything but space after the closing brace is a JsonException.
        Read();
    }

    private void ReadMetadata()
    {
        _inMetadata = true;
        if (_metadataSeen) throw Error(" occurs twice");
        _metadataSeen = true;
        Read();
        // Some writers spell "no metadata" as null, which loses nothing.
        if (_json.TokenType == JsonTokenType.Null)
        {
            _inMetadata = false;
            return;
        }
        if (_json.TokenType != JsonTokenType.StartObject) throw Error($" is {Found()}; an object of strings was expected");
        while (NextKey(out string key))
        {
            _field = key;
            Charge(MetadataCost);
            Expect(JsonTokenType.String, "a string");
            if (!Metadata.TryAdd(key, TakeString())) throw Error(" occurs twice");
            _field = null;
        }
        _inMetadata = false;
    }

    private void ReadTensor(string name)
    {
        _tensor = name;
        Charge(TensorCost);
        if (Tensors.ContainsKey(name)) throw Error(" occurs twice");
        Expect(JsonTokenType.StartObject, $"an object with {Fields}");

        string? type = null;
        long[]? shape = null, offsets = null;
        while (NextKey(out string key))
        {
            _field = key;
            bool first = key switch
            {
                "dtype" => type is null,
                "shape" => shape is null,
                "data_offsets" => offsets is null,
                _ => throw Error($" is a field that no tensor has; only {Fields} were expected")
            };
            if (!first) throw Error(" occurs twice");
            if (key == "dtype") type = ReadType();
            else if (key == "shape") shape = ReadSizes(MaximumRank);
            else offsets = ReadSizes(2);
            _field = null;
        }
        Tensors.Add(name, Check(name, type, shape, offsets));
        _tensor = null;
    }

    private readonly TensorInfo Check(string name, string? typeName, long[]? shape, long[]? offsets)
    {
        if (typeName is null || shape is null || offsets is null)
            throw Error($" has no {(typeName is null ? "dtype" : shape is null ? "shape" : "data_offsets")}; {Fields} were expected");
        if (offsets.Length != 2)
            throw Error($": data_offsets has {offsets.Length} numbers; 2 were expected, where the bytes begin and where they end");
        if (offsets[0] > offsets[1])
            throw Error($": data_offsets are [{offsets[0]}, {offsets[1]}]; the begin must not be after the end");
        var type = DataTypes.TryParse(typeName, out var known) ? known : DataType.Other;
        if (!TensorInfo.TryMeasure(shape, type, out long needed)) throw Error($": {What()} has more than 2^63 - 1 bytes");
        var info = new TensorInfo(name, type, Array.AsReadOnly(shape), offsets[0], offsets[1] - offsets[0]);
        if (type == DataType.Other) return HoldsWholeElements(info) ? info with { TypeName = typeName } : throw Error($": {Where()}; {What()} cannot fill them with elements of equal size");
        if ((Int128)info.Count * type.ElementBits % 8 != 0) throw Error($": {What()} has {(Int128)info.Count * type.ElementBits} bits; whole bytes were expected");
        return info.Bytes == needed ? info : throw Error($": {Where()}; {What()} needs {needed}");

        string What() => $"shape [{string.Join(", ", shape)}] of {typeName}";
        string Where() => $"data_offsets [{offsets[0]}, {offsets[1]}] hold {offsets[1] - offsets[0]} bytes";
    }

    /// <summary>Whether bytes can be those of elements of one size in bits, all that can be asked of a type that is not known.</summary>
    private static bool HoldsWholeElements(TensorInfo tensor) => tensor.Count == 0 ? tensor.Bytes == 0 : tensor.Bytes > 0 && (Int128)tensor.Bytes * 8 % tensor.Count == 0;

    private string ReadType()
    {
        Expect(JsonTokenType.String, "a string such as \"F32\"");
        string name = TakeString();
        return DataTypes.TryParse(name, out _) || MayBeNewType(name)
            ? name
            : throw Error($" is {Found()}; one of {string.Join(", ", Enum.GetValues<DataType>().Where(known => known.IsOfSafetensors).Select(known => known.FormatName))} was expected");
    }

    /// <summary>Whether a type may be one that the format has been given since: its names are short, of capitals, digits and underscores, and tell a number of bits.</summary>
    private static bool MayBeNewType(string name)
        => name.Length is > 1 and <= MaximumTypeName && char.IsAsciiLetterUpper(name[0]) && name.Any(char.IsAsciiDigit) && name.All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_');

    private long[] ReadSizes(int most)
    {
        Expect(JsonTokenType.StartArray, "an array of whole numbers");
        Span<long> sizes = stackalloc long[most];
        int count = 0;
        while (Read() && _json.TokenType != JsonTokenType.EndArray)
        {
            if (count == most) throw Error($" has more than {most} numbers");
            if (_json.TokenType != JsonTokenType.Number || !_json.TryGetInt64(out long size) || size < 0)
                throw Error($"[{count}] is {Found()}; a whole number from 0 to 2^63 - 1 was expected");
            sizes[count++] = size;
        }
        Charge(count * sizeof(long));
        return sizes[..count].ToArray();
    }

    private bool Read()
    {
        // Utf8JsonReader puts a misspelled literal whole into its exception, which for a hundred million letters takes seconds and gigabytes.
        var rest = _text[Position..];
        int start = rest.IndexOfAnyExcept(": ,\t\r\n"u8);
        if (start >= 0 && rest[start] is (byte)'t' or (byte)'f' or (byte)'n')
        {
            rest = rest[start..];
            if (!rest.StartsWith("true"u8) && !rest.StartsWith("false"u8) && !rest.StartsWith("null"u8)) throw new JsonException();
        }
        return _json.Read();
    }

    private bool NextKey(out string key)
    {
        Read();
        bool more = _json.TokenType == JsonTokenType.PropertyName;
        key = more ? TakeString() : "";
        return more;
    }

    private void Expect(JsonTokenType kind, string expected)
    {
        Read();
        if (_json.TokenType != kind) throw Error($" is {Found()}; {expected} was expected");
    }

    private string TakeString()
    {
        Charge(sizeof(char) * _json.ValueSpan.Length);
        try
        {
            return _json.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw Error($": {Quote.Bytes(_json.ValueSpan)} escapes half a surrogate pair; Unicode text was expected", error);
        }
    }

    private void Charge(long bytes)
    {
        _remaining -= bytes;
        if (_remaining < 0)
            throw new FileFormatException($"{source}: the header's names, shapes and metadata take more than {MemoryLimit >> 20} MiB of memory; a file of weights needs far less");
    }

    private readonly string Found() => _json.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "the string " + Quote.Bytes(_json.ValueSpan),
        _ => Quote.Bytes(_json.ValueSpan).Trim('"')
    };

    private readonly FileFormatException Error(string problem, Exception? inner = null)
    {
        string place = _tensor is not null ? $"{source}: tensor {Quote.Text(_tensor)}"
            : _inMetadata ? $"{source}: {SafetensorsHeader.MetadataKey}"
            : $"{source}: the header";
        return new FileFormatException(_field is null ? place + problem : $"{place}: {Quote.Text(_field)}{problem}", inner);
    }
}

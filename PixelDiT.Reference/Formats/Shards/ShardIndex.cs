using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Shards;

/// <summary>Which tensor lies in which file, as JSON: <c>{"metadata": {"total_size": N}, "weight_map": {"TENSOR": "FILE"}}</c>.</summary>
/// <param name="Files">The file of each tensor, in the order of the index; each is a name in the index's folder.</param>
/// <param name="TotalBytes">What the index says that all tensors take; null where it does not say.</param>
internal sealed record ShardIndex(IReadOnlyDictionary<string, string> Files, long? TotalBytes)
{
    private const int MaximumBytes = 16 << 20, MaximumTensors = 1 << 16, MaximumFiles = 1024;
    private const string MapKey = "weight_map", MetadataKey = "metadata", TotalKey = "total_size";

    /// <summary>Whether a text may be an index: a JSON object that has a map of weights, or the name of an index.</summary>
    public static bool Recognises(ReadOnlySpan<byte> start, string source)
    {
        var text = start.StartsWith("\ufeff"u8) ? start[3..] : start;
        return text.TrimStart(" \t\r\n"u8) is [(byte)'{', ..] && (text.IndexOf("\"weight_map\""u8) >= 0 || source.EndsWith(ShardName.IndexExtension, StringComparison.Ordinal));
    }

    /// <summary>Reads an index.</summary>
    /// <exception cref="FileFormatException">It is too long, no JSON, has no map of weights, names a tensor twice, or a file outside its folder.</exception>
    public static ShardIndex Read(Stream stream, string source)
    {
        if (stream.Length > MaximumBytes) throw new FileFormatException($"{source}: is an index of {stream.Length} bytes; at most {MaximumBytes} are read");
        byte[] text = new byte[stream.Length];
        stream.Position = 0;
        stream.ReadExactly(text);
        try
        {
            return Parse(text.AsSpan().StartsWith("\ufeff"u8) ? text.AsSpan(3) : text, source);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new FileFormatException($"{source}: is an index of files of weights, but no well-formed JSON", error);
        }
    }

    private static ShardIndex Parse(ReadOnlySpan<byte> text, string source)
    {
        var json = new Utf8JsonReader(text);
        Dictionary<string, string>? files = null;
        long? total = null;
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals(MapKey)) files = files is null ? ReadMap(ref json, source) : throw new FileFormatException($"{source}: {MapKey} occurs twice");
            else if (json.ValueTextEquals(MetadataKey)) total = ReadTotal(ref json);
            else json.Skip();
        }
        // Anything but space after the closing brace is a JsonException.
        json.Read();
        return files is null ? throw new FileFormatException($"{source}: is JSON, but has no {MapKey}; an index of files of weights was expected") : new ShardIndex(files, total);
    }

    private static Dictionary<string, string> ReadMap(ref Utf8JsonReader json, string source)
    {
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new FileFormatException($"{source}: {MapKey} is no object; names of tensors with their files were expected");
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string tensor = json.GetString()!;
            if (!json.Read() || json.TokenType != JsonTokenType.String) throw new FileFormatException($"{source}: {MapKey}: tensor {Quote.Text(tensor)} has no name of a file");
            string file = json.GetString()!;
            if (file.Length == 0 || file is "." or ".." || file.AsSpan().IndexOfAny("/\\:\0") >= 0)
                throw new FileFormatException($"{source}: {MapKey}: tensor {Quote.Text(tensor)} lies in {Quote.Text(file)}; the name of a file in the index's folder was expected");
            if (!files.TryAdd(tensor, file)) throw new FileFormatException($"{source}: {MapKey}: tensor {Quote.Text(tensor)} occurs twice");
            names.Add(file);
            if (files.Count > MaximumTensors || names.Count > MaximumFiles) throw new FileFormatException($"{source}: names more than {MaximumTensors} tensors or {MaximumFiles} files");
        }
        return files.Count > 0 ? files : throw new FileFormatException($"{source}: {MapKey} names no tensor");
    }

    private static long? ReadTotal(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            return null;
        }
        long? total = null;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            bool isTotal = json.ValueTextEquals(TotalKey);
            json.Read();
            if (isTotal && json.TokenType == JsonTokenType.Number && json.TryGetInt64(out long bytes)) total = bytes;
            else json.Skip();
        }
        return total;
    }
}

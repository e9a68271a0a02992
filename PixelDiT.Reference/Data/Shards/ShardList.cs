using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data.Shards;

/// <summary>A shard of a data set.</summary>
/// <param name="Path">The tar.</param>
/// <param name="Samples">How many of its samples belong to the data set; if it has more, the rest is never seen.</param>
internal readonly record struct ShardEntry(string Path, int Samples);

/// <summary>The index of a folder of shards, <c>wids-meta.json</c>: <c>{"wids_version": 1, "shardlist": [{"url": FILE, "nsamples": N}, …]}</c>, files relative to it. Sizes and hashes that it may name are not checked.</summary>
internal static class ShardList
{
    /// <summary>The index's name.</summary>
    public const string IndexName = "wids-meta.json";

    private const int MostBytes = 64 << 20;

    /// <summary>The shards of a folder.</summary>
    /// <exception cref="FileFormatException">The index is missing, no JSON, of another version, or names a shard outside its folder or a number of samples below 1.</exception>
    public static IReadOnlyList<ShardEntry> Read(string folder)
    {
        string path = Path.Combine(folder, IndexName);
        byte[] text = ReadWhole(path, MostBytes);
        try
        {
            using var json = JsonDocument.Parse(text);
            return Read(json.RootElement, folder, path);
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{path}: is no JSON: {JsonReason.Of(error)}", error);
        }
        catch (InvalidOperationException error)
        {
            // Half a surrogate pair.
            throw new FileFormatException($"{path}: holds text that is no Unicode", error);
        }
    }

    /// <summary>A file's bytes.</summary>
    /// <exception cref="FileFormatException">It cannot be read, or has more bytes than <paramref name="most"/>.</exception>
    internal static byte[] ReadWhole(string path, int most)
    {
        using var stream = AtomicFile.OpenRead(path);
        try
        {
            if (stream.Length > most) throw new FileFormatException($"{path}: has {stream.Length} bytes; at most {most} are read");
            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    private static List<ShardEntry> Read(JsonElement root, string folder, string path)
    {
        if (root.ValueKind != JsonValueKind.Object) throw new FileFormatException($"{path}: is no object; an index of shards was expected");
        if (!root.TryGetProperty("wids_version", out var version) || version.ValueKind != JsonValueKind.Number || !version.TryGetInt32(out int number) || number != 1)
            throw new FileFormatException($"{path}: wids_version is {(version.ValueKind == JsonValueKind.Undefined ? "absent" : Quote.Text(version.GetRawText()))}; 1 was expected");
        if (!root.TryGetProperty("shardlist", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
            throw new FileFormatException($"{path}: has no shardlist; a list of shards was expected{(root.TryGetProperty("datasets", out _) ? " (an index of other indices is not read: name their folders)" : "")}");
        var shards = new List<ShardEntry>();
        foreach (var entry in list.EnumerateArray())
        {
            string where = $"{path}: shardlist[{shards.Count}]";
            if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("url", out var url) || url.ValueKind != JsonValueKind.String) throw new FileFormatException($"{where} has no url; the name of a tar was expected");
            if (!entry.TryGetProperty("nsamples", out var samples) || samples.ValueKind != JsonValueKind.Number || !samples.TryGetInt32(out int count) || count < 1)
                throw new FileFormatException($"{where}: nsamples is {(samples.ValueKind == JsonValueKind.Undefined ? "absent" : Quote.Text(samples.GetRawText()))}; a whole number above 0 was expected");
            string name = url.GetString()!;
            bool isInside = name.Length > 0 && !Path.IsPathRooted(name) && name.AsSpan().IndexOfAny("\\:\0") < 0 && !name.Split('/').Contains("..") && name.EndsWith(".tar", StringComparison.Ordinal);
            if (!isInside) throw new FileFormatException($"{where}: url is {Quote.Text(name)}; the path of a .tar inside the index's folder was expected (nothing is fetched from elsewhere)");
            shards.Add(new ShardEntry(Path.Combine(folder, name), count));
        }
        return shards;
    }
}

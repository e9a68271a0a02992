using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>A file of golden tensors, embedded in the reference assembly under "golden/".</summary>
internal sealed class GoldenFile
{
    private readonly byte[] bytes;
    private readonly Dictionary<string, JsonElement> header;
    private readonly int dataStart;

    /// <summary>Opens a file by its name under "golden/", without the extension, such as "modules/pixel_block".</summary>
    public GoldenFile(string name)
    {
        using var stream = typeof(ExactModel).Assembly.GetManifestResourceStream($"golden/{name}.safetensors")
            ?? throw new FileNotFoundException($"golden/{name}.safetensors is not embedded");
        bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        dataStart = 8 + headerLength;
        header = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(bytes.AsSpan(8, headerLength))!;
    }

    /// <summary>The names of all tensors.</summary>
    public IEnumerable<string> Names => header.Keys.Where(name => name != "__metadata__");

    /// <summary>A setting of the file.</summary>
    public string Metadata(string key) => header["__metadata__"].GetProperty(key).GetString()!;

    public int[] Shape(string name) => [.. header[name].GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())];

    public double[] Doubles(string name) => header[name].GetProperty("dtype").GetString() == "F64"
        ? MemoryMarshal.Cast<byte, double>(Data(name)).ToArray()
        : Array.ConvertAll(Singles(name), value => (double)value);

    public float[] Singles(string name) => MemoryMarshal.Cast<byte, float>(Data(name)).ToArray();

    public int[] Integers(string name) => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(Data(name)).ToArray(), checked(value => (int)value));

    /// <summary>The parameters of a module, by the module's own names.</summary>
    public double[] Parameter(string name) => Doubles($"param.{name}");

    private ReadOnlySpan<byte> Data(string name)
    {
        var offsets = header[name].GetProperty("data_offsets");
        int start = offsets[0].GetInt32(), end = offsets[1].GetInt32();
        return bytes.AsSpan(dataStart + start, end - start);
    }
}

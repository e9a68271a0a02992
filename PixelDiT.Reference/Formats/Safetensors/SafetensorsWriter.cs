using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Safetensors;

/// <summary>
/// Writes safetensors files through <see cref="AtomicFile"/>. The bytes depend on the arguments alone: tensors in the order given, metadata by
/// ordinal order of its keys, the header padded with spaces so that the data begins at a multiple of 8. What is written, <see cref="SafetensorsReader"/> opens.
/// </summary>
public static class SafetensorsWriter
{
    private const int ChunkElements = 1 << 14;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Writes tensors of any size, asking for their elements chunk by chunk. Narrowing rounds to nearest even.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="tensors">What to write; each type is F64, F32, F16 or BF16.</param>
    /// <param name="metadata">Strings stored beside the tensors, or null.</param>
    /// <param name="fill">Supplies the elements, 16384 or fewer at a time. What it throws passes on to the caller, except errors of the file system; the target is then untouched.</param>
    /// <exception cref="FileFormatException">The file cannot be written, or the tensors cannot stand in one file: equal names, the name "__metadata__", a negative size.</exception>
    /// <exception cref="ArgumentException">A type that singles cannot be stored in.</exception>
    public static void Write(string path, IReadOnlyList<TensorSpec> tensors, IReadOnlyDictionary<string, string>? metadata, TensorFill fill) => AtomicFile.Write(path, Content(path, tensors, metadata, fill));

    /// <summary>The same, and tells what was written.</summary>
    /// <returns>SHA-256 of the file, 64 hexadecimal digits.</returns>
    /// <inheritdoc cref="Write(string, IReadOnlyList{TensorSpec}, IReadOnlyDictionary{string, string}?, TensorFill)"/>
    public static string WriteHashed(string path, IReadOnlyList<TensorSpec> tensors, IReadOnlyDictionary<string, string>? metadata, TensorFill fill) => AtomicFile.WriteHashed(path, Content(path, tensors, metadata, fill));

    /// <summary>Writes small tensors that are in memory, each in the type of its array.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="tensors">What to write.</param>
    /// <param name="metadata">Strings stored beside the tensors, or null.</param>
    /// <exception cref="FileFormatException">The file cannot be written, or the tensors cannot stand in one file: equal names, the name "__metadata__".</exception>
    public static void Write(string path, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        byte[] prefix = BuildPrefix(path, [.. tensors.Select(tensor => tensor.Spec)], metadata);
        AtomicFile.Write(path, output =>
        {
            output.Write(prefix);
            foreach (var tensor in tensors) tensor.WriteTo(output);
        });
    }

    /// <summary>What the file of these tensors would hold, for <see cref="SafetensorsReader.Open(Stream, string)"/>.</summary>
    /// <param name="name">How messages call it.</param>
    /// <param name="tensors">What it holds.</param>
    /// <exception cref="FileFormatException">The tensors cannot stand in one file: equal names, the name "__metadata__".</exception>
    internal static MemoryStream InMemory(string name, IReadOnlyList<TensorData> tensors)
    {
        var output = new MemoryStream();
        output.Write(BuildPrefix(name, [.. tensors.Select(tensor => tensor.Spec)], null));
        foreach (var tensor in tensors) tensor.WriteTo(output);
        output.Position = 0;
        return output;
    }

    private static Action<Stream> Content(string path, IReadOnlyList<TensorSpec> tensors, IReadOnlyDictionary<string, string>? metadata, TensorFill fill)
    {
        foreach (var tensor in tensors)
        {
            if (!tensor.Type.IsFloat)
                throw new ArgumentException($"tensor {Quote.Text(tensor.Name)} is {tensor.Type.FormatName}; F64, F32, F16 or BF16 was expected", nameof(tensors));
        }
        byte[] prefix = BuildPrefix(path, tensors, metadata);
        return output =>
        {
            output.Write(prefix);
            foreach (var tensor in tensors) WriteTensor(output, tensor, fill);
        };
    }

    private static void WriteTensor(Stream output, TensorSpec tensor, TensorFill fill)
    {
        TensorInfo.TryMeasure(tensor.Shape, tensor.Type, out long bytes);
        int size = tensor.Type.ElementBytes;
        float[] values = ArrayPool<float>.Shared.Rent(ChunkElements);
        byte[] stored = ArrayPool<byte>.Shared.Rent(ChunkElements * size);
        try
        {
            for (long first = 0, count = bytes / size; first < count; first += ChunkElements)
            {
                int length = (int)Math.Min(ChunkElements, count - first);
                var chunk = values.AsSpan(0, length);
                fill(tensor.Name, first, chunk);
                var encoded = stored.AsSpan(0, length * size);
                ElementConversion.Encode(tensor.Type, chunk, encoded);
                output.Write(encoded);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(values);
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    private static byte[] BuildPrefix(string path, IReadOnlyList<TensorSpec> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var text = new ArrayBufferWriter<byte>();
        text.Write(new byte[sizeof(ulong)]);
        long dataBytes = 0;
        // Names stay readable in a hex viewer; JSON needs no escapes beyond quotes, backslashes and controls.
        using (var json = new Utf8JsonWriter(text, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                    json.WriteString(Unicode(path, key), Unicode(path, value));
                json.WriteEndObject();
            }
            foreach (var tensor in tensors)
            {
                if (!TensorInfo.TryMeasure(tensor.Shape, tensor.Type, out long bytes) || bytes > long.MaxValue - dataBytes - SafetensorsHeader.MaximumBytes)
                    throw new FileFormatException($"{path}: tensor {Quote.Text(tensor.Name)}: shape [{string.Join(", ", tensor.Shape)}] has a negative size or makes the file pass 2^63 - 1 bytes");
                WriteEntry(json, Unicode(path, tensor.Name), tensor, dataBytes, dataBytes + bytes);
                dataBytes += bytes;
            }
            json.WriteEndObject();
        }
        int padding = -text.WrittenCount & 7;
        text.GetSpan(padding)[..padding].Fill((byte)' ');
        text.Advance(padding);

        byte[] prefix = text.WrittenSpan.ToArray();
        var header = prefix.AsSpan(sizeof(ulong));
        if (header.Length > SafetensorsHeader.MaximumBytes)
            throw new FileFormatException($"{path}: the header would have {header.Length} bytes; at most {SafetensorsHeader.MaximumBytes} were expected");
        // The reader's own check finds equal names, the reserved name and whatever else it would refuse.
        SafetensorsHeader.Parse(header, dataBytes, path);
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        return prefix;
    }

    private static void WriteEntry(Utf8JsonWriter json, string name, TensorSpec tensor, long begin, long end)
    {
        json.WriteStartObject(name);
        json.WriteString("dtype", tensor.Type.FormatName);
        json.WriteStartArray("shape");
        foreach (long size in tensor.Shape) json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(begin);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The text itself, if it can be encoded; Utf8JsonWriter would put U+FFFD for half a surrogate pair, and two names could become one.</summary>
    private static string Unicode(string path, string text)
    {
        try
        {
            s_strictUtf8.GetByteCount(text);
            return text;
        }
        catch (EncoderFallbackException error)
        {
            throw new FileFormatException($"{path}: {Quote.Text(text)} holds half a surrogate pair; Unicode text was expected", error);
        }
    }
}

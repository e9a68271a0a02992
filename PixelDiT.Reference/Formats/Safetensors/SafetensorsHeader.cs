using System.Text.Json;
using System.Text.Unicode;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Safetensors;

/// <summary>A checked header: every tensor has bytes of its own, and together they cover the data without overlap or gap.</summary>
/// <param name="Metadata">The strings under __metadata__; empty if there is none.</param>
/// <param name="Tensors">In the order of their bytes; empty tensors before the tensor that begins at the same place.</param>
/// <param name="ByName">The same tensors under their names.</param>
internal sealed record SafetensorsHeader(
    IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<TensorInfo> Tensors, IReadOnlyDictionary<string, TensorInfo> ByName)
{
    /// <summary>The format's limit on the header's length.</summary>
    public const int MaximumBytes = 100_000_000;

    /// <summary>The key that holds strings about the file instead of a tensor.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>Parses and checks a header.</summary>
    /// <param name="text">The bytes between the length field and the data.</param>
    /// <param name="dataBytes">How many bytes follow the header.</param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="FileFormatException">The header breaks a rule of the format; the message names the tensor and field, what was found and what was expected.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> text, long dataBytes, string source)
    {
        if (text[0] != '{') throw new FileFormatException($"{source}: the header begins with byte 0x{text[0]:x2}; '{{' (0x7b) was expected");
        if (!Utf8.IsValid(text)) throw new FileFormatException($"{source}: the header is not valid UTF-8");

        var parser = new SafetensorsHeaderParser(text, source);
        try
        {
            parser.ReadAll();
        }
        catch (JsonException error)
        {
            // The exception's own message may quote the file at length, control characters and all.
            throw new FileFormatException($"{source}: the header is not valid JSON after its byte {parser.Position}, at {Quote.Bytes(text[parser.Position..])}", error);
        }
        // OrderBy is stable: tensors without bytes keep the header's order.
        TensorInfo[] tensors = [.. parser.Tensors.Values.OrderBy(tensor => tensor.Offset).ThenBy(tensor => tensor.Bytes)];
        CheckCoverage(tensors, dataBytes, source);
        return new SafetensorsHeader(parser.Metadata, tensors, parser.Tensors);
    }

    private static void CheckCoverage(TensorInfo[] tensors, long dataBytes, string source)
    {
        long end = 0;
        TensorInfo? previous = null;
        foreach (var tensor in tensors)
        {
            string? problem = tensor.Offset + tensor.Bytes > dataBytes ? $", beyond the file's {dataBytes} bytes of data; the file may be cut short"
                : tensor.Offset < end ? $", which overlaps tensor {Quote.Text(previous!.Name)} at [{previous.Offset}, {end}]"
                : tensor.Offset > end ? $"; bytes {end} to {tensor.Offset} before it belong to no tensor"
                : null;
            if (problem is not null)
                throw new FileFormatException($"{source}: tensor {Quote.Text(tensor.Name)}: data_offsets are [{tensor.Offset}, {tensor.Offset + tensor.Bytes}]{problem}");
            end = tensor.Offset + tensor.Bytes;
            previous = tensor;
        }
        if (end < dataBytes)
            throw new FileFormatException($"{source}: the tensors end at byte {end} of the data; {dataBytes - end} trailing bytes belong to no tensor");
    }
}

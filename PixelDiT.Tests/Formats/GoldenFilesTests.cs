using System.Buffers.Binary;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;

namespace PixelDiT.Tests.Formats;

/// <summary>Every golden safetensors file, written by another program, opens and gives the very numbers that lie in its bytes.</summary>
public class GoldenFilesTests
{
    private static IEnumerable<string> Names =>
        typeof(ModelConfig).Assembly.GetManifestResourceNames().Where(name => name.StartsWith("golden/", StringComparison.Ordinal) && name.EndsWith(".safetensors", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    [Test] public void Golden_files_are_embedded() => Assert.That(Names.Count(), Is.GreaterThanOrEqualTo(20).And.EqualTo(Names.Distinct().Count()));

    [TestCaseSource(nameof(Names))]
    public void A_golden_file_reads_as_its_bytes_say(string name)
    {
        using var copy = new MemoryStream();
        using (var resource = typeof(ModelConfig).Assembly.GetManifestResourceStream(name)!) resource.CopyTo(copy);
        byte[] file = copy.ToArray();
        int headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, headerBytes));

        using var reader = SafetensorsReader.Open(typeof(ModelConfig).Assembly.GetManifestResourceStream(name)!, name);
        int tensors = 0;
        foreach (var entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                Assert.That(reader.Metadata, Is.EqualTo(entry.Value.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.GetString()!)));
                continue;
            }
            tensors++;
            var data = file.AsSpan(8 + headerBytes + entry.Value.GetProperty("data_offsets")[0].GetInt32());
            Assert.That(reader[entry.Name].Shape, Is.EqualTo(entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())));
            double[] values = reader.ReadDoubles(entry.Name);
            string type = entry.Value.GetProperty("dtype").GetString()!;
            for (int i = 0; i < values.Length; i++)
            {
                double expected = type switch
                {
                    "F64" => BinaryPrimitives.ReadDoubleLittleEndian(data[(8 * i)..]),
                    "F32" => BinaryPrimitives.ReadSingleLittleEndian(data[(4 * i)..]),
                    "BF16" => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * i)..]) << 16),
                    "I64" => BinaryPrimitives.ReadInt64LittleEndian(data[(8 * i)..]),
                    "I32" => BinaryPrimitives.ReadInt32LittleEndian(data[(4 * i)..]),
                    "U8" => data[i],
                    _ => throw new NotSupportedException($"{name} holds {type}")
                };
                if (!values[i].Equals(expected)) Assert.Fail($"{entry.Name}[{i}] is {values[i]}; its bytes say {expected}");
            }
        }
        Assert.That(reader.Tensors.Count, Is.EqualTo(tensors).And.GreaterThan(0));
    }
}

using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Formats.Safetensors;
using static PixelDiT.Tests.Formats.Safetensors.SafetensorsBytes;

namespace PixelDiT.Tests.Formats.Safetensors;

/// <summary>Damaged files either read as their bytes say or are refused with a proper error; nothing else escapes, and no message carries control characters.</summary>
public class SafetensorsFuzzTests
{
    private const int Files = 30_000;

    private static readonly string[] s_tokens =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "-1", "0", "1", "1.5", "1e3", "2147483648", "4294967296", "9223372036854775807",
        "18446744073709551616", "\"dtype\":\"F32\",", "\"shape\":[0],", "\"data_offsets\":[0,4],", "\"__metadata__\":{},", "\"F64\"", "\"BOOL\"", "\"F4\"", "\"F6_E2M3\"", "\"X9\"", "null,", "[]", "{}", " ", "\n", "é", "\u0085", "\u202e"
    ];

    private static readonly byte[][] s_seeds =
    [
        File("{}"),
        File("{\"__metadata__\":{\"format\":\"pt\",\"é\":\"\\n\"}," + Entry("a", "F32", "2,3", 0, 24) + "," + Entry("b.c", "I64", "", 24, 32) + "," + Entry("d", "BOOL", "0,2", 32, 32) + "}  ", new byte[32]),
        File("{" + string.Join(",", new[] { "F64", "U64", "F16", "BF16", "U8", "I8", "F8_E5M2", "C64" }.Select((type, i) => Entry($"t{i}", type, $"{(type[^1] is '4' ? 1 : type is "F16" or "BF16" ? 4 : 8)}", 8 * i, 8 * i + 8))) + "}",
            [.. Enumerable.Range(0, 64).Select(i => (byte)(i * 37))]),
        File("{\"__metadata__\":null," + Entry("f4", "F4", "2,3", 0, 3) + "," + Entry("f6", "F6_E3M2", "4", 3, 6) + "," + Entry("new", "F12", "2", 6, 9) + "," + Entry("w", "F32", "2", 9, 17) + "}", [.. Enumerable.Range(0, 17).Select(i => (byte)(i * 53))])
    ];

    private static byte[] Damage(Random random)
    {
        byte[] seed = s_seeds[random.Next(s_seeds.Length)];
        var file = seed.ToList();
        int headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(seed);
        foreach (var edit in Edit.Draw(random, most: 5, kinds: 7))
        {
            int at = edit.At(file.Count), before = file.Count, span = Math.Min(edit.Length, file.Count - at);
            switch (edit.Kind)
            {
                case 0 when span > 0: file[at] ^= (byte)(1 << (edit.Choice & 7)); break;
                case 1 when span > 0: file[at] = (byte)edit.Choice; break;
                case 2: file.InsertRange(at, Enumerable.Repeat((byte)edit.Choice, edit.Length)); break;
                case 3: file.RemoveRange(at, span); break;
                case 4: file.InsertRange(at, file.GetRange(at, span)); break;
                case 5: file.RemoveRange(at, file.Count - at); break;
                case 6:
                    int digits = file.Skip(at).TakeWhile(b => char.IsAsciiDigit((char)b)).Count();
                    file.RemoveRange(at, digits);
                    file.InsertRange(at, Encoding.UTF8.GetBytes(s_tokens[edit.Choice % s_tokens.Length]));
                    break;
            }
            if (at >= 8 && at < 8 + headerBytes) headerBytes = Math.Max(0, headerBytes + file.Count - before);
        }
        byte[] bytes = [.. file];
        // Without the right length most damage inside a header would be refused before the header is looked at.
        if (random.Next(2) == 0 && bytes.Length >= 8) BinaryPrimitives.WriteInt64LittleEndian(bytes, headerBytes);
        return bytes;
    }

    /// <summary>A file that reads must give what its bytes say to a reader that looks at one tensor after the other and trusts the header.</summary>
    private static bool ReadsOrRefuses(byte[] file) => Fuzz.ReadsOrRefuses(() =>
    {
        using var reader = SafetensorsReader.Open(new MemoryStream(file), "fuzz");
        int headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, headerBytes));
        int tensors = 0;
        foreach (var entry in header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__"))
        {
            tensors++;
            var tensor = reader[entry.Name];
            if (tensor.Unreadable is not null) continue;
            int begin = (int)entry.Value.GetProperty("data_offsets")[0].GetInt64(), end = (int)entry.Value.GetProperty("data_offsets")[1].GetInt64();
            string type = entry.Value.GetProperty("dtype").GetString()!;
            double[] values = reader.ReadDoubles(entry.Name), said = [.. Elements(file.AsSpan(8 + headerBytes)[begin..end], type)];
            if (!values.SequenceEqual(said)) throw new InvalidDataException($"{entry.Name} reads as [{string.Join(", ", values)}]; its bytes say [{string.Join(", ", said)}]");
            // From 64-bit integers a double, and a single made of that, would round twice.
            if (type is not ("I64" or "U64") && !reader.ReadSingles(entry.Name).SequenceEqual(values.Select(value => (float)value))) throw new InvalidDataException($"{entry.Name} has two contents");
        }
        if (tensors != reader.Tensors.Count) throw new InvalidDataException($"{tensors} tensors became {reader.Tensors.Count}");
    });

    private static List<double> Elements(ReadOnlySpan<byte> bytes, string type)
    {
        var values = new List<double>();
        for (; !bytes.IsEmpty; bytes = bytes[(type[^2..] switch { "64" => 8, "32" => 4, "16" => 2, _ => 1 })..])
        {
            values.Add(type switch
            {
                "F64" => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
                "F32" => BinaryPrimitives.ReadSingleLittleEndian(bytes),
                "F16" => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
                "BF16" => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadInt16LittleEndian(bytes) << 16),
                "I64" => BinaryPrimitives.ReadInt64LittleEndian(bytes),
                "U64" => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
                "I32" => BinaryPrimitives.ReadInt32LittleEndian(bytes),
                "U32" => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
                "I16" => BinaryPrimitives.ReadInt16LittleEndian(bytes),
                "U16" => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
                "I8" => (sbyte)bytes[0],
                "U8" => bytes[0],
                "BOOL" => bytes[0] == 0 ? 0 : 1,
                _ => throw new InvalidDataException($"{type} was read")
            });
        }
        return values;
    }

    [Test]
    public void Seeds_read() => Assert.That(s_seeds.Select(ReadsOrRefuses), Is.All.True);

    [Test]
    public void Damaged_files_read_as_their_bytes_say_or_are_refused()
    {
        int read = Fuzz.Run("safetensors", Files, Damage, ReadsOrRefuses);
        Assert.That(read, Is.GreaterThan(Files / 100).And.LessThan(Files / 2), "both answers are tested");
    }
}

using System.Buffers.Binary;
using System.Text;
using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using static PixelDiT.Tests.Formats.SafetensorsBytes;

namespace PixelDiT.Tests.Formats;

/// <summary>Mutated files either read whole or are refused with a proper error; nothing else escapes, and no message carries control characters.</summary>
public class SafetensorsFuzzTests
{
    private const int Files = 30_000;

    private static readonly string[] tokens =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "-1", "0", "1", "1.5", "1e3", "2147483648", "4294967296", "9223372036854775807",
        "18446744073709551616", "\"dtype\":\"F32\",", "\"shape\":[0],", "\"data_offsets\":[0,4],", "\"__metadata__\":{},", "\"F64\"", "\"BOOL\"", "[]", "{}", " ", "\n", "é", "\u0085", "\u202e"
    ];

    private static readonly byte[][] seeds =
    [
        File("{}"),
        File("{\"__metadata__\":{\"format\":\"pt\",\"é\":\"\\n\"}," + Entry("a", "F32", "2,3", 0, 24) + "," + Entry("b.c", "I64", "", 24, 32) + "," + Entry("d", "BOOL", "0,2", 32, 32) + "}  ", new byte[32]),
        File("{" + string.Join(",", new[] { "F64", "U64", "F16", "BF16", "U8", "I8", "F8_E5M2", "C64" }.Select((type, i) => Entry($"t{i}", type, $"{(type[^1] is '4' ? 1 : type is "F16" or "BF16" ? 4 : 8)}", 8 * i, 8 * i + 8))) + "}",
            [.. Enumerable.Range(0, 64).Select(i => (byte)(i * 37))])
    ];

    private sealed record Edit(int Kind, double Place, int Length, int Choice);

    private static readonly Gen<(int Seed, Edit[] Edits, bool Repair)> mutations =
        Gen.Select(Gen.Int[0, seeds.Length - 1], Gen.Select(Gen.Int[0, 6], Gen.Double[0, 1], Gen.Int[1, 12], Gen.Int[0, 255], (kind, place, length, choice) => new Edit(kind, place, length, choice)).Array[1, 5], Gen.Bool);

    private static byte[] Mutate((int Seed, Edit[] Edits, bool Repair) mutation)
    {
        var file = seeds[mutation.Seed].ToList();
        int headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(seeds[mutation.Seed]);
        foreach (var (kind, place, length, choice) in mutation.Edits)
        {
            int at = Math.Min((int)(place * file.Count), file.Count), before = file.Count;
            int span = Math.Min(length, file.Count - at);
            switch (kind)
            {
                case 0 when span > 0: file[at] ^= (byte)(1 << (choice & 7)); break;
                case 1 when span > 0: file[at] = (byte)choice; break;
                case 2: file.InsertRange(at, Enumerable.Repeat((byte)choice, length)); break;
                case 3: file.RemoveRange(at, span); break;
                case 4: file.InsertRange(at, file.GetRange(at, span)); break;
                case 5: file.RemoveRange(at, file.Count - at); break;
                case 6:
                    int digits = file.Skip(at).TakeWhile(b => char.IsAsciiDigit((char)b)).Count();
                    file.RemoveRange(at, digits);
                    file.InsertRange(at, Encoding.UTF8.GetBytes(tokens[choice % tokens.Length]));
                    break;
            }
            if (at >= 8 && at < 8 + headerBytes) headerBytes = Math.Max(0, headerBytes + file.Count - before);
        }
        byte[] bytes = [.. file];
        // Without the right length most damage inside a header would be refused before the header is looked at.
        if (mutation.Repair && bytes.Length >= 8) BinaryPrimitives.WriteInt64LittleEndian(bytes, headerBytes);
        return bytes;
    }

    private static bool ReadsOrRefuses(byte[] file)
    {
        try
        {
            using var reader = SafetensorsReader.Open(new MemoryStream(file), "fuzz");
            long end = 0;
            foreach (var tensor in reader.Tensors)
            {
                if (tensor.Offset != end) throw new InvalidDataException($"{tensor.Name} begins at {tensor.Offset}, not at {end}");
                end += tensor.Bytes;
                if (tensor.Type.IsReadable && reader.ReadSingles(tensor.Name).Length != reader.ReadDoubles(tensor.Name).Length)
                    throw new InvalidDataException($"{tensor.Name} has two lengths");
                if (tensor.Type.IsInteger && tensor.Type != DataType.U64) reader.ReadIntegers(tensor.Name);
            }
            return true;
        }
        catch (FileFormatException error)
        {
            if (!error.Message.StartsWith("fuzz: ", StringComparison.Ordinal) || error.Message.Length > 2500 || error.Message.Any(char.IsControl))
                throw new InvalidDataException($"not a proper message: {error.Message}");
            return false;
        }
    }

    [Test]
    public void Seeds_read() => Assert.That(seeds.Select(ReadsOrRefuses), Is.All.True);

    [Test]
    public void Mutated_files_read_or_are_refused()
    {
        int read = 0, refused = 0;
        mutations.Sample(mutation => _ = ReadsOrRefuses(Mutate(mutation)) ? Interlocked.Increment(ref read) : Interlocked.Increment(ref refused),
            writeLine: TestContext.Out.WriteLine, iter: Files, print: mutation => Convert.ToHexString(Mutate(mutation)));
        TestContext.Out.WriteLine($"{read} read, {refused} refused");
        Assert.That(read, Is.GreaterThan(Files / 100));
        Assert.That(refused, Is.GreaterThan(Files / 2));
    }
}

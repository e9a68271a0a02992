using System.Runtime.InteropServices;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using static PixelDiT.Tests.Formats.Safetensors.SafetensorsBytes;

namespace PixelDiT.Tests.Formats.Safetensors;

/// <summary>What a well-formed file gives: values of every type, order, ranges, and files that pass 4 GB.</summary>
public class SafetensorsReaderTests
{
    private static SafetensorsReader Open(string header, params byte[] data) => SafetensorsReader.Open(new MemoryStream(File(header, data)), "f");

    private static SafetensorsReader OpenOne<T>(string type, params T[] stored) where T : unmanaged
    {
        byte[] data = MemoryMarshal.AsBytes<T>(stored).ToArray();
        return Open($"{{{Entry("a", type, stored.Length.ToString(), 0, data.Length)}}}", data);
    }

    private static void Reads(SafetensorsReader opened, double[] expected, long[]? integers)
    {
        using var reader = opened;
        Assert.That(reader.ReadDoubles("a"), Is.EqualTo(expected));
        Assert.That(reader.ReadSingles("a"), Is.EqualTo(expected.Select(value => (float)value)));
        if (integers is not null) Assert.That(reader.ReadIntegers("a"), Is.EqualTo(integers));
        else Assert.That(() => reader.ReadIntegers("a"), Throws.TypeOf<FileFormatException>().With.Message.Contains("an integer type was expected"));
    }

    [Test] public void Reads_F64() => Reads(OpenOne("F64", 0.1, -1e300, double.NaN, double.PositiveInfinity), [0.1, -1e300, double.NaN, double.PositiveInfinity], null);
    [Test] public void Reads_F32() => Reads(OpenOne("F32", 0.1f, -0f, float.NaN, float.Epsilon), [0.1f, -0.0, double.NaN, float.Epsilon], null);
    [Test] public void Reads_F16() => Reads(OpenOne<ushort>("F16", 0x3C00, 0xC100, 0x0001, 0x7C00, 0x7E00), [1, -2.5, Math.Pow(2, -24), double.PositiveInfinity, double.NaN], null);
    [Test] public void Reads_BF16() => Reads(OpenOne<ushort>("BF16", 0x3F80, 0xC020, 0x0001, 0xFF80, 0x7FC0), [1, -2.5, Math.Pow(2, -133), double.NegativeInfinity, double.NaN], null);
    [Test] public void Reads_I64() => Reads(OpenOne("I64", long.MinValue, -1, (1L << 53) + 1), [-Math.Pow(2, 63), -1, 9007199254740992], [long.MinValue, -1, (1L << 53) + 1]);
    [Test] public void Reads_I32() => Reads(OpenOne("I32", int.MinValue, 16777217), [int.MinValue, 16777217], [int.MinValue, 16777217]);
    [Test] public void Reads_I16() => Reads(OpenOne<short>("I16", short.MinValue, 7), [short.MinValue, 7], [short.MinValue, 7]);
    [Test] public void Reads_I8() => Reads(OpenOne<sbyte>("I8", -128, 127), [-128, 127], [-128, 127]);
    [Test] public void Reads_U64() => Reads(OpenOne<ulong>("U64", 0, long.MaxValue), [0, Math.Pow(2, 63)], [0, long.MaxValue]);
    [Test] public void Reads_U32() => Reads(OpenOne("U32", 0u, uint.MaxValue), [0, uint.MaxValue], [0, uint.MaxValue]);
    [Test] public void Reads_U16() => Reads(OpenOne<ushort>("U16", 0, ushort.MaxValue), [0, ushort.MaxValue], [0, ushort.MaxValue]);
    [Test] public void Reads_U8() => Reads(OpenOne<byte>("U8", 0, 255), [0, 255], [0, 255]);
    [Test] public void Reads_Bool() => Reads(OpenOne<byte>("BOOL", 0, 1, 2), [0, 1, 1], null);

    [Test]
    public void A_U64_beyond_long_is_an_error_only_as_an_integer()
    {
        using var reader = OpenOne("U64", ulong.MaxValue);
        Assert.That(reader.ReadDoubles("a"), Is.EqualTo(new[] { Math.Pow(2, 64) }));
        Assert.That(() => reader.ReadIntegers("a"), Throws.TypeOf<FileFormatException>().With.Message.EqualTo("f: tensor \"a\": it holds an integer beyond 2^63 - 1"));
    }

    [TestCase("F8_E4M3", 1, 1)]
    [TestCase("F8_E5M2", 1, 1)]
    [TestCase("F8_E8M0", 1, 1)]
    [TestCase("F8_E4M3FNUZ", 1, 1)]
    [TestCase("F8_E5M2FNUZ", 3, 3)]
    [TestCase("F6_E2M3", 4, 3)]
    [TestCase("F6_E3M2", 8, 6)]
    [TestCase("F4", 2, 1)]
    [TestCase("F4", 6, 3)]
    [TestCase("F4", 0, 0)]
    [TestCase("C64", 1, 8)]
    [TestCase("F8_E3M4", 5, 5)]
    [TestCase("F128", 2, 32)]
    [TestCase("I4", 6, 3)]
    [TestCase("F12", 0, 0)]
    public void Types_without_values_are_listed_and_do_not_read(string type, int count, int bytes)
    {
        byte[] data = [.. BitConverter.GetBytes(1.5f), .. new byte[bytes]];
        using var reader = Open($"{{{Entry("plain", "F32", "1", 0, 4)},{Entry("a", type, $"{count}", 4, 4 + bytes)}}}", data);
        Assert.That((reader["a"].TypeName, reader["a"].Count, reader["a"].Bytes), Is.EqualTo((type, (long)count, (long)bytes)));
        Assert.That(reader["a"].Unreadable, Does.StartWith($"its type is {type}, which this program cannot turn into numbers"));
        Assert.That(() => reader.ReadSingles("a"), Throws.TypeOf<FileFormatException>().With.Message.StartsWith($"f: tensor \"a\": its type is {type}"));
        Assert.That(() => reader.ReadDoubles("a"), Throws.TypeOf<FileFormatException>());
        Assert.That(() => reader.ReadIntegers("a"), Throws.TypeOf<FileFormatException>());
        Assert.That((reader["plain"].Unreadable, reader.ReadSingles("plain")[0]), Is.EqualTo(((string?)null, 1.5f)), "what stands beside it is read");
    }

    [TestCase("null")]
    [TestCase(" null ")]
    public void Metadata_that_is_null_is_none(string value)
    {
        using var reader = Open($"{{\"__metadata__\":{value},{Entry("a", "U8", "1", 0, 1)}}}", 9);
        Assert.That((reader.Metadata.Count, reader.ReadIntegers("a")[0]), Is.EqualTo((0, 9L)));
    }

    [Test]
    public void Tensors_come_in_the_order_of_their_bytes()
    {
        string header = $"{{{Entry("c", "U8", "2", 2, 4)},{Entry("e", "U8", "0", 4, 4)},{Entry("b", "U8", "0,7", 2, 2)},{Entry("a", "U8", "2", 0, 2)}}}";
        using var reader = Open(header, 1, 2, 3, 4);
        Assert.That(reader.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "a", "b", "c", "e" }));
        Assert.That(reader["c"], Is.SameAs(reader.Tensors[2]));
        Assert.That((reader["c"].Offset, reader["c"].Bytes), Is.EqualTo((2L, 2L)));
        Assert.That(reader["b"].Shape, Is.EqualTo(new long[] { 0, 7 }));
        Assert.That(reader.ReadIntegers("c"), Is.EqualTo(new long[] { 3, 4 }));
        Assert.That(reader.ReadSingles("b"), Is.Empty);
    }

    [Test]
    public void A_header_may_be_padded_and_spread_over_lines()
    {
        using var reader = Open("{\n\t\"__metadata__\" : {\"\\u00e9\":\"\\n\"} , \"\" :{ \"data_offsets\":[0,1],\"shape\":[ ],\"dtype\":\"U8\"}}\r\n   ", 9);
        Assert.That(reader.Metadata, Is.EqualTo(new Dictionary<string, string> { ["é"] = "\n" }));
        Assert.That(reader.ReadIntegers(""), Is.EqualTo(new long[] { 9 }));
    }

    [Test]
    public void An_empty_header_has_no_tensors()
    {
        using var reader = Open("{}");
        Assert.That((reader.Tensors.Count, reader.Metadata.Count, reader.Source), Is.EqualTo((0, 0, "f")));
    }

    [Test]
    public void A_missing_tensor_is_named_with_its_file()
    {
        using var reader = OpenOne<byte>("U8", 1);
        Assert.That((reader.Contains("a"), reader.Contains("A")), Is.EqualTo((true, false)));
        Assert.That(() => reader["A"], Throws.TypeOf<FileFormatException>().With.Message.EqualTo("f: has no tensor \"A\" among its 1"));
    }

    [Test]
    public void A_range_reads_just_that_range()
    {
        float[] stored = [.. Enumerable.Range(0, 100_000).Select(i => (float)i)];
        using var reader = OpenOne("F32", stored);
        float[] part = new float[40_000];
        reader.ReadSingles("a", 50_000, part);
        Assert.That(part, Is.EqualTo(stored[50_000..90_000]));
        reader.ReadSingles("a", 100_000, []);
    }

    [TestCase(-1, 1)]
    [TestCase(3, 2)]
    [TestCase(long.MaxValue, 1)]
    [TestCase(0, 5)]
    public void A_range_outside_the_tensor_is_refused(long first, int count)
    {
        using var reader = OpenOne("F32", 1f, 2f, 3f, 4f);
        Assert.That(() => reader.ReadSingles("a", first, new float[count]), Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.Contains("tensor \"a\" has 4 elements"));
    }

    [Test]
    public void A_tensor_beyond_4_gigabytes_reads_in_parts()
    {
        const long count = 5L << 30;
        byte[] start = File($"{{{Entry("big", "U8", $"{count}", 0, count)},{Entry("last", "U8", "4", count, count + 4)}}}");
        using var reader = SafetensorsReader.Open(new SparseStream(start, start.Length + count + 4, position => (byte)((position - start.Length) % 251)), "sparse");
        float[] part = new float[3];
        reader.ReadSingles("big", count - 3, part);
        Assert.That(part, Is.EqualTo(new[] { (count - 3) % 251, (count - 2) % 251, (count - 1) % 251 }));
        Assert.That(reader.ReadIntegers("last")[3], Is.EqualTo((count + 3) % 251));
        Assert.That(() => reader.ReadSingles("big"), Throws.TypeOf<FileFormatException>().With.Message.Contains("read in parts"));
    }

    [Test]
    public void Reading_allocates_nothing_that_grows_with_the_tensor()
    {
        const int count = 8 << 20;
        byte[] start = File($"{{{Entry("big", "BF16", $"{count}", 0, 2 * count)}}}");
        using var reader = SafetensorsReader.Open(new SparseStream(start, start.Length + 2 * count, _ => 0), "sparse");
        float[] part = new float[1 << 20];
        reader.ReadSingles("big", 0, part);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (long first = 0; first < count; first += part.Length) reader.ReadSingles("big", first, part);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(128 << 10));
    }

    [Test]
    public void A_file_cut_short_while_it_is_open_is_an_error()
    {
        var memory = new MemoryStream();
        memory.Write(File($"{{{Entry("a", "U8", "4", 0, 4)}}}", 1, 2, 3, 4));
        using var reader = SafetensorsReader.Open(memory, "f");
        memory.SetLength(memory.Length - 2);
        Assert.That(() => reader.ReadSingles("a"), Throws.TypeOf<FileFormatException>().With.Message.StartsWith("f: tensor \"a\": cannot be read"));
    }

    [Test]
    public void The_stream_is_closed_with_the_reader_and_after_a_failure()
    {
        var good = new MemoryStream(File("{}"));
        SafetensorsReader.Open(good, "f").Dispose();
        var bad = new MemoryStream(File("[]"));
        Assert.Throws<FileFormatException>(() => SafetensorsReader.Open(bad, "f"));
        Assert.That((good.CanRead, bad.CanRead), Is.EqualTo((false, false)));
    }
}

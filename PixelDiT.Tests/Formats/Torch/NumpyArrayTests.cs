using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using static PixelDiT.Tests.Formats.Torch.PickleCalls;

namespace PixelDiT.Tests.Formats.Torch;

// Inside the namespace, so that Text is the method and not the neighbouring folder.
using static PixelDiT.Tests.Formats.Torch.PickleBytes;

/// <summary>NumPy arrays inside PyTorch files: plain little-endian numbers are read as tensors, everything else is listed with the reason.</summary>
public class NumpyArrayTests
{
    private static readonly byte[] s_bytes = [.. Enumerable.Range(0, 48).Select(i => (byte)((i * 89) + 7))];

    private static IWeightFile Open(params (string, byte[])[] entries) => WeightFile.Open(new MemoryStream(Archive(Join(0x80, 2, DictOf(entries), '.'))), "f");

    private static double[] Doubles() => [.. Enumerable.Range(0, 6).Select(i => BitConverter.ToDouble(s_bytes, 8 * i))];

    [TestCase("f8", 6)]
    [TestCase("f4", 12)]
    [TestCase("f2", 24)]
    [TestCase("i8", 6)]
    [TestCase("i4", 12)]
    [TestCase("i2", 24)]
    [TestCase("i1", 48)]
    [TestCase("u8", 6)]
    [TestCase("u4", 12)]
    [TestCase("u2", 24)]
    [TestCase("u1", 48)]
    [TestCase("b1", 48)]
    public void Every_plain_type_reads(string code, int count)
    {
        using var file = Open(("a", Array(Dtype(code, code.EndsWith('1') ? "|" : "<"), [count], false, OldBytes(s_bytes))));
        double[] expected = [.. Enumerable.Range(0, count).Select(i => code switch
        {
            "f8" => BitConverter.ToDouble(s_bytes, 8 * i),
            "f4" => BitConverter.ToSingle(s_bytes, 4 * i),
            "f2" => (double)BitConverter.ToHalf(s_bytes, 2 * i),
            "i8" => BitConverter.ToInt64(s_bytes, 8 * i),
            "i4" => BitConverter.ToInt32(s_bytes, 4 * i),
            "i2" => BitConverter.ToInt16(s_bytes, 2 * i),
            "i1" => (sbyte)s_bytes[i],
            "u8" => BitConverter.ToUInt64(s_bytes, 8 * i),
            "u4" => BitConverter.ToUInt32(s_bytes, 4 * i),
            "u2" => BitConverter.ToUInt16(s_bytes, 2 * i),
            "u1" => s_bytes[i],
            _ => s_bytes[i] == 0 ? 0 : 1
        })];
        Assert.That(file.ReadDoubles("a"), Is.EqualTo(expected));
    }

    /// <summary>The ways in which protocols write an array's bytes.</summary>
    private static IEnumerable<TestCaseData> Stored()
    {
        yield return new TestCaseData(OldBytes(s_bytes)).SetArgDisplayNames("text of Latin-1");
        yield return new TestCaseData(Join('C', s_bytes.Length, s_bytes)).SetArgDisplayNames("short bytes");
        yield return new TestCaseData(Join('B', I32(s_bytes.Length), s_bytes)).SetArgDisplayNames("bytes");
        yield return new TestCaseData(Join(0x8E, I64((ulong)s_bytes.Length), s_bytes)).SetArgDisplayNames("long bytes");
        yield return new TestCaseData(Join(0x96, I64((ulong)s_bytes.Length), s_bytes)).SetArgDisplayNames("a bytearray");
        yield return new TestCaseData(Join('U', s_bytes.Length, s_bytes)).SetArgDisplayNames("Python 2's short str");
        yield return new TestCaseData(Join('T', I32(s_bytes.Length), s_bytes)).SetArgDisplayNames("Python 2's str");
    }

    [TestCaseSource(nameof(Stored))]
    public void Bytes_read_however_they_are_written(byte[] data)
    {
        using var file = Open(("rows", Array(Dtype("f8"), [2, 3], false, data)), ("columns", Array(Dtype("<f8"), [2, 3], true, data, "numpy._core.multiarray")),
            ("buffer", Call("numpy.core.numeric._frombuffer", data, Dtype("f8"), Tuple(3, 2), Text("F"))));
        double[] v = Doubles();
        Assert.That(file.ReadDoubles("rows"), Is.EqualTo(v));
        Assert.That(file.ReadDoubles("columns"), Is.EqualTo(new[] { v[0], v[2], v[4], v[1], v[3], v[5] }));
        Assert.That(file.ReadDoubles("buffer"), Is.EqualTo(new[] { v[0], v[3], v[1], v[4], v[2], v[5] }));
        float[] part = new float[2];
        file.ReadSingles("columns", 3, part);
        Assert.That(part, Is.EqualTo(new[] { (float)v[1], (float)v[3] }));
    }

    [Test]
    public void An_array_longer_than_any_name_reads()
    {
        byte[] data = [.. Enumerable.Range(0, 40_000).Select(i => (byte)(i * 7))];
        using var file = Open(("text", Array(Dtype("u1", "|"), [200, 200], false, OldBytes(data))), ("bytes", Array(Dtype("u1", "|"), [40_000], false, Join('B', I32(data.Length), data))));
        Assert.That(file.ReadDoubles("text"), Is.EqualTo(data.Select(value => (double)value)));
        Assert.That(file.ReadDoubles("bytes"), Is.EqualTo(file.ReadDoubles("text")));
    }

    [Test]
    public void Empty_and_scalar_arrays_read()
    {
        using var file = Open(("empty", Array(Dtype("f4"), [0, 3], false, OldBytes([]))), ("scalar", Array(Dtype("f4"), [], false, OldBytes(s_bytes[..4]))));
        Assert.That(file.ReadDoubles("empty"), Is.Empty);
        Assert.That(file.ReadDoubles("scalar"), Is.EqualTo(new double[] { BitConverter.ToSingle(s_bytes, 0) }));
    }

    private static IEnumerable<TestCaseData> NotReadable()
    {
        TestCaseData Case(string name, byte[] array, string reason) => new TestCaseData(array, reason).SetArgDisplayNames(name);
        yield return Case("big-endian", Array(Dtype("f4", ">"), [12], false, OldBytes(s_bytes)), "type \"NumPy >f4\"");
        yield return Case("big-endian by its code", Array(Call("numpy.dtype", Text(">f4"), False, True), [12], false, OldBytes(s_bytes)), "type \"NumPy >f4\"");
        yield return Case("objects", Array(Dtype("O8", "|"), [2], false, ListOf(Text("a"), Text("b"))), "type \"NumPy O8\"");
        yield return Case("texts", Array(Dtype("U3"), [4], false, OldBytes(s_bytes)), "type \"NumPy U3\"");
        yield return Case("times", Array(Dtype("M8"), [6], false, OldBytes(s_bytes)), "type \"NumPy M8\"");
        yield return Case("complex", Array(Dtype("c8"), [6], false, OldBytes(s_bytes)), "C64");
        yield return Case("fields", Array(Build(Call("numpy.dtype", Text("V8"), False, True), TupleOf(Number(3), Text("|"), None, TupleOf(Text("x")), DictOf(("x", None)), Number(8), Number(1), Number(0))), [6], false, OldBytes(s_bytes)), "NumPy |V8");
        yield return Case("fewer bytes than its shape", Array(Dtype("f8"), [7], false, OldBytes(s_bytes)), "56 bytes by its shape, but has 48");
        yield return Case("more bytes than its shape", Array(Dtype("f8"), [5], false, OldBytes(s_bytes)), "40 bytes by its shape, but has 48");
        yield return Case("a negative size", Array(Dtype("f8"), [-6], false, OldBytes(s_bytes)), "no whole numbers");
        yield return Case("sizes that overflow", Array(Dtype("f8"), [1L << 40, 1L << 40], false, OldBytes(s_bytes)), "2^63 - 1 bytes");
        yield return Case("a list for bytes", Array(Dtype("f8"), [6], false, ListOf(Number(1))), "not stored as bytes");
        yield return Case("no state", Call("numpy.core.multiarray._reconstruct", Global("numpy.ndarray"), Tuple(0), Text("b")), "without content");
    }

    [TestCaseSource(nameof(NotReadable))]
    public void An_array_of_something_else_is_listed_and_refused_by_name(byte[] array, string reason)
    {
        using var file = Open(("odd", array), ("plain", Array(Dtype("f8"), [6], false, OldBytes(s_bytes))));
        Assert.That(file.ReadDoubles("plain"), Is.EqualTo(Doubles()));
        Assert.That(file["odd"].Unreadable, Does.Contain(reason));
        Assert.That(() => file.ReadDoubles("odd"), Throws.TypeOf<FileFormatException>().With.Message.StartsWith("f: tensor \"odd\": ").And.Message.Contains(reason));
    }

    [Test]
    public void Numbers_are_notes_and_no_tensors()
    {
        byte[] Scalar(string code, byte[] bytes) => Call("numpy.core.multiarray.scalar", Dtype(code), OldBytes(bytes));
        using var file = Open(("loss", Scalar("f8", BitConverter.GetBytes(0.25))), ("step", Scalar("i8", BitConverter.GetBytes(12000L))), ("done", Scalar("b1", [1])), ("half", Scalar("f2", BitConverter.GetBytes((Half)1.5f))),
            ("text", Scalar("U1", [65, 0, 0, 0])), ("w", Array(Dtype("f8"), [6], false, OldBytes(s_bytes))));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "w" }));
        Assert.That(file.Metadata, Is.EquivalentTo(new Dictionary<string, string> { ["loss"] = "0.25", ["step"] = "12000", ["done"] = "true", ["half"] = "1.5" }));
    }
}

using System.Buffers.Binary;
using System.Text;
using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using static PixelDiT.Tests.Formats.Safetensors.SafetensorsBytes;

namespace PixelDiT.Tests.Formats.Safetensors;

/// <summary>What is written reads back, byte for byte the same each time, rounded to nearest even.</summary>
public class SafetensorsWriterTests
{
    private string _directory = "", _path = "";

    [SetUp]
    public void MakeDirectory()
    {
        _directory = NewDirectory();
        _path = Path.Combine(_directory, "a.safetensors");
    }

    [TearDown] public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void Arrays_of_every_kind_come_back()
    {
        SafetensorsWriter.Write(_path,
        [
            new TensorData("single", [2, 2], new[] { 1f, -0f, float.NaN, float.MaxValue }),
            new TensorData("double", [3], new[] { 0.1, double.Epsilon, double.NegativeInfinity }),
            new TensorData("long", [2], new[] { long.MinValue, long.MaxValue }),
            new TensorData("int", [1, 2], new[] { int.MinValue, int.MaxValue }),
            new TensorData("byte", [2], new byte[] { 0, 255 }),
            new TensorData("scalar", [], new[] { 3.5f }),
            new TensorData("empty", [4, 0, 2], Array.Empty<double>()),
            new TensorData("日本 \"quoted\"\n\\ 🎈", [1], new[] { 7 })
        ]);
        using var reader = SafetensorsReader.Open(_path);
        Assert.That(reader.ReadSingles("single").Select(BitConverter.SingleToInt32Bits), Is.EqualTo(new[] { 1f, -0f, float.NaN, float.MaxValue }.Select(BitConverter.SingleToInt32Bits)));
        Assert.That(reader.ReadDoubles("double"), Is.EqualTo(new[] { 0.1, double.Epsilon, double.NegativeInfinity }));
        Assert.That(reader.ReadIntegers("long"), Is.EqualTo(new[] { long.MinValue, long.MaxValue }));
        Assert.That(reader.ReadIntegers("int"), Is.EqualTo(new long[] { int.MinValue, int.MaxValue }));
        Assert.That(reader.ReadIntegers("byte"), Is.EqualTo(new long[] { 0, 255 }));
        Assert.That((reader["scalar"].Shape.Count, reader.ReadSingles("scalar")[0]), Is.EqualTo((0, 3.5f)));
        Assert.That((reader["empty"].Count, reader.ReadDoubles("empty").Length), Is.EqualTo((0L, 0)));
        Assert.That(reader.ReadIntegers("日本 \"quoted\"\n\\ 🎈"), Is.EqualTo(new long[] { 7 }));
        Assert.That(reader.Tensors.Select(tensor => tensor.Type.FormatName), Is.EqualTo(new[] { "F32", "F64", "I64", "I32", "U8", "F32", "F64", "I32" }));
    }

    [Test]
    public void Filled_tensors_come_back_in_every_float_type([Values(DataType.F64, DataType.F32, DataType.F16, DataType.BF16)] DataType type)
    {
        const int count = 40_001;
        TensorSpec[] tensors = [new("first", type, [count]), new("none", type, [0]), new("second", type, [])];
        var asked = new List<(string, long, int)>();
        SafetensorsWriter.Write(_path, tensors, null, (name, first, chunk) =>
        {
            asked.Add((name, first, chunk.Length));
            for (int i = 0; i < chunk.Length; i++) chunk[i] = (first + i) % 251;
        });
        using var reader = SafetensorsReader.Open(_path);
        Assert.That(reader.ReadSingles("first"), Is.EqualTo(Enumerable.Range(0, count).Select(i => (float)(i % 251))));
        Assert.That(asked, Is.EqualTo(new[] { ("first", 0L, 16384), ("first", 16384L, 16384), ("first", 32768L, 7233), ("second", 0L, 1) }));
    }

    [Test]
    public void Bytes_depend_on_the_arguments_alone_and_data_begins_at_a_multiple_of_8()
    {
        for (int length = 1; length <= 9; length++)
        {
            TensorData[] tensors = [new(new string('n', length), [2], new[] { 1f, 2f })];
            SafetensorsWriter.Write(_path, tensors, new Dictionary<string, string> { ["b"] = "é", ["a"] = "", ["B"] = "1" });
            byte[] once = System.IO.File.ReadAllBytes(_path);
            SafetensorsWriter.Write(_path, tensors, new SortedDictionary<string, string> { ["a"] = "", ["B"] = "1", ["b"] = "é" });
            Assert.That(System.IO.File.ReadAllBytes(_path), Is.EqualTo(once));

            long header = BinaryPrimitives.ReadInt64LittleEndian(once);
            Assert.That(header % 8, Is.EqualTo(0));
            string expected = "{\"__metadata__\":{\"B\":\"1\",\"a\":\"\",\"b\":\"é\"}," + Entry(new string('n', length), "F32", "2", 0, 8) + "}";
            Assert.That(Encoding.UTF8.GetString(once, 8, (int)header).TrimEnd(' '), Is.EqualTo(expected));
        }
    }

    [Test]
    public void Metadata_comes_back()
    {
        var metadata = new Dictionary<string, string> { [""] = "", ["config"] = "{\"a\": [1, 2]}", ["é"] = "line\nline\t\u0001 <&'>" };
        SafetensorsWriter.Write(_path, [], metadata);
        using var reader = SafetensorsReader.Open(_path);
        Assert.That(reader.Metadata, Is.EqualTo(metadata));
    }

    [Test]
    public void Empty_metadata_is_like_none()
    {
        SafetensorsWriter.Write(_path, [], new Dictionary<string, string>());
        Assert.That(System.IO.File.ReadAllBytes(_path), Is.EqualTo(File("{}      ")));
    }

    [Test]
    public void Random_files_come_back()
    {
        var name = Gen.String[Gen.Char.AlphaNumeric, 0, 20];
        var tensor = Gen.Select(Gen.Long[0, 4].Array[0, 4], Gen.Enum<DataType>().Where(type => type.IsFloat));
        Gen.Select(Gen.Dictionary(name, tensor)[0, 8], Gen.Dictionary(name, Gen.String)[0, 4]).Sample((tensors, metadata) =>
        {
            metadata = metadata.Where(entry => !entry.Value.Any(char.IsSurrogate)).ToDictionary();
            TensorSpec[] specs = [.. tensors.Select(entry => new TensorSpec(entry.Key, entry.Value.Item2, entry.Value.Item1))];
            SafetensorsWriter.Write(_path, specs, metadata, (key, first, chunk) =>
            {
                for (int i = 0; i < chunk.Length; i++) chunk[i] = (key.Length + first + i) % 200;
            });
            using var reader = SafetensorsReader.Open(_path);
            Assert.That(reader.Metadata, Is.EqualTo(metadata));
            Assert.That(reader.Tensors.Count, Is.EqualTo(specs.Length));
            foreach (var spec in specs)
            {
                Assert.That(reader[spec.Name].Shape, Is.EqualTo(spec.Shape));
                Assert.That(reader[spec.Name].Type, Is.EqualTo(spec.Type));
                Assert.That(reader.ReadDoubles(spec.Name), Is.EqualTo(Enumerable.Range(spec.Name.Length, (int)reader[spec.Name].Count).Select(i => i % 200)));
            }
        }, iter: 200, threads: 1);
    }

    [Test]
    public void Writing_allocates_nothing_that_grows_with_the_tensor()
    {
        void Write(long count) => SafetensorsWriter.Write(_path, [new("a", DataType.F16, [count])], null, (_, _, chunk) => chunk.Fill(1));
        Write(1 << 20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Write(4 << 20);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(256 << 10));
    }

    [Test]
    public void Singles_cannot_be_stored_as_integers() =>
        Assert.That(() => SafetensorsWriter.Write(_path, [new("a", DataType.I32, [1])], null, (_, _, _) => { }), Throws.ArgumentException.With.Message.Contains("\"a\" is I32"));

    [Test]
    public void An_array_must_fit_its_shape() =>
        Assert.That(() => new TensorData("a", [2, 3], new float[5]), Throws.TypeOf<ShapeException>().With.Message.EqualTo("tensor \"a\" has 5 elements; its shape is [2, 3]"));

    [Test] public void Two_tensors_of_one_name_are_refused() => Refuses("tensor \"a\" occurs twice", new TensorSpec("a", DataType.F32, [1]), new TensorSpec("a", DataType.F32, [1]));
    [Test] public void The_reserved_name_is_refused() => Refuses("__metadata__", new TensorSpec("__metadata__", DataType.F32, [1]));
    [Test] public void A_negative_size_is_refused() => Refuses("shape [2, -1]", new TensorSpec("a", DataType.F32, [2, -1]));
    [Test] public void An_overflowing_file_is_refused() => Refuses("2^63 - 1", new TensorSpec("a", DataType.F32, [1L << 60]), new TensorSpec("b", DataType.F32, [1L << 60]));
    [Test] public void Half_a_surrogate_pair_is_refused() => Refuses("half a surrogate pair", new TensorSpec("\ud800", DataType.F32, [1]));

    private void Refuses(string fragment, params TensorSpec[] tensors)
    {
        Assert.That(() => SafetensorsWriter.Write(_path, tensors, null, (_, _, _) => Assert.Fail("nothing may be asked for")),
            Throws.TypeOf<FileFormatException>().With.Message.StartsWith(_path).And.Message.Contains(fragment));
        Assert.That(Directory.GetFileSystemEntries(_directory), Is.Empty);
    }
}

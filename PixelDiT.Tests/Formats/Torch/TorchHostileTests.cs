using System.Diagnostics;
using System.IO.Compression;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Tests.Formats.Torch;

// Inside the namespace, so that Text is the method and not the neighbouring folder.
using static PixelDiT.Tests.Formats.Torch.PickleBytes;

/// <summary>Archives and pickles built to run code, to cost time or memory, or to point elsewhere.</summary>
[NonParallelizable]
public class TorchHostileTests
{
    private const int Million = 1_000_000;

    private static readonly byte[] s_tensor = Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1]);
    private static readonly byte[] s_good = Dict(("w", s_tensor));

    private static byte[] Repeat(int count, params object[] parts)
    {
        byte[] part = Join(parts), all = new byte[count * part.Length];
        for (int i = 0; i < count; i++) part.CopyTo(all, i * part.Length);
        return all;
    }

    /// <summary>Containers, each of which holds the one before twice: a dict or an object under two keys, a list or a tuple as two items.</summary>
    private static byte[] Doubled(int levels, string make, byte[] first)
    {
        bool named = make is not ("]" or "t");
        byte[] Level(byte[] content, int level) => make == "t" ? Join('(', content, "tq", level, "0") : Join(make, "q", level, "(", content, named ? "u0" : "e0");
        return Join(Level(first, 0), Join([.. Enumerable.Range(1, levels).Select(i => Level(Join(named ? Text("a") : "", "h", i - 1, named ? Text("b") : "", "h", i - 1), i))]), "h", levels);
    }

    private static byte[] Deflated(int zeros)
    {
        var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Fastest)) deflate.Write(new byte[zeros]);
        return packed.ToArray();
    }

    /// <summary>Refused for its reason within 64 MiB beyond the file and what its bytes may describe. Time is not measured: a minute is reached by what never ends alone.</summary>
    private static void Refused(byte[] file, string fragment)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        var error = Assert.Throws<FileFormatException>(() => WeightFile.Open(new MemoryStream(file), "f").Dispose())!;
        Assert.That(error.Message, Does.StartWith("f: ").And.Contain(fragment).And.Length.LessThan(700));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before - file.Length, Is.LessThan((64 << 20) + Math.Min(40L * file.Length, 256 << 20)));
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromMinutes(1)), "a hang");
    }

    /// <summary>Opens within 64 MiB beyond the file, and gives no numbers of a tensor for its reason.</summary>
    private static void Unreadable(byte[] file, string tensor, string fragment)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var opened = Open(file);
        Assert.That(opened[tensor].Unreadable, Does.Contain(fragment));
        Assert.That(() => opened.ReadDoubles(tensor), Throws.TypeOf<FileFormatException>().With.Message.StartsWith($"f: tensor \"{tensor}\": ").And.Message.Contains(fragment));
        Assert.That(() => opened.ReadSingles(tensor, 0, new float[1]), Throws.TypeOf<FileFormatException>().With.Message.Contains(fragment));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before - file.Length, Is.LessThan(64 << 20));
    }

    private static void PickleRefused(string fragment, params object[] parts) => Refused(Archive(Join(0x80, 2, Join(parts))), fragment);

    private static void TensorRefused(string fragment, byte[] tensor) => Refused(Archive(Dict(("w", tensor)), ("0", new byte[24])), fragment);

    private static void ZipRefused(string fragment, params ZipPart[] parts) => Refused(new ZipBytes(parts).ToArray(), fragment);

    private static IWeightFile Open(byte[] file) => WeightFile.Open(new MemoryStream(file), "f");

    [TestCase(false)]
    [TestCase(true)]
    public void A_good_archive_reads_with_or_without_zip64(bool zip64)
    {
        byte[] data = [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))];
        using var file = Open(new ZipBytes([new("a/data.pkl", s_good), new("a/data/0", data), new("a/byteorder", "little"u8.ToArray())]) { Zip64 = zip64 }.ToArray());
        Assert.That(file.ReadDoubles("w"), Is.EqualTo(new double[] { 0, 1, 2, 3, 4, 5 }));
        Assert.That(() => file.ReadSingles("w", 5, new float[2]), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => file["v"], Throws.TypeOf<FileFormatException>());
    }

    [Test]
    public void An_archive_beyond_4_gigabytes_reads_in_parts()
    {
        const long count = 5L << 30;
        byte[] bytes = new ZipBytes([new("a/data.pkl", Dict(("w", Tensor("HalfStorage", "0", count / 2, 1, [2, (count / 4) - 1], [count / 4, 1])))), new("a/data/0", [])]) { Zip64 = true, Gap = count }.ToArray();
        int split = bytes.AsSpan().IndexOf("PK\u0001\u0002"u8);
        using var file = WeightFile.Open(new SparseStream(bytes[..split], bytes.Length + count, position => position < split + count ? (byte)((position - split) / 2 % 2 == 0 ? 0x11 : 0x44) : bytes[position - count]), "sparse");
        float[] part = new float[2];
        file.ReadSingles("w", file["w"].Count - 2, part);
        Assert.That(part, Is.EqualTo(new[] { (float)BitConverter.UInt16BitsToHalf(0x1111), (float)BitConverter.UInt16BitsToHalf(0x4444) }), "the last elements, the last of odd place");
    }

    [Test]
    public void A_tensor_beyond_4_gigabytes_reads_in_parts()
    {
        const long count = 5L << 30;
        byte[] start = Join(0x80, 2, 0x8A, 10, Convert.FromHexString("6CFC9C46F9206AA85019"), ".", 0x80, 2, "M", 0xE9, 3, ".", 0x80, 2, "}.",
            Dict(("w", Tensor("ByteStorage", "7", count, 1, [2, (count / 2) - 1], [count / 2, 1]))), 0x80, 2, "]", Text("7"), "a.", I64(count));
        using var file = WeightFile.Open(new SparseStream(start, start.Length + count, position => (byte)((position - start.Length) % 251)), "sparse");
        float[] part = new float[3];
        file.ReadSingles("w", (count / 2) - 2, part);
        Assert.That(part, Is.EqualTo(new[] { (count / 2) - 1, (count / 2) + 1, (count / 2) + 2 }.Select(place => (float)(place % 251))));
        Assert.That(() => file.ReadDoubles("w"), Throws.TypeOf<FileFormatException>().With.Message.Contains("read in parts"));
    }

    [TestCase("cos\nsystem\n")]
    [TestCase("cposix\nsystem\n")]
    [TestCase("c__builtin__\nexec\n")]
    [TestCase("cSystem.Diagnostics.Process\nStart\n")]
    public void A_pickle_that_would_run_a_command_runs_nothing(string function)
    {
        string witness = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}");
        byte[] call = Join(function, Text($"touch {witness}"), 0x85, "R");
        using (var file = Open(Archive(Dict(("run", call), ("w", s_tensor), ("built", Join(function, ")", 0x81, Text("state"), "b"))), ("0", new byte[24]))))
        {
            Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "w" }));
            Assert.That(file.ReadDoubles("w"), Is.All.Zero);
        }
        Assert.That(File.Exists(witness), Is.False);
        Refused(Archive(Join(0x80, 2, call, ".")), "nothing here will build");
    }

    [TestCase(0x80)]
    [TestCase(0x4B50)]
    [TestCase(0x8B1F)]
    public void A_safetensors_file_is_known_whatever_its_length_spells(int header)
    {
        using var file = Open(Join(I64((ulong)header), "{}", new string(' ', header - 2)));
        Assert.That(file.Format, Is.EqualTo("safetensors"));
    }

    [Test]
    public void A_dict_that_holds_itself_reads_once()
    {
        using var file = Open(Archive(Join(0x80, 2, "}q", 0, "(", Text("w"), s_tensor, Text("self"), "h", 0, "u."), ("0", new byte[24])));
        Assert.That(file.Tensors, Has.Count.EqualTo(1));
    }

    /// <summary>Opcodes of protocol 2 under every number, with what 3 and 5 add to it: bytes and bytearrays.</summary>
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(4)]
    [TestCase(5)]
    public void Every_protocol_reads(int protocol)
    {
        object added = protocol switch { 3 or 4 => Join(Text("b"), 'C', 2, "xy"), 5 => Join(Text("b"), 0x96, I64(2), "xy"), _ => "" };
        using var file = Open(Archive(Join(0x80, protocol, "}(", Text("w"), s_tensor, added, "u."), ("0", [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))])));
        Assert.That(file.ReadDoubles("w"), Is.EqualTo(new double[] { 0, 1, 2, 3, 4, 5 }));
    }

    [Test]
    public void Newer_opcodes_read()
    {
        byte[] Short(string text) => Join(0x8C, text.Length, text, 0x94);
        byte[] frame = Join(0x80, 4, 0x95, I64(9999), "}", 0x94, "(", Short("step"), "K", 7, Short("w"), Short("torch._utils"), Short("_rebuild_tensor_v2"), 0x93, "((", Short("storage"),
            Short("torch"), Short("FloatStorage"), 0x93, Short("0"), Short("cpu"), "K", 6, "tQK", 1, "K", 5, 0x85, "K", 1, 0x85, 0x89, "NtRu.");
        using var file = Open(Archive(frame, ("0", [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))])));
        Assert.That(file.ReadDoubles("w"), Is.EqualTo(new double[] { 1, 2, 3, 4, 5 }));
        Assert.That(file.Metadata["step"], Is.EqualTo("7"));
    }

    /// <summary>What holds no tensor is not walked through, however often it refers to itself.</summary>
    [TestCase("}")]
    [TestCase("]")]
    [TestCase("t")]
    [TestCase("c__main__\nC\n)\x81")]
    public void Containers_that_double_200_times_without_a_tensor_cost_nothing(string make)
    {
        byte[] made = Join("}(", Text("w"), s_tensor, Text("made"), "c__main__\nC\n", Doubled(200, make, []), 0x85, "R", Text("k"), "h", 200, "u.");
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var file = Open(Archive(Join(0x80, 2, made), ("0", new byte[24])));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "w" }));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test] public void A_million_nested_tuples() => PickleRefused("MiB hold", ")", Repeat(Million, 0x85), ".");
    [Test] public void A_million_marks() => PickleRefused("deep", Repeat(Million, "("));
    [Test] public void A_million_dicts() => PickleRefused("MiB hold", "](", Repeat(Million, "}"), "e.");
    [Test] public void A_million_memos() => PickleRefused("MiB hold", "}", Repeat(Million, 0x94), ".");
    [Test] public void Lists_that_double_by_the_memo() => PickleRefused("MiB hold", "]q", 0, Repeat(2 * Million, "(h", 0, "h", 0, "e"), ".");
    [Test] public void Empty_work_without_end() => PickleRefused("more than 10000000 opcodes", Repeat(10_000_001, 0x80, 2), ".");
    [Test] public void A_pickle_of_65_MiB() => Refused(new ZipBytes([new("a/data.pkl", new byte[65 << 20])]).ToArray(), "at most 67108864");
    [Test] public void Dicts_that_double_their_tensors_31_times() => Refused(Archive(Join(0x80, 2, Doubled(31, "}", Join(Text("w"), s_tensor)), "."), ("0", new byte[24])), "more tensors");
    [Test] public void Dicts_that_double_beyond_the_depth_of_names() => Refused(Archive(Join(0x80, 2, Doubled(60, "}", Join(Text("w"), s_tensor)), "."), ("0", new byte[24])), "no end of names");
    [Test] public void Lists_that_double_beyond_the_depth_of_names() => Refused(Archive(Join(0x80, 2, Doubled(60, "]", s_tensor), "."), ("0", new byte[24])), "no end of names");
    [Test] public void Pairs_that_become_a_dict_again_and_again() => PickleRefused("MiB hold", "](", Repeat(50_000, ")", 0x85, ")", 0x86), "e", 0x85, "q", 0, "0", Repeat(Million, "ccollections\nOrderedDict\nh", 0, "R0"), "}.");
    [Test] public void A_text_that_becomes_bytes_again_and_again() => PickleRefused("MiB of text into bytes", "X", I32(Million), new string('x', Million), 0x85, "q", 0, "0", Repeat(Million / 10, "c_codecs\nencode\nh", 0, "R0"), "}.");
    [Test] public void Shapes_that_take_more_memory_than_their_file() => PickleRefused("8 MiB", "(", Repeat(1000, "K", 1), "tq", 0, "0", Repeat(2000, "ctorch._utils\n_rebuild_qtensor\n((", Text("storage"), "ctorch\nQInt8Storage\n", Text("0"), "NK", 1, "tQK", 0, "h", 0, "tR0"), "}.");
    [Test] public void Reasons_without_end() => PickleRefused("MiB hold", Repeat(500_000, "ctorch._utils\n_rebuild_nested_tensor\n)R0"), "}.");
    [Test] public void A_text_of_4_gigabytes() => PickleRefused("4294967295 bytes", "X", I32(0xFFFFFFFF));
    [Test] public void A_text_of_2_to_the_63_bytes() => PickleRefused("at most", 0x8D, I64(1UL << 63));
    [Test] public void An_integer_of_2_gigabytes() => PickleRefused("at most 1024", 0x8B, I32(0x7FFFFFFF));
    [Test] public void A_name_without_end() => PickleRefused("1024 bytes", "c", new string('x', 5000));
    [Test] public void A_protocol_of_the_future() => Refused(Archive(Join(0x80, 6, "}.")), "protocol 6");
    [Test] public void An_extension_code() => PickleRefused("opcode 0x82", 0x82, 1, ".");
    [Test] public void An_old_instance_opcode() => PickleRefused("opcode 0x69", "(ios\nsystem\n.");
    [Test] public void A_pickle_cut_short() => Refused(Archive(s_good[..^1]), "cut short");
    [Test] public void An_empty_stack() => PickleRefused("stack", "a.");
    [Test] public void A_tuple_below_its_mark() => PickleRefused("stack", "NN(", 0x86, ".");
    [Test] public void A_mark_that_is_not_set() => PickleRefused("mark", "t.");
    [Test] public void A_memo_that_is_not_kept() => PickleRefused("recalls value 9", "h", 9, ".");
    [Test] public void A_key_without_a_value() => PickleRefused("without a value", "}(Nu.");
    [Test] public void A_call_without_a_tuple() => PickleRefused("no tuple", "cos\nsystem\nNR.");
    [Test] public void A_root_that_is_no_dict() => PickleRefused("a state dict", "N.");
    [Test] public void Two_tensors_of_one_name() => Unreadable(Archive(Dict(("w", s_tensor), ("w", Tensor("FloatStorage", "0", 6, 0, [3, 2], [2, 1]))), ("0", new byte[24])), "w", "two tensors of the file have this name");

    [Test] public void A_view_beyond_its_storage() => TensorRefused("reaches element 6", Tensor("FloatStorage", "0", 6, 1, [2, 3], [3, 1]));
    [Test] public void A_view_with_a_negative_stride() => TensorRefused("negative", Tensor("FloatStorage", "0", 6, 5, [6], [-1]));
    [Test] public void A_view_with_a_negative_size() => TensorRefused("negative size", Tensor("FloatStorage", "0", 6, 0, [-1], [1]));
    [Test] public void A_view_whose_size_overflows() => TensorRefused("2^63", Tensor("FloatStorage", "0", 6, 0, [1L << 40, 1L << 40], [0, 0]));
    [Test] public void A_view_whose_last_element_overflows() => TensorRefused("reaches element", Tensor("FloatStorage", "0", 6, 0, [1L << 60], [long.MaxValue]));
    [Test] public void A_view_that_repeats_one_element() => Unreadable(Archive(Dict(("w", Tensor("FloatStorage", "0", 6, 0, [1L << 40], [0]))), ("0", new byte[24])), "w", "times over");
    [Test] public void Sizes_and_strides_of_two_ranks() => TensorRefused("2 sizes and 1 strides", Tensor("FloatStorage", "0", 6, 0, [2, 3], [1]));
    [Test] public void A_storage_larger_than_its_bytes() => TensorRefused("24 bytes of it", Tensor("FloatStorage", "0", 7, 0, [7], [1]));
    [Test] public void A_storage_that_is_not_there() => TensorRefused("the archive lacks", Tensor("FloatStorage", "1", 6, 0, [6], [1]));
    [Test] public void A_storage_outside_the_archive() => TensorRefused("the archive lacks", Tensor("FloatStorage", "../../etc/passwd", 6, 0, [6], [1]));
    [Test] public void A_storage_of_an_unknown_type() => Unreadable(Archive(Dict(("w", Tensor("FutureStorage", "0", 3, 0, [3], [1]))), ("0", new byte[24])), "w", "torch.FutureStorage");
    [Test] public void A_storage_of_two_types() => Refused(Archive(Dict(("v", s_tensor), ("w", Tensor("HalfStorage", "0", 12, 0, [6], [1]))), ("0", new byte[24])), "two types");

    [Test] public void An_archive_without_a_pickle() => ZipRefused("0 entries data.pkl", new ZipPart("a/b.txt", []));
    [Test] public void An_archive_with_two_pickles() => ZipRefused("2 entries data.pkl", new("a/data.pkl", s_good), new("b/data.pkl", s_good));
    [Test] public void An_archive_of_a_program() => ZipRefused("TorchScript", new("a/data.pkl", s_good), new("a/constants.pkl", []));
    [Test] public void An_archive_of_another_byte_order() => ZipRefused("byte order", new("a/data.pkl", s_good), new("a/byteorder", "big"u8.ToArray()));
    [Test] public void A_compressed_entry() => ZipRefused("compressed (method 8)", new ZipPart("a/data.pkl", s_good) { Method = 8 });
    [Test] public void A_compressed_bomb() => ZipRefused("compressed", new("a/data.pkl", s_good), new("a/data/0", Deflated(256 << 20)) { Method = 8 });
    [Test] public void An_encrypted_entry() => ZipRefused("encrypted", new ZipPart("a/data.pkl", s_good) { Flags = 1 });
    [Test] public void A_name_that_leaves_the_archive() => ZipRefused("points outside", new("a/data.pkl", s_good), new("a/../../x", []));
    [Test] public void An_absolute_name() => ZipRefused("points outside", new ZipPart("/a/data.pkl", s_good));
    [Test] public void A_name_twice() => ZipRefused("occurs twice", new("a/data.pkl", s_good), new("a/data.pkl", s_good));
    [Test] public void Two_names_for_one_entry() => ZipRefused("another name", new ZipPart("a/data.pkl", s_good) { LocalName = "b/data.pkl" });
    [Test] public void Overlapping_entries() => ZipRefused("overlap", new("a/data.pkl", s_good) { SizeSaid = s_good.Length + 10 }, new("a/data/0", new byte[24]));
    [Test] public void An_entry_beyond_the_archive() => ZipRefused("beyond the archive", new ZipPart("a/data.pkl", s_good) { SizeSaid = 1 << 30 });
    [Test] public void An_entry_that_begins_outside() => ZipRefused("outside the archive", new ZipPart("a/data.pkl", s_good) { OffsetSaid = 1 << 30 });
    [Test] public void A_count_beyond_the_directory() => Refused(new ZipBytes([new("a/data.pkl", s_good)]) { CountSaid = 60_000 }.ToArray(), "promises 60000 entries");
    [Test] public void A_64_bit_count() => Refused(new ZipBytes([new("a/data.pkl", s_good)]) { Zip64 = true, CountSaid = long.MaxValue }.ToArray(), "at most 65536");
    [Test] public void A_hundred_thousand_entries() => Refused(new ZipBytes([.. Enumerable.Range(0, 100_000).Select(i => new ZipPart($"a/{i}", []))]) { Zip64 = true }.ToArray(), "has 100000 entries");
    [Test] public void An_archive_cut_short() => Refused(Archive(s_good)[..^30], "end record");
    [Test] public void A_pickle_alone() => Refused(s_good, "not one that torch.save writes");
    [Test] public void A_gzip() => Refused([0x1F, 0x8B, 8, 0], "gzip");
    [Test] public void An_empty_file() => Refused([], "safetensors");
}

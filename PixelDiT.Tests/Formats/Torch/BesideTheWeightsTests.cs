using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using static PixelDiT.Tests.Formats.Torch.PickleCalls;

namespace PixelDiT.Tests.Formats.Torch;

// Inside the namespace, so that Text is the method and not the neighbouring folder.
using static PixelDiT.Tests.Formats.Torch.PickleBytes;

/// <summary>What stands beside the weights and is not asked for refuses no file: long lists of numbers, deep trees, names that clash, entries of an archive that nothing needs.</summary>
public class BesideTheWeightsTests
{
    private static readonly byte[] s_tensor = Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1]);
    private static readonly byte[] s_data = [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))];

    private static IWeightFile Open(byte[] beside)
    {
        var file = WeightFile.Open(new MemoryStream(Archive(Join(0x80, 2, DictOf(("beside", beside), ("w", s_tensor)), '.'), ("0", s_data))), "f");
        Assert.That(file.ReadDoubles("w"), Is.EqualTo(new double[] { 0, 1, 2, 3, 4, 5 }));
        return file;
    }

    /// <summary>A list in parts of 1000, as pickles write it; an item a number of bytes.</summary>
    private static byte[] LongList(int count, int size, Action<int, byte[]> item)
    {
        var list = new MemoryStream();
        byte[] bytes = new byte[size];
        list.WriteByte((byte)']');
        for (int i = 0; i < count; i++)
        {
            if (i % 1000 == 0) list.WriteByte((byte)'(');
            item(i, bytes);
            list.Write(bytes);
            if (i % 1000 == 999 || i == count - 1) list.WriteByte((byte)'e');
        }
        return list.ToArray();
    }

    [Test]
    public void A_history_of_losses_and_a_sampler_of_millions_are_counted_and_not_kept()
    {
        byte[] losses = LongList(400_000, 9, (i, bytes) =>
        {
            bytes[0] = (byte)'G';
            System.Buffers.Binary.BinaryPrimitives.WriteDoubleBigEndian(bytes.AsSpan(1), 1.0 / (i + 1));
        });
        byte[] indices = LongList(3_000_000, 5, (i, bytes) =>
        {
            bytes[0] = (byte)'J';
            BitConverter.TryWriteBytes(bytes.AsSpan(1), i);
        });
        long before = GC.GetAllocatedBytesForCurrentThread();
        byte[] archive = Archive(Join(0x80, 2, DictOf(("losses", losses), ("indices", indices), ("w", s_tensor)), '.'), ("0", s_data));
        long made = GC.GetAllocatedBytesForCurrentThread() - before;
        using var file = WeightFile.Open(new MemoryStream(archive), "f");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before - made - archive.Length, Is.LessThan(8 << 20), "the pickle is read once, and no number takes memory");
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "w" }));
    }

    [Test]
    public void A_tuple_and_a_dict_of_many_numbers_read()
    {
        byte[] numbers = Join([.. Enumerable.Range(0, 100_000).Select(i => Join('J', I32(i)))]);
        using var tuple = Open(Join('(', numbers, 't'));
        using var dict = Open(Join("}(", numbers, 'u'));
    }

    /// <summary>Dicts and texts as pickles write them, each with a place in the memo.</summary>
    [TestCase(60_000)]
    [TestCase(400_000)]
    public void Hundreds_of_thousands_of_small_objects_read(int count)
    {
        byte[] keys = Join(Text("loss"), "q", 0, "0", Text("rate"), "q", 1, "0");
        using var dicts = Open(Join(keys, LongList(count, 16, (i, bytes) => Join("}r", I32(i + 2), "(h", 0, "K", 1, "h", 1, "K", 2, "u").CopyTo(bytes, 0))));
        using var texts = Open(LongList(count, 18, (i, bytes) => Join(Text($"{i:d8}"), "r", I32(i)).CopyTo(bytes, 0)));
    }

    [TestCase("step")]
    [TestCase("global_step")]
    public void The_step_is_kept_behind_thousands_of_entries(string key)
    {
        foreach (byte[] plain in (byte[][])[Number(1), Text("one")])
        {
            (string, byte[])[] before = [.. Enumerable.Range(0, 3000).Select(i => ($"note{i}", plain))];
            using var file = WeightFile.Open(new MemoryStream(Archive(Dict([.. before, (key, Number(70)), ("w", s_tensor)]), ("0", s_data))), "f");
            Assert.That(file.Metadata[key], Is.EqualTo("70"));
        }
    }

    [Test]
    public void A_list_keeps_the_places_of_tensors_behind_many_numbers()
    {
        using var file = Open(Join("](", Join([.. Enumerable.Range(0, 5000).Select(i => Join('J', I32(i)))]), s_tensor, "e"));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "beside.5000", "w" }));
    }

    [TestCase(32, true)]
    [TestCase(33, false)]
    [TestCase(500, false)]
    public void What_nests_too_deep_is_left_out_with_a_note(int depth, bool isListed)
    {
        byte[] tree = s_tensor;
        for (int i = 1; i < depth; i++) tree = DictOf(("n", tree));
        using var file = Open(tree);
        Assert.That(file.Tensors, Has.Count.EqualTo(isListed ? 2 : 1));
        Assert.That(file.Notes, isListed ? Is.Empty : Has.One.Contains("nested more than 32 deep are left out: \"beside.n.n"));
    }

    [Test]
    public void A_deep_tree_without_tensors_needs_no_note()
    {
        byte[] tree = Number(1);
        for (int i = 0; i < 300; i++) tree = DictOf(("n", tree));
        using var file = Open(tree);
        Assert.That(file.Notes, Is.Empty);
    }

    [Test]
    public void A_name_too_long_is_left_out_with_a_note()
    {
        using var file = Open(DictOf((new string('n', 2000), s_tensor)));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "w" }));
        Assert.That(file.Notes, Has.One.Contains("more than 1024 letters are left out: \"beside.nnn"));
    }

    [Test]
    public void Keys_that_spell_alike_give_neither_for_the_other()
    {
        using var file = Open(DictOf((Number(0), s_tensor), (Text("0"), Tensor("FloatStorage", "0", 6, 1, [2], [1])), (Number(1), s_tensor), (Text("1"), s_tensor)));
        Assert.That(file["beside.0"].Unreadable, Is.EqualTo("two tensors of the file have this name"));
        Assert.That(() => file.ReadDoubles("beside.0"), Throws.TypeOf<FileFormatException>().With.Message.Contains("two tensors"));
        Assert.That(file.ReadDoubles("beside.1"), Is.EqualTo(file.ReadDoubles("w")), "two views of the same elements are one tensor");
    }

    [TestCase(10)]
    [TestCase(3000)]
    [TestCase(30_000)]
    public void Settings_of_an_object_become_metadata_as_those_of_a_dict(int length)
    {
        string yaml = new('y', length);
        byte[] settings = DictOf(("patch", Number(4)), ("inner", DictOf(("use_pixel_abs_pos", Join(0x89)))));
        using var file = WeightFile.Open(new MemoryStream(Archive(Dict(("args", Join("cargparse\nNamespace\n)", 0x81, settings, "b")), ("cfg", Text(yaml)), ("w", s_tensor)), ("0", s_data))), "f");
        Assert.That(file.Metadata, Is.EquivalentTo(new Dictionary<string, string> { ["args.patch"] = "4", ["args.inner.use_pixel_abs_pos"] = "false", ["cfg"] = yaml }));
    }

    [Test]
    public void Entries_that_nothing_needs_may_be_compressed_or_encrypted()
    {
        ZipPart[] parts = [new("a/data.pkl", Dict(("w", s_tensor))), new("a/data/0", s_data), new("a/notes.txt", [3, 0]) { Method = 8, SizeSaid = 2 }, new("a/secret", [1, 2]) { Flags = 1 }];
        using var file = WeightFile.Open(new MemoryStream(new ZipBytes(parts).ToArray()), "f");
        Assert.That(file.ReadDoubles("w"), Is.EqualTo(new double[] { 0, 1, 2, 3, 4, 5 }));
    }
}

using System.Buffers.Binary;
using NUnit.Framework;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Tests.Formats.Torch;

// Inside the namespace, so that Text is the method and not the neighbouring folder.
using static PixelDiT.Tests.Formats.Torch.PickleBytes;

/// <summary>
/// Damaged checkpoints, 10,000 of each format, either read whole or are refused with a proper error; nothing else escapes. Where the damage is in a storage alone,
/// the file reads, and each tensor gives what its strides find there.
/// </summary>
public class TorchFuzzTests
{
    private const int Files = 10_000, Edits = 12, FirstThatShifts = 10;

    /// <summary>A tensor of a file made here.</summary>
    private sealed record View(string Name, string Type, string Key, int Count, int Offset, long[] Shape, long[] Strides);

    // Two views share storage 1, one of them overlapping itself; storage 0 is seen transposed; storage 3 is seen as a scalar.
    private static readonly View[] s_views =
    [
        new("half", "HalfStorage", "0", 12, 0, [3, 4], [1, 3]), new("w", "FloatStorage", "1", 20, 1, [2, 3], [3, 1]), new("rows", "FloatStorage", "1", 20, 2, [3, 5], [2, 1]),
        new("numbers", "LongStorage", "2", 4, 0, [4], [1]), new("scalar", "BFloat16Storage", "3", 3, 2, [], []), new("flags", "BoolStorage", "4", 5, 0, [5, 0], [1, 1])
    ];

    private static readonly (string Key, byte[] Data)[] s_storages =
        [.. s_views.DistinctBy(view => view.Key).Select(view => (view.Key, Enumerable.Range(0, view.Count * Size(view)).Select(i => (byte)((i * Step(view)) + Step(view))).ToArray()))];

    private static readonly byte[] s_object = Dict([.. s_views.Select(view => (view.Name, Tensor(view.Type, view.Key, view.Count, view.Offset, view.Shape, view.Strides)))]);

    // What stands in checkpoints beside plain tensors: objects, arrays, parameters, tensors that are not read, the same dict twice.
    private static readonly byte[] s_odd = Join(0x80, 2, PickleCalls.DictOf(
        ("array", PickleCalls.Array(PickleCalls.Dtype("f4"), [2, 3], true, PickleCalls.OldBytes([.. Enumerable.Range(0, 24).Select(i => (byte)(i * 91))]))),
        ("buffer", PickleCalls.Call("numpy.core.numeric._frombuffer", Join('C', 4, "abcd"), PickleCalls.Dtype("i2"), Tuple(2), Text("C"))),
        ("v3", PickleCalls.Tensor3(PickleCalls.Storage("UntypedStorage", "0", 24, "torch.storage"), "uint16", 1, [2, 5], [5, 1])), ("complex", Tensor("ComplexFloatStorage", "1", 2, 0, [2], [1])),
        ("parameter", PickleCalls.Call("torch._utils._rebuild_parameter", Tensor("HalfStorage", "2", 12, 0, [3, 4], [1, 3]), PickleCalls.True, PickleCalls.Call("collections.OrderedDict"))),
        ("pairs", PickleCalls.Call("collections.OrderedDict", PickleCalls.ListOf(PickleCalls.ListOf(Text("w"), Tensor("HalfStorage", "2", 12, 0, [12], [1]))))),
        ("object", PickleCalls.Build(PickleCalls.New("m.Module"), PickleCalls.DictOf(("_parameters", PickleCalls.DictOf(("w", Tensor("HalfStorage", "2", 12, 0, [12], [1])))), ("_modules", "}"u8.ToArray())))),
        ("meta", PickleCalls.Call("torch._utils._rebuild_meta_tensor_no_storage", PickleCalls.Global("torch.float32"), Tuple(5), Tuple(1), PickleCalls.False)), ("opaque", PickleCalls.Call("m.f", Tensor("HalfStorage", "2", 12, 0, [12], [1]))),
        ("twice", Join("}q", 9, "(", Text("a"), "h", 9, Text("n"), "](K", 1, "Ke", "G", new byte[8], "e", "u"))), '.');

    private static readonly Lazy<byte[][]> s_zips = new(() =>
        [Archive(s_object, s_storages), Archive(s_odd, ("0", new byte[24]), ("1", new byte[16]), ("2", new byte[24])), File.ReadAllBytes(GoldenCheckpointTests.PathOf("views.pt")), File.ReadAllBytes(GoldenCheckpointTests.PathOf("recovery_metadata.pth"))]);

    private static readonly byte[][] s_legacies = [Join(0x80, 2, 0x8A, 10, Convert.FromHexString("6CFC9C46F9206AA85019"), ".", 0x80, 2, "M", 0xE9, 3, ".", 0x80, 2, "}.", s_object,
        0x80, 2, "](", Join([.. s_storages.Select(storage => Text(storage.Key))]), "e.",
        Join([.. s_storages.Select(storage => Join(I64((ulong)s_views.First(view => view.Key == storage.Key).Count), storage.Data))]))];

    /// <summary>From one byte of a storage to the next, so that no storage looks like a part of another.</summary>
    private static int Step(View view) => 37 + (4 * view.Key[0]);

    private static int Size(View view) => view.Type switch { "LongStorage" => 8, "FloatStorage" => 4, "BoolStorage" => 1, _ => 2 };

    private static byte[] Damage(byte[][] seeds, Random random)
    {
        var file = seeds[random.Next(seeds.Length)].ToList();
        // Most edits keep the length: a shift by one byte breaks every offset of an archive and hides what lies behind.
        foreach (var edit in Edit.Draw(random, most: 3, Edits))
        {
            int at = edit.At(file.Count), span = Math.Min(edit.Length, file.Count - at);
            switch (edit.Kind)
            {
                case <= 4 when span > 0: file[at] ^= (byte)(1 << (edit.Choice & 7)); break;
                case < FirstThatShifts - 1 when span > 0: file[at] = (byte)edit.Choice; break;
                case FirstThatShifts - 1: for (int i = 0; i < span; i++) file[at + i] = file[edit.Choice * 7 % file.Count]; break;
                case FirstThatShifts: file.RemoveRange(at, span); break;
                default: file.InsertRange(at, Enumerable.Repeat((byte)edit.Choice, edit.Length)); break;
            }
        }
        return [.. file];
    }

    private static bool ReadsOrRefuses(byte[] bytes) => Fuzz.ReadsOrRefuses(() =>
    {
        using var file = WeightFile.Open(new MemoryStream(bytes), "fuzz");
        foreach (var tensor in file.Tensors.Where(tensor => tensor.Unreadable is null))
        {
            double[] whole = file.ReadDoubles(tensor.Name);
            if (whole.Length != tensor.Count) throw new InvalidDataException($"{tensor.Name} has {whole.Length} elements of {tensor.Count}");
            // The last part alone is what it is in the whole; 64-bit integers would round twice on the way.
            float[] end = new float[Math.Min(whole.Length, 3)];
            file.ReadSingles(tensor.Name, whole.Length - end.Length, end);
            if (tensor.Type is not (DataType.I64 or DataType.U64) && !end.SequenceEqual(whole[^end.Length..].Select(value => (float)value))) throw new InvalidDataException($"{tensor.Name} has two contents");
        }
    });

    /// <summary>What a view finds in the bytes of its storage, element by element.</summary>
    private static double[] Expected(View view, ReadOnlySpan<byte> storage)
    {
        double[] values = new double[view.Shape.Aggregate(1L, (product, size) => product * size)];
        for (int i = 0; i < values.Length; i++)
        {
            long place = view.Offset, rest = i;
            for (int axis = view.Shape.Length - 1; axis >= 0; axis--) (rest, place) = (rest / view.Shape[axis], place + (rest % view.Shape[axis] * view.Strides[axis]));
            var element = storage[((int)place * Size(view))..];
            values[i] = view.Type switch
            {
                "HalfStorage" => (double)BinaryPrimitives.ReadHalfLittleEndian(element),
                "FloatStorage" => BinaryPrimitives.ReadSingleLittleEndian(element),
                "BFloat16Storage" => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadInt16LittleEndian(element) << 16),
                _ => BinaryPrimitives.ReadInt64LittleEndian(element)
            };
        }
        return values;
    }

    private static byte[] DamageStorage(byte[] seed, Random random)
    {
        byte[] file = [.. seed];
        byte[] data = s_storages[random.Next(s_storages.Length)].Data;
        int start = seed.AsSpan().LastIndexOf(data);
        for (int i = random.Next(1, 5); i > 0; i--) file[start + random.Next(data.Length)] = (byte)random.Next(256);
        return file;
    }

    private static bool ReadsAsStored(byte[] seed, byte[] bytes)
    {
        using var file = WeightFile.Open(new MemoryStream(bytes), "fuzz");
        foreach (var view in s_views)
        {
            byte[] data = s_storages.First(storage => storage.Key == view.Key).Data;
            double[] expected = Expected(view, bytes.AsSpan(seed.AsSpan().LastIndexOf(data), data.Length)), found = file.ReadDoubles(view.Name);
            if (!found.SequenceEqual(expected)) throw new InvalidDataException($"{view.Name} reads as [{string.Join(", ", found)}]; its storage says [{string.Join(", ", expected)}]");
        }
        return true;
    }

    private static byte[][] Seeds(string format) => format == "torch zip" ? s_zips.Value : s_legacies;

    [TestCase("torch zip")]
    [TestCase("torch legacy")]
    public void Seeds_read(string format)
    {
        Assert.That(Seeds(format).Select(ReadsOrRefuses), Is.All.True);
        Assert.That(ReadsAsStored(Seeds(format)[0], Seeds(format)[0]), Is.True);
    }

    [TestCase("torch zip")]
    [TestCase("torch legacy")]
    public void Damaged_files_read_or_are_refused(string format)
    {
        byte[][] seeds = Seeds(format);
        int read = Fuzz.Run(format, Files, random => Damage(seeds, random), ReadsOrRefuses);
        Assert.That(read, Is.GreaterThan(Files / 20).And.LessThan(Files - (Files / 5)), "both answers are tested");
    }

    [TestCase("torch zip")]
    [TestCase("torch legacy")]
    public void Damage_in_a_storage_changes_its_tensors_alone(string format)
    {
        byte[] seed = Seeds(format)[0];
        Assert.That(Fuzz.Run($"{format}, storages", Files / 10, random => DamageStorage(seed, random), bytes => ReadsAsStored(seed, bytes)), Is.EqualTo(Files / 10));
    }
}

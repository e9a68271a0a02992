using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Tests.Formats.Torch;

/// <summary>Mutated checkpoints either read whole or are refused with a proper error; nothing else escapes.</summary>
public class TorchFuzzTests
{
    private const int Files = 10_000, Places = 1 << 20;

    private static readonly Lazy<byte[][]> s_seeds = new(() =>
    [
        File.ReadAllBytes(GoldenCheckpointTests.PathOf("views.pt")),
        File.ReadAllBytes(GoldenCheckpointTests.PathOf("recovery_metadata.pth")),
        PickleBytes.Archive(PickleBytes.Dict(("w", PickleBytes.Tensor("HalfStorage", "0", 12, 0, [3, 4], [1, 3]))), ("0", new byte[24])),
        Legacy()
    ]);

    private sealed record Edit(int Kind, int Place, int Length, int Choice);

    private static readonly Gen<(int Seed, Edit[] Edits)> s_mutations = Gen.Select(Gen.Int[0, 3],
        Gen.Select(Gen.Int[0, 11], Gen.Int[0, Places - 1], Gen.Int[1, 12], Gen.Int[0, 255], (kind, place, length, choice) => new Edit(kind, place, length, choice)).Array[1, 3]);

    private static byte[] Legacy() => PickleBytes.Join(0x80, 2, 0x8A, 10, Convert.FromHexString("6CFC9C46F9206AA85019"), ".", 0x80, 2, "M", 0xE9, 3, ".", 0x80, 2, "}.",
        PickleBytes.Dict(("w", PickleBytes.Tensor("IntStorage", "7", 6, 0, [2, 3], [3, 1]))), 0x80, 2, "]", PickleBytes.Text("7"), "a.", PickleBytes.I64(6), new byte[24]);

    private static byte[] Mutate((int Seed, Edit[] Edits) mutation)
    {
        var file = s_seeds.Value[mutation.Seed].ToList();
        foreach (var (kind, place, length, choice) in mutation.Edits)
        {
            int at = (int)((long)place * file.Count / Places), span = Math.Min(length, file.Count - at);
            switch (kind)
            {
                // Most edits keep the length: in an archive, a shift by one byte breaks every offset and hides what lies behind.
                case <= 4 when span > 0: file[at] ^= (byte)(1 << (choice & 7)); break;
                case <= 8 when span > 0: file[at] = (byte)choice; break;
                case 9: for (int i = 0; i < span; i++) file[at + i] = file[choice * 7 % file.Count]; break;
                case 10: file.RemoveRange(at, span); break;
                case 11: file.InsertRange(at, Enumerable.Repeat((byte)choice, length)); break;
            }
        }
        return [.. file];
    }

    private static bool ReadsOrRefuses(byte[] bytes)
    {
        try
        {
            using var file = WeightFile.Open(new MemoryStream(bytes), "fuzz");
            foreach (var tensor in file.Tensors)
            {
                if (tensor.Type.IsReadable && file.ReadDoubles(tensor.Name).Length != tensor.Count) throw new InvalidDataException($"{tensor.Name} has two lengths");
            }
            return true;
        }
        catch (FileFormatException error)
        {
            if (!error.Message.StartsWith("fuzz: ", StringComparison.Ordinal) || error.Message.Length > 2500 || error.Message.Any(char.IsControl)) throw new InvalidDataException($"not a proper message: {error.Message}");
            return false;
        }
    }

    [Test] public void Seeds_read() => Assert.That(s_seeds.Value.Select(ReadsOrRefuses), Is.All.True);

    [Test]
    public void Mutated_files_read_or_are_refused()
    {
        int read = 0, refused = 0;
        s_mutations.Sample(mutation => _ = ReadsOrRefuses(Mutate(mutation)) ? Interlocked.Increment(ref read) : Interlocked.Increment(ref refused),
            writeLine: TestContext.Out.WriteLine, iter: Files, print: mutation => Convert.ToHexString(Mutate(mutation)));
        TestContext.Out.WriteLine($"{read} read, {refused} refused");
        Assert.That(read, Is.GreaterThan(Files / 20));
        Assert.That(refused, Is.GreaterThan(Files / 5));
    }
}

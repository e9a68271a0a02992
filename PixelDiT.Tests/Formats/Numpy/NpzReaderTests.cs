using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Numpy;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Formats.Numpy;

/// <summary>Archives of NumPy, stored and deflated, and those that are damaged or something else.</summary>
internal sealed class NpzReaderTests
{
    [TestCase(CompressionLevel.NoCompression), TestCase(CompressionLevel.Optimal)]
    public void Arrays_come_back(CompressionLevel level)
    {
        using var folder = new TemporaryFolder();
        double[] mu = [.. Enumerable.Range(0, 400_000).Select(i => Math.Sin(i))];
        byte[] pixels = [.. Enumerable.Range(0, 5 * 6).Select(i => (byte)i)];
        string path = Zip(folder, level, ("mu.npy", Npy("<f8", "(400000,)", MemoryMarshal.AsBytes(mu.AsSpan()))), ("arr_0.npy", Npy("|u1", "(5, 2, 3)", pixels)), ("n.npy", Npy("<i8", "()", BitConverter.GetBytes(7L))), ("note.txt", [1, 2]));
        using var file = NpzReader.Open(path);
        Assert.That(file.Entries.Select(entry => entry.Name), Is.EquivalentTo((string[])["mu", "arr_0", "n"]));
        Assert.That(file.ReadDoubles("mu"), Is.EqualTo(mu));
        Assert.That(file.ReadRows("arr_0").SelectMany(row => row), Is.EqualTo(pixels));
        // A second time, and only some.
        Assert.That(file.ReadRows("arr_0").Take(2).Select(row => row.Length), Is.EqualTo((int[])[6, 6]));
        Assert.That(file.ReadIntegers("n"), Is.EqualTo((long[])[7]));
    }

    [Test]
    public void What_the_writer_writes_comes_back()
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "a.npz");
        float[] values = [1.5f, -2, float.MaxValue];
        AtomicFile.Write(path, stream =>
        {
            var writer = new NpzWriter(stream);
            writer.Begin("x", NpyHeader.Float32, [3, 1], sizeof(float));
            writer.Write(MemoryMarshal.AsBytes(values.AsSpan()));
            writer.Finish();
        });
        using var file = NpzReader.Open(path);
        Assert.That(file["x"].Shape, Is.EqualTo((long[])[3, 1]));
        Assert.That(file.ReadSingles("x"), Is.EqualTo(values));
        Assert.That(file.ReadDoubles("x"), Is.EqualTo(values));
    }

    [Test]
    public void A_changed_byte_is_noticed_after_the_last_row()
    {
        using var folder = new TemporaryFolder();
        string path = Zip(folder, CompressionLevel.NoCompression, ("arr_0.npy", Npy("|u1", "(2, 3)", [1, 2, 3, 4, 5, 6])));
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf((ReadOnlySpan<byte>)[1, 2, 3, 4])] = 9;
        File.WriteAllBytes(path, bytes);
        using var file = NpzReader.Open(path);
        Assert.That(() => file.ReadRows("arr_0").Count(), Throws.TypeOf<FileFormatException>().With.Message.Contains("\"arr_0\"").And.Message.Contains("check sum"));
    }

    [TestCase("|O", "(2,)", 16, "check", "|O"), TestCase(">f8", "(2,)", 16, "check", ">f8")]
    [TestCase("<f8", "(3,)", 16, "open", "bytes; 152 were expected")]
    [TestCase("<f8", "(9000000000, 9000000000)", 16, "open", "which no file holds")]
    [TestCase("<f8", "(2, x)", 16, "open", "the header")]
    public void An_array_that_is_not_as_it_says_is_named(string type, string shape, int bytes, string when, string message)
    {
        using var folder = new TemporaryFolder();
        string path = Zip(folder, CompressionLevel.NoCompression, ("mu.npy", Npy(type, shape, new byte[bytes])));
        Assert.That(() =>
        {
            using var file = NpzReader.Open(path);
            if (when == "check") file.ReadDoubles("mu");
        }, Throws.TypeOf<FileFormatException>().With.Message.Contains("\"mu\"").And.Message.Contains(message));
    }

    [Test]
    public void A_file_of_another_kind_is_refused()
    {
        using var folder = new TemporaryFolder();
        string text = folder.Write("text.npz", "no archive at all, but a line of text that is long enough"u8.ToArray()), empty = folder.Write("empty.npz", []), other = Zip(folder, CompressionLevel.NoCompression, ("readme.txt", [1]));
        foreach (string path in (string[])[text, empty]) Assert.That(() => NpzReader.Open(path), Throws.TypeOf<FileFormatException>().With.Message.StartsWith(path));
        Assert.That(() => NpzReader.Open(other), Throws.TypeOf<FileFormatException>().With.Message.Contains("holds no arrays"));
        Assert.That(() => NpzReader.Open(Path.Combine(folder.Path, "none.npz")), Throws.TypeOf<FileFormatException>());
    }

    /// <summary>Cut anywhere, the file is refused by name or still whole in what is read; nothing else escapes.</summary>
    [Test]
    public void A_file_cut_short_anywhere_is_refused()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = File.ReadAllBytes(Zip(folder, CompressionLevel.Optimal, ("mu.npy", Npy("<f8", "(40,)", new byte[320]))));
        for (int length = 0; length < whole.Length; length += 3)
        {
            string path = folder.Write("cut.npz", whole[..length]);
            Assert.That(() =>
            {
                using var file = NpzReader.Open(path);
                return file.ReadDoubles("mu");
            }, Throws.TypeOf<FileFormatException>(), $"{length} bytes");
        }
    }

    private static byte[] Npy(string type, string shape, ReadOnlySpan<byte> values)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header), .. values];
    }

    private static string Zip(TemporaryFolder folder, CompressionLevel level, params (string Name, byte[] Bytes)[] files)
    {
        string path = Path.Combine(folder.Path, $"{Guid.NewGuid():N}.npz");
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, bytes) in files)
        {
            using var stream = archive.CreateEntry(name, level).Open();
            stream.Write(bytes);
        }
        return path;
    }
}

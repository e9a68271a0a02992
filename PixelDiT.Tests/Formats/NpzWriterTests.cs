using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Torch;

namespace PixelDiT.Tests.Formats;

/// <summary>NumPy's archives, of any length, in one go or in two.</summary>
internal sealed class NpzWriterTests
{
    private static readonly byte[] s_values = [.. Enumerable.Range(0, 24).Select(i => (byte)(i * 7))];

    [TestCase(new long[] { 24 }, "(24,)")]
    [TestCase(new long[] { 2, 2, 2, 3 }, "(2, 2, 2, 3)")]
    [TestCase(new long[] { 50000, 512, 512, 3 }, "(50000, 512, 512, 3)")]
    public void A_header_is_that_of_the_npy_format(long[] shape, string tuple)
    {
        byte[] header = NpyHeader.Build(NpyHeader.UInt8, shape);
        Assert.That(header[..8], Is.EqualTo((byte[])[0x93, .. "NUMPY"u8, 1, 0]));
        Assert.That(BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(8)), Is.EqualTo(header.Length - 10));
        Assert.That(header.Length % 64, Is.Zero);
        Assert.That(Encoding.ASCII.GetString(header, 10, header.Length - 10).TrimEnd(' ', '\n'), Is.EqualTo($"{{'descr': '|u1', 'fortran_order': False, 'shape': {tuple}, }}"));
        Assert.That(header[^1], Is.EqualTo((byte)'\n'));
    }

    [Test]
    public void Arrays_are_read_back()
    {
        using var stream = new MemoryStream(Whole());
        var images = NpzArray.Read(stream, "arr_0");
        Assert.That((images.Type, images.Shape, images.Values), Is.EqualTo(("|u1", new long[] { 2, 2, 2, 3 }, s_values)));
        var labels = NpzArray.Read(stream, "arr_1");
        Assert.That((labels.Type, labels.Shape), Is.EqualTo(("<i8", new long[] { 2 })));
        Assert.That(labels.Values, Is.EqualTo(new byte[] { 5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0 }));
    }

    [Test]
    public void Entries_are_stored_with_their_sums_and_without_a_date()
    {
        using var stream = new MemoryStream(Whole());
        using var zip = new ZipArchive(stream);
        Assert.That(zip.Entries.Select(entry => entry.FullName), Is.EqualTo((string[])["arr_0.npy", "arr_1.npy"]));
        foreach (var entry in zip.Entries)
        {
            using var content = new MemoryStream();
            using (var opened = entry.Open()) opened.CopyTo(content);
            Assert.That(entry.Crc32, Is.EqualTo(Crc32.Append(0, content.ToArray())));
            Assert.That(entry.CompressedLength, Is.EqualTo(entry.Length));
            Assert.That(entry.LastWriteTime.DateTime, Is.EqualTo(new DateTime(1980, 1, 1)));
        }
        // The header before the values says the same as the directory behind them.
        byte[] bytes = stream.ToArray();
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(14)), Is.EqualTo(zip.Entries[0].Crc32));
        Assert.That(new ZipDirectory(stream, "npz").Entries, Has.Count.EqualTo(2), "the reader of checkpoints finds nothing wrong with it");
    }

    [Test]
    public void An_archive_that_was_interrupted_becomes_the_same([Range(0, 24)] int kept)
    {
        using var stream = new MemoryStream();
        Begin(new NpzWriter(stream)).Write(s_values.AsSpan(0, kept));
        stream.Write(new byte[7]);
        stream.SetLength(stream.Length - 7);
        stream.Position = 0;

        var writer = Begin(new NpzWriter(stream));
        writer.Keep(kept);
        writer.Write(s_values.AsSpan(kept));
        End(writer);

        Assert.That(stream.ToArray(), Is.EqualTo(Whole()));
    }

    [Test]
    public void Values_that_are_not_there_cannot_be_kept()
    {
        using var stream = new MemoryStream();
        Assert.That(() => Begin(new NpzWriter(stream)).Keep(1), Throws.TypeOf<EndOfStreamException>());
    }

    [TestCase(23)]
    [TestCase(25)]
    public void An_array_of_another_length_is_a_defect(int length)
    {
        using var stream = new MemoryStream();
        var writer = Begin(new NpzWriter(stream));
        writer.Write(new byte[length]);
        Assert.That(writer.Finish, Throws.TypeOf<InvalidOperationException>().With.Message.Contains("arr_0"));
    }

    [TestCase(uint.MaxValue - 1L, false)]
    [TestCase(uint.MaxValue, true)]
    [TestCase(39_321_600_128, true, Description = "50,000 images of 512 x 512")]
    public void An_entry_past_4_GB_has_the_fields_of_zip64(long bytes, bool is64)
    {
        // The values take no room: the stream computes them.
        var images = new StoredEntry("arr_0.npy", 0, bytes, 1);
        byte[] local = ZipRecords.Local(images), header = NpyHeader.Build(NpyHeader.UInt8, [bytes - 128]), last = NpyHeader.Build(NpyHeader.Int64, [1]);
        var labels = new StoredEntry("arr_1.npy", local.Length + bytes, last.Length + 8, 2);
        byte[] end = [.. ZipRecords.Local(labels), .. last, 7, 0, 0, 0, 0, 0, 0, 0];
        long directory = labels.Header + end.Length;
        end = [.. end, .. ZipRecords.Directory([images, labels], directory)];
        using var stream = new SparseStream([.. local, .. header], labels.Header + end.Length, at => at < labels.Header ? (byte)1 : end[at - labels.Header]);

        Assert.That(BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(4)), Is.EqualTo(is64 ? 45 : 20), "the version that is needed");
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true))
        {
            Assert.That(zip.Entries.Select(entry => (entry.Length, entry.CompressedLength, entry.Crc32)), Is.EqualTo(new[] { (bytes, bytes, 1u), (last.Length + 8L, last.Length + 8L, 2u) }));
            using var opened = zip.Entries[0].Open();
            Assert.That(NpzArray.ReadHeader(opened).Shape, Is.EqualTo(new[] { bytes - 128 }));
        }
        Assert.That(NpzArray.Read(stream, "arr_1").Values[0], Is.EqualTo(7));
        Assert.That(new ZipDirectory(stream, "npz").Entries["arr_0.npy"], Is.EqualTo(new Reference.Formats.Torch.ZipEntry("arr_0.npy", 0, local.Length, bytes)));
    }

    private static byte[] Whole()
    {
        using var stream = new MemoryStream();
        var writer = Begin(new NpzWriter(stream));
        writer.Write(s_values);
        End(writer);
        return stream.ToArray();
    }

    private static NpzWriter Begin(NpzWriter writer)
    {
        writer.Begin("arr_0", NpyHeader.UInt8, [2, 2, 2, 3], 1);
        return writer;
    }

    private static void End(NpzWriter writer)
    {
        writer.Begin("arr_1", NpyHeader.Int64, [2], sizeof(long));
        writer.Write([5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        writer.Finish();
    }
}

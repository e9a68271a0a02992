using NUnit.Framework;
using PixelDiT.Reference.Data.Decoding;
using static PixelDiT.Tests.Data.Decoding.PngBytes;

namespace PixelDiT.Tests.Data.Decoding;

public sealed class PngTests
{
    private static readonly byte[] s_row = [.. Enumerable.Range(0, 8).SelectMany(_ => new byte[] { 200, 100, 50 })];

    private static byte[] Zipped => Zip(Rows(8, s_row));

    private static IEnumerable<TestCaseData> ReadFiles()
    {
        var whole = (200, 100, 50);
        TestCaseData Case(string name, byte[] file, (int, int, int) pixel) => new TestCaseData(file, pixel).SetArgDisplayNames(name);
        yield return Case("empty IDAT first", File(Header(8, 8), Chunk("IDAT"), Chunk("IDAT", Zipped), End), whole);
        yield return Case("empty IDAT in the middle", File(Header(8, 8), Chunk("IDAT", Zipped[..9]), Chunk("IDAT"), Chunk("IDAT", Zipped[9..]), End), whole);
        yield return Case("empty IDAT last", File(Header(8, 8), Chunk("IDAT", Zipped), Chunk("IDAT"), End), whole);
        yield return Case("a byte an IDAT", File([Header(8, 8), .. Zipped.Select(value => Chunk("IDAT", value)), End]), whole);
        yield return Case("bytes behind IEND", [.. Plain(200, 100, 50), .. "anything"u8, 0, 0, 0, 0], whole);
        yield return Case("unknown chunks that may be unknown", File(Header(8, 8), Chunk("prVt", 1, 2, 3), Chunk("IDAT", Zipped), Chunk("teXt"), End), whole);
        yield return Case("a palette as a hint", File(Header(8, 8), Chunk("PLTE", 1, 2, 3), Chunk("IDAT", Zipped), End), whole);
        yield return Case("the first frame of an animation", File(Header(8, 8), Chunk("acTL", 0, 0, 0, 2, 0, 0, 0, 0), Chunk("fcTL", new byte[26]), Chunk("IDAT", Zipped), Chunk("fcTL", new byte[26]), Chunk("fdAT", [0, 0, 0, 2, .. Zip(Rows(8, new byte[24]))]), End), whole);
        yield return Case("gray of one bit", File(Header(8, 8, 1, 0), Pixels(Rows(8, 0xFF)), End), (255, 255, 255));
        yield return Case("gray of two bits", File(Header(8, 8, 2, 0), Pixels(Rows(8, 0x55, 0x55)), End), (85, 85, 85));
        yield return Case("gray of four bits", File(Header(8, 8, 4, 0), Pixels(Rows(8, 0x33, 0x33, 0x33, 0x33)), End), (51, 51, 51));
        yield return Case("gray of sixteen bits", File(Header(8, 8, 16, 0), Pixels(Rows(8, [.. Enumerable.Repeat((byte[])[0x40, 0xFF], 8).SelectMany(b => b)])), End), (64, 64, 64));
        yield return Case("colour of sixteen bits", File(Header(8, 8, 16), Pixels(Rows(8, [.. Enumerable.Repeat((byte[])[200, 9, 100, 9, 50, 9], 8).SelectMany(b => b)])), End), whole);
        yield return Case("gray and opacity", File(Header(8, 8, 8, 4), Pixels(Rows(8, [.. Enumerable.Repeat((byte[])[0, 51], 8).SelectMany(b => b)])), End), (204, 204, 204));
        yield return Case("palette", File(Header(8, 8, 8, 3), Chunk("PLTE", 1, 2, 3, 200, 100, 50), Pixels(Rows(8, 1, 1, 1, 1, 1, 1, 1, 1)), End), whole);
        yield return Case("palette of one bit", File(Header(8, 8, 1, 3), Chunk("PLTE", 1, 2, 3, 200, 100, 50), Pixels(Rows(8, 0xFF)), End), whole);
        yield return Case("palette with a transparent colour", File(Header(8, 8, 8, 3), Chunk("PLTE", 1, 2, 3, 4, 5, 6), Chunk("tRNS", 0), Pixels(Rows(8, new byte[8])), End), (255, 255, 255));
        yield return Case("a transparent colour", File(Header(8, 8), Chunk("tRNS", 0, 200, 0, 100, 0, 50), Chunk("IDAT", Zipped), End), (255, 255, 255));
        yield return Case("a transparent gray", File(Header(8, 8, 8, 0), Chunk("tRNS", 0, 7), Pixels(Rows(8, 7, 7, 7, 7, 7, 7, 7, 7)), End), (255, 255, 255));
        yield return Case("tRNS beside opacity", File(Header(8, 8, 8, 6), Chunk("tRNS", 0, 7), Pixels(Rows(8, [.. Enumerable.Repeat((byte[])[200, 100, 50, 255], 8).SelectMany(b => b)])), End), whole);
        yield return Case("interlaced", File(Header(8, 8, 8, 2, 1), Pixels(Interlaced), End), whole);
        yield return Case("Apple's", Apple(50, 100, 200, 255), whole);
        // Half of black under white.
        yield return Case("Apple's, half transparent", Apple(0, 0, 0, 128), (127, 127, 127));
    }

    [TestCaseSource(nameof(ReadFiles))]
    public void It_is_read(byte[] file, (int, int, int) pixel) => Assert.That(Decoded.Pixel(file, 5, 3), Is.EqualTo(pixel));

    private static IEnumerable<TestCaseData> RefusedFiles()
    {
        TestCaseData Case(string name, byte[] file, string words) => new TestCaseData(file, words).SetArgDisplayNames(name);
        byte[] plain = Plain(200, 100, 50);
        yield return Case("no IEND", plain[..^12], "cut short: no IEND");
        yield return Case("half an IEND", plain[..^3], "cut short: no IEND");
        yield return Case("signature alone", Signature, "cut short");
        yield return Case("header alone", File(Header(8, 8), End), "no pixels");
        yield return Case("empty IDAT alone", File(Header(8, 8), Chunk("IDAT"), End), "no pixels");
        yield return Case("a changed byte in the header", Changed(plain, 19), "check sum of its chunk IHDR");
        yield return Case("a changed byte in the pixels", Changed(plain, 44), "check sum of its chunk IDAT");
        yield return Case("a changed byte in a text", Changed(File(Header(8, 8), Chunk("tEXt", 1, 2, 3), Chunk("IDAT", Zipped), End), 42), "check sum of its chunk tEXt");
        yield return Case("a chunk beyond the end", File(Header(8, 8), [0x7F, 0xFF, 0xFF, 0xF0, .. "IDAT"u8, 1, 2, 3, 4]), "chunk IDAT of 2147483632 bytes reaches beyond");
        yield return Case("no chunk", File(Header(8, 8), [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0]), "no chunk begins at byte 33");
        yield return Case("no header", File(Chunk("IDAT", Zipped), End), "begins with a chunk IDAT");
        yield return Case("two headers", File(Header(8, 8), Header(8, 8), Chunk("IDAT", Zipped), End), "two IHDR");
        yield return Case("an unknown chunk that must be known", File(Header(8, 8), Chunk("ABCD"), Chunk("IDAT", Zipped), End), "chunk ABCD");
        yield return Case("a colour type that does not exist", File(Header(8, 8, 8, 5), Chunk("IDAT", Zipped), End), "colour type 5");
        yield return Case("a depth that does not exist", File(Header(8, 8, 4), Chunk("IDAT", Zipped), End), "colour type 2 with 4 bits");
        yield return Case("no palette", File(Header(8, 8, 8, 3), Pixels(Rows(8, new byte[8])), End), "no palette");
        yield return Case("no width", File(Header(0, 8), Chunk("IDAT", Zipped), End), "0 × 8 pixels");
        yield return Case("negative height", File(Header(8, -1), Chunk("IDAT", Zipped), End), "at most");
        yield return Case("more pixels than the bytes hold", File(Header(8000, 8000), Chunk("IDAT", Zipped), End), "promises 8000 × 8000 pixels");
        yield return Case("too few rows", File(Header(8, 8), Pixels(Rows(5, s_row)), End), "cut short or damaged");
        yield return Case("a filter that does not exist", File(Header(8, 8), Chunk("IDAT", ZipAll([.. Enumerable.Repeat((byte[])[9, .. s_row], 8).SelectMany(b => b)])), End), "cut short or damaged");
        yield return Case("no zlib", File(Header(8, 8), Chunk("IDAT", [.. Enumerable.Repeat((byte)0xAB, 90)]), End), "cut short or damaged");
        yield return Case("line ends changed", [0x89, .. "PNG\n"u8, 0x1A, 0x0A, .. plain[8..]], "line ends");
    }

    [TestCaseSource(nameof(RefusedFiles))]
    public void It_is_refused(byte[] file, string words) => Decoded.IsRefused(file, words);

    [Test]
    public void The_size_of_a_header_is_checked_before_memory_is_taken()
    {
        byte[] file = File(Header(16000, 16000, 1, 0), Chunk("IDAT", Zipped), End);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Decoded.IsRefused(file, "promises");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void An_orientation_in_eXIf_is_found() => Assert.That(PngFile.Parse(File(Header(8, 8), Chunk("eXIf", ExifBytes.Block(6)), Chunk("IDAT", Zipped), End)).Orientation, Is.EqualTo(6));

    /// <summary>The seven passes of a picture of one colour.</summary>
    private static IEnumerable<byte[]> Interlaced => ((int Width, int Rows)[])[(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)] is var passes
        ? passes.SelectMany(pass => Rows(pass.Rows, s_row[..(3 * pass.Width)]))
        : [];

    private static byte[] Apple(byte blue, byte green, byte red, byte alpha) => File(
        Chunk("CgBI", 0x50, 0, 0x20, 2), Header(8, 8, 8, 6),
        Chunk("IDAT", Zip(Rows(8, [.. Enumerable.Repeat((byte[])[blue, green, red, alpha], 8).SelectMany(b => b)]), isRaw: true)), End);

    private static byte[] ZipAll(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var zip = new System.IO.Compression.ZLibStream(memory, System.IO.Compression.CompressionLevel.Optimal, true)) zip.Write(bytes);
        return memory.ToArray();
    }

    private static byte[] Changed(byte[] file, int at)
    {
        file = [.. file];
        file[at] ^= 0x10;
        return file;
    }
}

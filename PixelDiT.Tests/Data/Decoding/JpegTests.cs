using NUnit.Framework;
using PixelDiT.Reference.Data.Decoding;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.PixelFormats;
using static PixelDiT.Tests.Data.Decoding.JpegBytes;

namespace PixelDiT.Tests.Data.Decoding;

public sealed class JpegTests
{
    private static IEnumerable<TestCaseData> ReadFiles()
    {
        TestCaseData Case(string name, byte[] file, (int, int, int) pixel) => new TestCaseData(file, pixel).SetArgDisplayNames(name);
        var gray = new JpegBytes { Values = [90] };
        var colour = new JpegBytes { Values = [100, 128, 128] };
        yield return Case("gray", gray.File, (90, 90, 90));
        yield return Case("colour", colour.File, (100, 100, 100));
        yield return Case("progressive", (colour with { Frame = 0xC2 }).File, (100, 100, 100));
        yield return Case("extended sequential", (colour with { Frame = 0xC1 }).File, (100, 100, 100));
        yield return Case("restart markers", (gray with { Side = 96, Restarts = 3 }).File, (90, 90, 90));
        yield return Case("restart markers, one unit each", (gray with { Restarts = 1 }).File, (90, 90, 90));
        yield return Case("red, green and blue by Adobe's note", (new JpegBytes { Values = [200, 100, 50], Adobe = 0 }).File, (200, 100, 50));
        // Adobe stores printing colours inverted: 255 is no ink.
        yield return Case("CMYK by Adobe's note", (new JpegBytes { Values = [200, 100, 50, 255], Adobe = 0 }).File, (200, 100, 50));
        yield return Case("CMYK by Adobe's note, all black", (new JpegBytes { Values = [200, 100, 50, 0], Adobe = 0 }).File, (0, 0, 0));
        // Adobe's YCCK is the colour space of C, M and Y: their values are 255 minus what is stored.
        yield return Case("YCCK by Adobe's note", (new JpegBytes { Values = [155, 128, 128, 255], Adobe = 2 }).File, (100, 100, 100));
        yield return Case("fill bytes before markers", [.. Start, 0xFF, 0xFF, .. Jfif, .. gray.Tables, 0xFF, .. gray.FrameSegment, .. gray.ScanHeader, .. gray.Bits, 0xFF, .. End], (90, 90, 90));
        yield return Case("bytes that belong to nothing before the frame", [.. Start, .. Jfif, 0, 7, .. gray.Tables, .. gray.FrameSegment, 9, .. gray.ScanHeader, .. gray.Bits, .. End], (90, 90, 90));
        yield return Case("a second picture behind the first", [.. gray.File, .. colour.File], (90, 90, 90));
        yield return Case("bytes behind the end", [.. gray.File, .. new byte[100], 0xFF, 0xD8], (90, 90, 90));
        yield return Case("a thumbnail in a segment", (gray with { Before = Segment(0xE1, [.. "Exif\0\0"u8, .. ExifBytes.Block(1), .. colour.File]) }).File, (90, 90, 90));
        yield return Case("broken EXIF data", (gray with { Before = Segment(0xE1, [.. "Exif\0\0MM"u8, 0, 42, 0xFF, 0xFF, 0xFF, 0xFF]) }).File, (90, 90, 90));
        yield return Case("a comment and a profile", (gray with { Before = [.. Segment(0xFE, [.. "made by hand"u8]), .. Segment(0xE2, new byte[300])] }).File, (90, 90, 90));
    }

    [TestCaseSource(nameof(ReadFiles))]
    public void It_is_read(byte[] file, (int Red, int Green, int Blue) pixel)
    {
        var found = Decoded.Pixel(file, 5, 3);
        Assert.That(new[] { found.Red, found.Green, found.Blue }, Is.EqualTo(new[] { pixel.Red, pixel.Green, pixel.Blue }).Within(1));
    }

    /// <summary>What libjpeg decides: JFIF, then Adobe's note, then the names of the components.</summary>
    [TestCase(true, null, null, false)]
    [TestCase(true, 0, null, false)]
    [TestCase(true, 1, null, false)]
    [TestCase(true, null, "RGB", false)]
    [TestCase(true, 0, "RGB", false)]
    [TestCase(false, null, null, false)]
    [TestCase(false, 0, null, true)]
    [TestCase(false, 1, null, false)]
    [TestCase(false, 0, "RGB", true)]
    [TestCase(false, 1, "RGB", false)]
    [TestCase(false, 2, "RGB", false)]
    [TestCase(false, null, "RGB", true)]
    [TestCase(false, null, "BGR", false)]
    [TestCase(false, null, "rgb", false)]
    [TestCase(false, 0, "YCc", true)]
    public void Colours_are_told_as_libjpeg_tells_them(bool hasJfif, int? adobe, string? names, bool isRgb)
    {
        foreach (byte frame in (byte[])[0xC0, 0xC2])
        {
            var (red, green, blue) = Decoded.Pixel(new JpegBytes { Values = [100, 128, 178], HasJfif = hasJfif, Adobe = adobe, Names = names, Frame = frame }.File);
            int[] expected = isRgb ? [100, 128, 178] : [170, 64, 100];
            Assert.That(new[] { red, green, blue }, Is.EqualTo(expected).Within(1));
        }
    }

    [Test]
    public void A_note_of_colours_that_is_too_short_or_comes_behind_the_pixels_says_nothing()
    {
        var named = new JpegBytes { Values = [100, 128, 178], HasJfif = false, Names = "RGB" };
        byte[] late = [.. named.File[..^2], .. Jfif, .. End];
        foreach (byte[] file in (byte[][])[(named with { Before = Segment(0xE0, [.. "JFIF\0"u8, 1, 1]) }).File, late]) Assert.That(Decoded.Pixel(file), Is.EqualTo((100, 128, 178)));
    }

    private static IEnumerable<TestCaseData> RefusedFiles()
    {
        TestCaseData Case(string name, byte[] file, string words) => new TestCaseData(file, words).SetArgDisplayNames(name);
        var gray = new JpegBytes { Values = [90] };
        var colour = new JpegBytes { Values = [100, 128, 128] };
        byte[] head = [.. Start, .. Jfif];
        // Four codes of 27,306 blocks without values: one bit 0 and 14 bits of the number over 16,384.
        byte[] longRuns = [0x55, 0x54, 0xAA, 0xA9, 0x55, 0x52, 0xAA, 0xAA];
        yield return Case("a length beyond the end", [.. Start, 0xFF, 0xE0, 0xFF, 0x10, .. gray.File[4..]], "segment E0 at byte 2 has 65296 bytes and reaches beyond");
        yield return Case("a length of 0", [.. Start, 0xFF, 0xE1, 0, 0, .. gray.File[2..]], "segment E1 at byte 2 says that it has 0 bytes");
        yield return Case("a length of 1", [.. Start, 0xFF, 0xFE, 0, 1, .. gray.File[2..]], "at least 2");
        yield return Case("cut in EXIF data", [.. Start, 0xFF, 0xE1, 0x20, 0, .. "Exif\0\0"u8, .. ExifBytes.Block(1)], "reaches beyond the end");
        yield return Case("cut in a length", [.. Start, 0xFF, 0xE1, 0x20], "cut short");
        yield return Case("cut behind a marker", [.. Start, 0xFF], "cut short");
        yield return Case("start alone", Start, "cut short");
        yield return Case("start and end", [.. Start, .. End], "no frame");
        yield return Case("no scan", [.. head, .. gray.Tables, .. gray.FrameSegment, .. End], "no scan brings its component 1");
        yield return Case("no frame", [.. head, .. gray.Tables, .. gray.ScanHeader, .. gray.Bits, .. End], "a scan comes before the frame");
        yield return Case("no end", gray.File[..^2], "no end marker");
        yield return Case("no Huffman tables", [.. head, .. gray.Tables[..69], .. gray.FrameSegment, .. gray.ScanHeader, .. gray.Bits, .. End], "a table that is not in the file");
        yield return Case("no quantization table", [.. head, .. gray.Tables[69..], .. gray.FrameSegment, .. gray.ScanHeader, .. gray.Bits, .. End], "a table that is not in the file");
        yield return Case("a Huffman table that cannot be", [.. head, .. gray.Tables, .. Segment(0xC4, [0, 3, .. new byte[15], 1, 2, 3]), .. gray.FrameSegment, .. gray.ScanHeader, .. gray.Bits, .. End], "Huffman table");
        yield return Case("a Huffman table cut short behind the frame", [.. head, .. gray.Tables, .. gray.FrameSegment, .. Segment(0xC4, 0, 1), .. gray.ScanHeader, .. gray.Bits, .. End], "Huffman table");
        yield return Case("a quantization table that is no table", [.. head, .. gray.Tables, .. gray.FrameSegment, .. Segment(0xDB, 0x30, 1), .. gray.ScanHeader, .. gray.Bits, .. End], "quantization table");
        yield return Case("two frames", [.. head, .. gray.Tables, .. gray.FrameSegment, .. gray.FrameSegment, .. gray.ScanHeader, .. gray.Bits, .. End], "two frames");
        yield return Case("two starts", [.. head, .. gray.File], "second picture begins");
        yield return Case("a component without a scan", [.. head, .. colour.Tables, .. colour.FrameSegment, .. gray.ScanHeader, .. gray.Bits, .. End], "no scan brings its component 2");
        yield return Case("a component that is not there", [.. head, .. gray.Tables, .. gray.FrameSegment, .. Segment(0xDA, 1, 7, 0, 0, 63, 0), .. gray.Bits, .. End], "component 7");
        yield return Case("a refinement of nothing", [.. head, .. gray.Tables, .. (gray with { Frame = 0xC2 }).FrameSegment, .. Segment(0xDA, 1, 1, 0, 0, 0, 0x21), .. gray.Bits, .. End], "refines what no scan has brought");
        yield return Case("12 bits", (gray with { Frame = 0xC1, Precision = 12 }).File, "12-bit JPEG");
        yield return Case("lossless", (gray with { Frame = 0xC3 }).File, "lossless JPEG");
        yield return Case("hierarchical", (gray with { Frame = 0xC5 }).File, "hierarchical JPEG");
        yield return Case("arithmetic coding", (gray with { Frame = 0xC9 }).File, "arithmetic coding");
        yield return Case("arithmetic coding, progressive", (gray with { Frame = 0xCA }).File, "arithmetic coding");
        yield return Case("JPEG-LS", (gray with { Frame = 0xF7 }).File, "JPEG-LS");
        yield return Case("two components", (new JpegBytes { Values = [90, 90] }).File, "2 components");
        yield return Case("CMYK without a note", (new JpegBytes { Values = [90, 90, 90, 90] }).File, "CMYK JPEG without");
        yield return Case("no height", [.. head, .. gray.Tables, .. Segment(0xC0, 8, 0, 0, 0, 16, 1, 1, 0x11, 0), .. gray.ScanHeader, .. gray.Bits, .. Segment(0xDC, 0, 16), .. End], "height stands behind");
        yield return Case("another height behind the scan", [.. gray.File[..^2], .. Segment(0xDC, 0, 17), .. End], "is another than that of its frame");
        yield return Case("more pixels than the bytes hold", [.. head, .. gray.Tables, .. (gray with { Side = 16000 }).FrameSegment, .. gray.ScanHeader, .. gray.Bits, .. End], "promises 16000 × 16000");
        yield return Case("restart markers missing", [.. head, .. (gray with { Restarts = 1 }).Tables, .. gray.FrameSegment, .. gray.ScanHeader, .. gray.Bits, .. End], "0 restart markers; 3 were expected");
        yield return Case("restart markers out of order", Replaced((gray with { Restarts = 1 }).File, 0xD1, 0xD5), "out of order");
        yield return Case("a code that means nothing", [.. head, .. gray.Tables, .. gray.FrameSegment, .. gray.ScanHeader, 0xF7, 0xF7, 0xF7, 0xF7, .. End], "cut short or damaged");
        yield return Case("more scans than are read", [.. head, .. gray.Tables, .. (gray with { Frame = 0xC2, Side = 2400 }).FrameSegment, .. Segment(0xDA, 1, 1, 0, 0, 0, 0), .. new byte[45_000],
            .. Segment(0xC4, [0x10, 1, .. new byte[15], 0xE0]), .. Enumerable.Repeat((byte[])[.. Segment(0xDA, 1, 1, 0, 1, 63, 0), .. longRuns], 900).SelectMany(b => b), .. End], "more scans");
    }

    [TestCaseSource(nameof(RefusedFiles))]
    public void It_is_refused(byte[] file, string words) => Decoded.IsRefused(file, words);

    // 20 × 20, gray, progressive as libjpeg writes it: scans of first and of other values, whole and refined.
    private const string Progressive =
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//wgALCAAUABQBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABAMF/9oACAEBAAAAAXDzdoEEzR//xAAaEAEBAAIDAAAAAAAAAAAAAAABAAIhAxES/9oACAEBAAEFAguRlnLWb3ebJiDX/8QAFBABAAAAAAAAAAAAAAAAAAAAMP/aAAgBAQAGPwIf/8QAGBABAQEBAQAAAAAAAAAAAAAAAAERIUH/2gAIAQEAAT8hhIylV1kbHfqjq9QP/9oACAEBAAAAEGr/AP/EABkQAQEBAQEBAAAAAAAAAAAAAAEAIRExQf/aAAgBAQABPxDyPAIgDJb2FdCZAdvs8QVBz2zergZf/9k=";

    private static IEnumerable<TestCaseData> WholeFiles()
    {
        TestCaseData Case(string name, byte[] file) => new TestCaseData(file).SetArgDisplayNames(name);
        yield return Case("gray", new JpegBytes { Values = [90] }.File);
        yield return Case("colour", new JpegBytes { Values = [100, 140, 150], Side = 40 }.File);
        yield return Case("restart markers", new JpegBytes { Values = [90], Side = 96, Restarts = 3 }.File);
        yield return Case("first values alone", new JpegBytes { Values = [100, 140, 150], Frame = 0xC2 }.File);
        yield return Case("progressive", Convert.FromBase64String(Progressive));
        yield return Case("photograph-like", Noise());
    }

    /// <summary>However much of a scan is missing, the decoder would fill the rest with gray.</summary>
    [TestCaseSource(nameof(WholeFiles))]
    public void A_scan_that_ends_early_before_a_marker_is_refused(byte[] whole)
    {
        Assert.That(() => Reference.Data.Decoding.ImageDecoder.Decode(whole, 8, 3), Throws.Nothing);
        foreach (var (begin, end) in CodedBytes(whole))
        {
            int step = Math.Max(1, (end - begin) / 40);
            for (int cut = begin; cut < end; cut += step) Decoded.IsRefused([.. whole[..cut], .. whole[end..]], "the JPEG is");
            Decoded.IsRefused([.. whole[..(end - 1)], .. whole[end..]], "the JPEG is");
        }
    }

    /// <summary>Where the bits between markers lie.</summary>
    private static IEnumerable<(int Begin, int End)> CodedBytes(byte[] file)
    {
        int at = 2;
        while (file[at + 1] != 0xD9)
        {
            bool isScan = file[at + 1] == 0xDA, isRestart = file[at + 1] is >= 0xD0 and <= 0xD7;
            at += isRestart ? 2 : 2 + (file[at + 2] << 8 | file[at + 3]);
            if (!isScan && !isRestart) continue;
            int begin = at;
            while (file[at] != 0xFF || file[at + 1] == 0) at++;
            yield return (begin, at);
        }
    }

    private static byte[] Noise()
    {
        var random = new Random(7);
        using var image = new Image<Rgb24>(67, 45);
        for (int y = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++) image[x, y] = new Rgb24((byte)random.Next(256), (byte)(3 * x), (byte)random.Next(100));
        }
        using var memory = new MemoryStream();
        image.Save(memory, new JpegEncoder { Quality = 80 });
        return memory.ToArray();
    }

    [Test]
    public void What_is_not_pixels_does_not_reach_the_decoder()
    {
        var plain = new JpegBytes();
        var full = plain with { Before = [.. Segment(0xE1, new byte[500]), .. Segment(0xFE, new byte[70])] };
        Assert.That(JpegFile.Parse([.. full.File, 1, 2, 3]).Essence, Is.EqualTo(plain.File));
    }

    private static byte[] Replaced(byte[] file, byte marker, byte other)
    {
        file = [.. file];
        file[file.AsSpan().LastIndexOf([(byte)0xFF, marker]) + 1] = other;
        return file;
    }
}

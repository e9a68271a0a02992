using System.Buffers.Binary;
using System.Text;
using NUnit.Framework;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.PixelFormats;

namespace PixelDiT.Tests.Data.Decoding;

public sealed class OtherFormatTests
{
    private static readonly byte[] s_palette = [200, 100, 50, 10, 20, 30];

    internal static byte[] WebP(int width, int height, Rgba32 colour, bool isLossless)
    {
        using var image = new Image<Rgba32>(width, height, colour);
        using var memory = new MemoryStream();
        image.Save(memory, new WebpEncoder { FileFormat = isLossless ? WebpFileFormatType.Lossless : WebpFileFormatType.Lossy, Quality = 100 });
        return memory.ToArray();
    }

    internal static byte[] Bmp(int width, int height, int bits, byte[] row, byte[]? palette = null, int compression = 0)
    {
        palette ??= [];
        byte[] rows = [.. Enumerable.Repeat((byte[])[.. row, .. new byte[-row.Length & 3]], Math.Abs(height)).SelectMany(b => b)];
        int offset = 54 + palette.Length;
        return [.. "BM"u8, .. Word(offset + rows.Length), .. Word(0), .. Word(offset), .. Word(40), .. Word(width), .. Word(height), 1, 0, (byte)bits, 0, .. Word(compression),
            .. Word(rows.Length), .. Word(0), .. Word(0), .. Word(palette.Length / 4), .. Word(0), .. palette, .. rows];
    }

    [TestCase(true)]
    [TestCase(false)]
    public void WebP_is_read(bool isLossless)
    {
        var (red, green, blue) = Decoded.Pixel(WebP(16, 16, new Rgba32(200, 100, 50), isLossless), 4, 4);
        Assert.That(new[] { red, green, blue }, Is.EqualTo(new[] { 200, 100, 50 }).Within(isLossless ? 0 : 4));
    }

    [Test]
    public void Transparent_WebP_is_laid_on_white() => Assert.That(Decoded.Pixel(WebP(16, 16, new Rgba32(0, 0, 0, 51), true)), Is.EqualTo((204, 204, 204)));

    [Test]
    public void The_first_frame_of_an_animated_WebP_is_read_where_it_lies()
    {
        byte[] first = Chunks(WebP(8, 8, new Rgba32(200, 100, 50), true)), second = Chunks(WebP(8, 8, new Rgba32(1, 1, 1), true));
        byte[] Frame(byte[] chunks, byte left) => Chunk("ANMF", [left, 0, 0, 0, 0, 0, 7, 0, 0, 7, 0, 0, 100, 0, 0, 0, .. chunks]);
        byte[] file = Riff(Chunk("VP8X", 2, 0, 0, 0, 15, 0, 0, 15, 0, 0), Chunk("ANIM", new byte[6]), Frame(first, 4), Frame(second, 0));
        byte[] pixels = Reference.Data.Decoding.ImageDecoder.Decode(file, 16, 1).Pixels;
        Assert.That((pixels[0], pixels[7], pixels[8], pixels[(7 * 16) + 15], pixels[8 * 16]), Is.EqualTo(((byte)255, (byte)255, (byte)124, (byte)124, (byte)255)));
    }

    [Test]
    public void A_WebP_that_is_cut_is_refused() => Decoded.IsRefused(WebP(16, 16, new Rgba32(200, 100, 50), false)[..^9], "the WebP is cut short");

    [Test]
    public void A_WebP_without_a_picture_is_refused() => Decoded.IsRefused(Riff(Chunk("VP8X", 0, 0, 0, 0, 15, 0, 0, 15, 0, 0)), "no picture in it");

    [Test]
    public void A_WebP_with_broken_pixels_is_refused() => Decoded.IsRefused(Riff(Chunk("VP8L", 0x2F, 15, 0xC0, 3, 0, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB)), "the WebP is");

    [Test]
    public void Gif_is_read()
    {
        byte[] colours = [.. Enumerable.Range(0, 64).Select(i => (byte)(i % 8 == 3 ? 1 : 0))];
        byte[] file = GifBytes.File(8, 8, s_palette, colours);
        Assert.That((Decoded.Pixel(file, 2, 5), Decoded.Pixel(file, 3, 5)), Is.EqualTo(((200, 100, 50), (10, 20, 30))));
    }

    [Test]
    public void A_gif_with_a_full_dictionary_is_read()
    {
        var random = new Random(3);
        byte[] palette = [.. Enumerable.Range(0, 256).SelectMany(i => new[] { (byte)i, (byte)i, (byte)i })], colours = new byte[128 * 128];
        random.NextBytes(colours);
        Assert.That(Reference.Data.Decoding.ImageDecoder.Decode(GifBytes.File(128, 128, palette, colours), 128, 1).Pixels, Is.EqualTo(colours));
    }

    [Test]
    public void The_rows_of_an_interlaced_gif_come_in_four_passes()
    {
        int[] order = [0, 4, 2, 6, 1, 3, 5, 7];
        byte[] palette = [.. Enumerable.Range(0, 8).SelectMany(i => new[] { (byte)(10 * i), (byte)0, (byte)0 })], colours = [.. order.SelectMany(row => Enumerable.Repeat((byte)row, 8))];
        byte[] file = GifBytes.File(8, 8, palette, colours, flags: 0x40);
        Assert.That(Enumerable.Range(0, 8).Select(y => Decoded.Pixel(file, 0, y).Red), Is.EqualTo(Enumerable.Range(0, 8).Select(y => 10 * y)));
    }

    [Test]
    public void What_the_first_frame_of_a_gif_leaves_is_white()
    {
        byte[] file = GifBytes.File(8, 8, s_palette, [0, 0, 1, 1], (2, 3, 2, 2), GifBytes.Transparent(1), [.. "!"u8, 0xFE, 2, 65, 66, 0]);
        Assert.That((Decoded.Pixel(file, 0, 0), Decoded.Pixel(file, 2, 3), Decoded.Pixel(file, 2, 4)), Is.EqualTo(((255, 255, 255), (200, 100, 50), (255, 255, 255))));
    }

    [Test]
    public void A_gif_that_is_cut_is_refused() => Decoded.IsRefused(GifBytes.File(8, 8, s_palette, new byte[64])[..^4], "the GIF is cut short");

    [Test]
    public void A_gif_with_too_few_pixels_is_refused() => Decoded.IsRefused(GifBytes.File(8, 8, s_palette, new byte[20]), "the GIF is cut short");

    [Test]
    public void A_gif_frame_outside_its_picture_is_refused() => Decoded.IsRefused(GifBytes.File(8, 8, s_palette, new byte[64], (4, 0, 8, 8)), "does not lie in");

    [Test]
    public void A_gif_without_a_frame_is_refused() => Decoded.IsRefused([.. "GIF89a"u8, 8, 0, 8, 0, 0, 0, 0, 0x3B], "no picture in it");

    [TestCase(24, 8)]
    [TestCase(24, -8)]
    [TestCase(32, 8)]
    public void Bmp_is_read(int bits, int height)
    {
        byte[] pixel = bits == 24 ? [50, 100, 200] : [50, 100, 200, 0];
        Assert.That(Decoded.Pixel(Bmp(8, height, bits, [.. Enumerable.Repeat(pixel, 8).SelectMany(b => b)])), Is.EqualTo((200, 100, 50)));
    }

    [Test]
    public void Bmp_with_a_palette_is_read() => Assert.That(Decoded.Pixel(Bmp(8, 8, 8, [1, 1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 50, 100, 200, 0])), Is.EqualTo((200, 100, 50)));

    /// <summary>Every colour of an OS/2 palette, whose entries have three bytes.</summary>
    [Test]
    public void The_last_colours_of_an_old_palette_are_read()
    {
        byte[] palette = [.. Enumerable.Range(0, 256).SelectMany(i => new[] { (byte)i, (byte)(255 - i), (byte)(i / 2) })];
        foreach (byte colour in (byte[])[0, 251, 252, 255])
        {
            byte[] file = [.. "BM"u8, .. Word(26 + 768 + 64), .. Word(0), .. Word(26 + 768), .. Word(12), 8, 0, 8, 0, 1, 0, 8, 0, .. palette, .. Enumerable.Repeat(colour, 64)];
            Assert.That(Decoded.Pixel(file), Is.EqualTo((colour / 2, 255 - colour, (int)colour)));
        }
    }

    [TestCase(2)]
    [TestCase(256)]
    public void A_gap_between_palette_and_pixels_is_stepped_over(int colours)
    {
        byte[] palette = [.. Enumerable.Range(0, colours).SelectMany(i => new byte[] { 50, 100, (byte)(199 + i), 0 })];
        byte[] whole = Bmp(8, 8, 8, [.. Enumerable.Repeat((byte)1, 8)], palette);
        foreach (int gap in (int[])[2, 4, 400])
        {
            int offset = 54 + palette.Length;
            byte[] file = [.. whole[..offset], .. Enumerable.Repeat((byte)7, gap), .. whole[offset..]];
            Set(file, 10, offset + gap);
            Assert.That(Decoded.Pixel(file), Is.EqualTo((200, 100, 50)));
        }
    }

    [TestCase(40, 255)]
    [TestCase(56, 51)]
    [TestCase(108, 51)]
    [TestCase(124, 51)]
    public void Masks_are_read_where_the_header_has_them(int header, int opacity)
    {
        byte[] masks = [.. Word(0xFF), .. Word(0xFF00), .. Word(0xFF0000), .. header == 40 ? [] : Word(unchecked((int)0xFF000000))];
        byte[] rest = new byte[Math.Max(0, header - 56)], rows = [.. Enumerable.Repeat((byte[])[0, 0, 0, 51], 64).SelectMany(b => b)];
        int offset = 54 + masks.Length + rest.Length;
        byte[] file = [.. "BM"u8, .. Word(0), .. Word(0), .. Word(offset), .. Word(header), .. Word(8), .. Word(8), 1, 0, 32, 0, .. Word(3), .. new byte[20], .. masks, .. rest, .. rows];
        int white = 255 - opacity;
        Assert.That(Decoded.Pixel(file), Is.EqualTo((white, white, white)));
        file[offset] = 255;
        Assert.That(Decoded.Pixel(file, 0, 7).Red, Is.EqualTo(255), "the lowest byte is red");
    }

    [TestCase(10, 50, "its pixels begin at byte 50, inside its header; byte 54 or a later one was expected")]
    [TestCase(14, 64, "a header of 64 bytes, which is not read (12, 40, 56, 108 and 124 are); save it as PNG")]
    [TestCase(30, 4, "compression 4, which is not read (0 and 3 are); save it as PNG")]
    public void A_bmp_of_another_kind_is_refused_by_what_it_is(int at, int value, string words) => Decoded.IsRefused(Bmp(8, 8, 24, new byte[24]) is var file && Set(file, at, value) ? file : [], words);

    [TestCase(0)]
    [TestCase(0x3FF)]
    [TestCase(0x5)]
    public void A_bmp_with_other_masks_is_refused(int red)
    {
        byte[] file = [.. "BM"u8, .. Word(0), .. Word(0), .. Word(66), .. Word(40), .. Word(8), .. Word(8), 1, 0, 32, 0, .. Word(3), .. new byte[20], .. Word(red), .. Word(0xFF00), .. Word(0xFF0000), .. new byte[256]];
        Decoded.IsRefused(file, $"colour mask 0x{red:X8}");
    }

    [Test]
    public void A_bmp_that_is_cut_is_refused() => Decoded.IsRefused(Bmp(8, 8, 24, new byte[24])[..^4], "the BMP is cut short");

    [Test]
    public void A_run_length_encoded_bmp_is_refused() => Decoded.IsRefused(Bmp(8, 8, 8, new byte[8], new byte[8], compression: 1), "run-length");

    [Test]
    public void A_bmp_that_promises_more_than_it_has_is_refused() => Decoded.IsRefused(Bmp(8, 8, 24, new byte[24]) is var file && Set(file, 18, 9000) ? file : [], "the BMP is cut short");

    private static IEnumerable<TestCaseData> Others()
    {
        TestCaseData Case(byte[] file, string words) => new TestCaseData(file, words).SetArgDisplayNames(words);
        yield return Case([0, 0, 0, 0x18, .. "ftypheic"u8, 0, 0, 0, 0], "a HEIC picture");
        yield return Case([0, 0, 0, 0x18, .. "ftypmif1"u8, 0, 0, 0, 0], "a HEIC picture");
        yield return Case([0, 0, 0, 0x18, .. "ftypavif"u8, 0, 0, 0, 0], "an AVIF picture");
        yield return Case([0, 0, 0, 0x18, .. "ftypisom"u8, 0, 0, 0, 0], "a video");
        yield return Case([0xFF, 0x0A, 1, 2, 3], "a JPEG XL picture");
        yield return Case([0, 0, 0, 12, .. "JXL "u8, 13, 10, 0x87, 10], "a JPEG XL picture");
        yield return Case([0, 0, 0, 12, .. "jP  "u8, 13, 10, 0x87, 10], "a JPEG 2000 picture");
        yield return Case([.. "II*\0"u8, 8, 0, 0, 0], "a TIFF picture");
        yield return Case([.. "MM\0*"u8, 0, 0, 0, 8], "a TIFF picture");
        yield return Case([.. "8BPS"u8, 0, 1], "Photoshop");
        yield return Case([.. "<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>"u8], "an SVG drawing");
        yield return Case([.. "%PDF-1.7"u8], "a PDF document");
        yield return Case([0, 0, 1, 0, 1, 0], "an icon");
        yield return Case([.. "<!DOCTYPE html><title>404</title>"u8], "an HTML page");
        yield return Case([.. "{\"error\": 403}"u8], "JSON text");
        yield return Case([.. "version https://git-lfs.github.com/spec/v1\noid sha256:00"u8], "Git LFS pointer");
        yield return Case(new byte[3000], "zeros only");
        yield return Case([.. new byte[3000], 1], "not a picture of a known format");
        yield return Case([.. "not a picture at all"u8], "is text");
        yield return Case([.. "RIFF\u0010\0\0\0WAVEfmt "u8], "a sound or video");
        yield return Case([.. "P6\n8 8\n255\n"u8, 0, 0, 0], "a Netpbm picture");
        yield return Case([0x1F, 0x8B, 8, 0], "a gzip file");
        yield return Case([1, 2, 3], "not a picture of a known format");
    }

    [TestCaseSource(nameof(Others))]
    public void What_is_no_picture_is_called_what_it_is(byte[] file, string words) => Decoded.IsRefused(file, words);

    private static byte[] Riff(params byte[][] chunks)
    {
        byte[] body = [.. "WEBP"u8, .. chunks.SelectMany(b => b)];
        return [.. "RIFF"u8, .. Word(body.Length), .. body];
    }

    private static byte[] Chunks(byte[] file) => file[12..];

    private static byte[] Chunk(string name, params byte[] content) => [.. Encoding.ASCII.GetBytes(name), .. Word(content.Length), .. content, .. new byte[content.Length & 1]];

    private static byte[] Word(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static bool Set(byte[] file, int at, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), value);
        return true;
    }
}

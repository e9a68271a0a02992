using NUnit.Framework;
using PixelDiT.Reference.Data.Decoding;

namespace PixelDiT.Tests.Data.Decoding;

public sealed class OrientationTests
{
    // Wider than high, and odd, so that the cut and the turn must come in the right order.
    private const int Width = 13, Height = 8;

    private static (byte, byte, byte) Pixel(int x, int y) => ((byte)(10 * x), (byte)(20 * y), 77);

    /// <summary>The upright picture of a stored one, by the meaning of the eight values.</summary>
    private static byte[] Upright(int orientation)
    {
        bool lies = orientation >= 5;
        return PngBytes.Drawn(lies ? Height : Width, lies ? Width : Height, (x, y) => orientation switch
        {
            2 => Pixel(Width - 1 - x, y),
            3 => Pixel(Width - 1 - x, Height - 1 - y),
            4 => Pixel(x, Height - 1 - y),
            5 => Pixel(y, x),
            6 => Pixel(y, Height - 1 - x),
            7 => Pixel(Width - 1 - y, Height - 1 - x),
            8 => Pixel(Width - 1 - y, x),
            _ => Pixel(x, y)
        });
    }

    [Test]
    public void A_picture_is_put_upright([Range(1, 8)] int orientation, [Values] bool little)
    {
        byte[] stored = PngBytes.Drawn(Width, Height, Pixel, PngBytes.Chunk("eXIf", ExifBytes.Block(orientation, little)));
        var (turned, upright) = (ImageDecoder.Decode(stored, 8, 3), ImageDecoder.Decode(Upright(orientation), 8, 3));
        Assert.That(turned.Pixels, Is.EqualTo(upright.Pixels));
        Assert.That((turned.Width, turned.Height, turned.IsTurned), Is.EqualTo((upright.Width, upright.Height, orientation > 1)));
    }

    [TestCase(0)]
    [TestCase(9)]
    [TestCase(256)]
    public void A_value_that_means_nothing_is_ignored(int orientation) => Assert.That(Exif.Orientation(ExifBytes.Block(orientation)), Is.EqualTo(Exif.Upright));

    [Test]
    public void A_value_in_four_bytes_is_read() => Assert.That((Exif.Orientation(ExifBytes.Block(6, type: 4)), Exif.Orientation(ExifBytes.Block(6, little: true, type: 4))), Is.EqualTo((6, 6)));

    [Test]
    public void Data_that_are_cut_or_damaged_are_ignored()
    {
        byte[] block = ExifBytes.Block(6);
        for (int length = 0; length < 22; length++) Assert.That(Exif.Orientation(block.AsSpan(0, length)), Is.EqualTo(Exif.Upright), $"{length} bytes");
        for (int at = 0; at < block.Length; at++)
        {
            byte[] damaged = [.. block];
            damaged[at] = 0xFF;
            Assert.That(Exif.Orientation(damaged), Is.InRange(1, 8));
        }
    }

    [Test]
    public void Jpeg_and_WebP_have_theirs()
    {
        byte[] jpeg = new JpegBytes { Before = JpegBytes.Segment(0xE1, [.. "Exif\0\0"u8, .. ExifBytes.Block(8)]) }.File;
        Assert.That(JpegFile.Parse(jpeg).Orientation, Is.EqualTo(8));

        byte[] webp = OtherFormatTests.WebP(8, 8, new(1, 2, 3), true), exif = ExifBytes.Block(3);
        byte[] longer = [.. webp, .. "EXIF"u8, (byte)exif.Length, 0, 0, 0, .. exif];
        longer[4] += (byte)(8 + exif.Length);
        Assert.That(WebPFile.Parse(longer).Orientation, Is.EqualTo(3));
    }
}

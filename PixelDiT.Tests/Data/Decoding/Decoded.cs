using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;

namespace PixelDiT.Tests.Data.Decoding;

/// <summary>What a file decodes to, or why it does not.</summary>
internal static class Decoded
{
    public const int Side = 8;

    /// <summary>Red, green and blue of a pixel of the image of 8 × 8.</summary>
    public static (int Red, int Green, int Blue) Pixel(byte[] file, int x = 0, int y = 0)
    {
        byte[] pixels = ImageDecoder.Decode(file, Side, 3).Pixels;
        int at = (y * Side) + x;
        return (pixels[at], pixels[(Side * Side) + at], pixels[(2 * Side * Side) + at]);
    }

    /// <summary>That a file is refused with words of this decoder, none of the run time's.</summary>
    public static void IsRefused(byte[] file, string words)
    {
        string message = Assert.Throws<DataException>(() => ImageDecoder.Decode(file, Side, 3))!.Message;
        Assert.That(message, Does.Contain(words));
        Assert.That(message, Does.Not.Contain("Parameter").And.Not.Contain("Exception").And.Not.Contain("\n"));
    }
}

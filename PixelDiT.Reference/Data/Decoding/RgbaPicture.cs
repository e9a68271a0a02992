using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>A decoded picture as it is stored.</summary>
/// <param name="Width">W, in pixels.</param>
/// <param name="Height">H, in pixels.</param>
/// <param name="Pixels">[H, W, 4]: red, green, blue, opacity.</param>
internal sealed record RgbaPicture(int Width, int Height, byte[] Pixels)
{
    /// <summary>The most pixels of one picture: 1 GiB of four bytes a pixel. A header that says more is more likely a broken file than a picture.</summary>
    public const long MostPixels = 1L << 28;

    /// <summary>Whether red and blue have changed places and colours are multiplied by the opacity, as in Apple's PNG files.</summary>
    public bool IsApple { get; init; }

    /// <summary>Checks the sizes of a header.</summary>
    /// <exception cref="DataException">There is no pixel, or there are more than <see cref="MostPixels"/>.</exception>
    public static void CheckSize(long width, long height)
    {
        if (width < 1 || height < 1) throw new DataException($"the header says {width} × {height} pixels; at least 1 × 1 was expected");
        if (width > MostPixels || height > MostPixels || width * height > MostPixels) throw new DataException($"the header says {width} × {height} pixels; at most {MostPixels} are decoded");
    }

    /// <summary>A pixel laid on a colour.</summary>
    /// <param name="place">y·W + x.</param>
    /// <param name="background">The colour, or none.</param>
    public (byte Red, byte Green, byte Blue) On(int place, Background background)
    {
        var pixel = Pixels.AsSpan(4 * place, 4);
        var (red, blue) = IsApple ? (pixel[2], pixel[0]) : (pixel[0], pixel[2]);
        byte alpha = pixel[3];
        if (background.IsNone || alpha == byte.MaxValue) return (red, pixel[1], blue);
        return IsApple
            ? (Add(red, alpha, background.Red), Add(pixel[1], alpha, background.Green), Add(blue, alpha, background.Blue))
            : (Mix(red, alpha, background.Red), Mix(pixel[1], alpha, background.Green), Mix(blue, alpha, background.Blue));
    }

    /// <summary>[H, W, 3]: the colours alone, whatever the opacity.</summary>
    public byte[] Colours()
    {
        var colours = new byte[checked(3 * Width * Height)];
        int red = IsApple ? 2 : 0, blue = IsApple ? 0 : 2;
        for (int i = 0, from = 0; i < colours.Length; i += 3, from += 4) (colours[i], colours[i + 1], colours[i + 2]) = (Pixels[from + red], Pixels[from + 1], Pixels[from + blue]);
        return colours;
    }

    private static byte Mix(byte value, byte alpha, byte under) => (byte)((value * alpha + under * (255 - alpha) + 127) / 255);

    private static byte Add(byte value, byte alpha, byte under) => (byte)Math.Min(255, value + ((under * (255 - alpha)) + 127) / 255);
}

using PixelDiT.Kernels;
using StbImageSharp;

namespace PixelDiT.Reference.Data;

/// <summary>
/// A PNG or JPEG file to the bytes of a square image: transparent parts are laid on white, the largest centred square is cut out and scaled
/// (<see cref="PixelResize"/>). For one channel, colour becomes gray. An orientation noted beside the pixels (EXIF) is not applied.
/// </summary>
internal static class ImageDecoder
{
    // Four bytes a pixel: 1 GiB. A header that says more is more likely a broken file than a picture.
    private const long MostPixels = 1L << 28;

    /// <summary>Reads and decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="resolution">The side of the image, in pixels.</param>
    /// <param name="channels">1 or 3.</param>
    /// <returns>[C, resolution, resolution].</returns>
    /// <exception cref="DataException">The file cannot be read or decoded; the message is the reason, without the path.</exception>
    public static byte[] Read(string path, int resolution, int channels)
    {
        ImageResult decoded;
        try
        {
            decoded = Decode(File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is not (DataException or OutOfMemoryException))
        {
            // The decoder meets a broken file with whatever its code runs into: a null, an index, an overflow.
            // Some of its messages are blank.
            string reason = error.Message.Any(char.IsLetter) ? error.Message : "the file is cut short or damaged";
            throw new DataException($"cannot be decoded ({reason})", error);
        }

        int side = Math.Min(decoded.Width, decoded.Height), left = (decoded.Width - side) / 2, top = (decoded.Height - side) / 2;
        var planes = new byte[channels][];
        for (int c = 0; c < channels; c++) planes[c] = new byte[side * side];
        for (int y = 0; y < side; y++)
        {
            for (int x = 0; x < side; x++)
            {
                var pixel = decoded.Data.AsSpan(((top + y) * decoded.Width + left + x) * 4, 4);
                byte red = OnWhite(pixel[0], pixel[3]), green = OnWhite(pixel[1], pixel[3]), blue = OnWhite(pixel[2], pixel[3]);
                if (channels == 1)
                {
                    planes[0][y * side + x] = PixelScale.Gray(red, green, blue);
                    continue;
                }
                (planes[0][y * side + x], planes[1][y * side + x], planes[2][y * side + x]) = (red, green, blue);
            }
        }

        var image = new byte[channels * resolution * resolution];
        var resize = new PixelResize(side, side, resolution, resolution);
        for (int c = 0; c < channels; c++) resize.Apply(planes[c], image.AsSpan(c * resolution * resolution));
        return image;
    }

    private static ImageResult Decode(byte[] file)
    {
        if (file.Length == 0) throw new DataException("the file is empty");
        using (var header = new MemoryStream(file))
        {
            if (ImageInfo.FromStream(header) is not { } info) throw new DataException("the file does not begin like a PNG or JPEG that can be decoded");
            if ((long)info.Width * info.Height > MostPixels) throw new DataException($"the header says {info.Width} × {info.Height} pixels; at most {MostPixels} are decoded");
        }
        if (file is [0xFF, 0xD8, ..] && !JpegEnds(file)) throw new DataException("the JPEG is cut short: no end marker after its pixels");
        var decoded = ImageResult.FromMemory(file, ColorComponents.RedGreenBlueAlpha);
        return decoded.Width > 0 && decoded.Height > 0 ? decoded : throw new DataException("the image has no pixels");
    }

    /// <summary>
    /// Whether an end marker (FF D9) follows the first start of scan. The decoder fills what is missing of a cut JPEG with gray and says nothing;
    /// segments before the scan are stepped over, as a thumbnail in one of them has an end marker of its own.
    /// </summary>
    private static bool JpegEnds(ReadOnlySpan<byte> file)
    {
        const byte StartOfScan = 0xDA;
        int at = 2;
        while (at + 4 <= file.Length && file[at] == 0xFF)
        {
            if (file[at + 1] == StartOfScan) return file[at..].IndexOf((ReadOnlySpan<byte>)[0xFF, 0xD9]) >= 0;
            at += file[at + 1] == 0xFF ? 1 : 2 + (file[at + 2] << 8 | file[at + 3]);
        }
        return false;
    }

    private static byte OnWhite(byte value, byte alpha) => (byte)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

using PixelDiT.Reference.Pictures;
using StbImageSharp;
using StbImageWriteSharp;

namespace PixelDiT.Reference.Measuring;

/// <summary>What JPEG makes of a picture.</summary>
internal static class JpegPicture
{
    /// <summary>Encodes a picture and decodes it again.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="quality">1 to 100; up to 90 colours are stored at half the resolution.</param>
    public static Picture Of(Picture picture, int quality)
    {
        bool isGray = picture.Channels == 1;
        using var file = new MemoryStream();
        new ImageWriter().WriteJpg(picture.Pixels, picture.Width, picture.Height, isGray ? StbImageWriteSharp.ColorComponents.Grey : StbImageWriteSharp.ColorComponents.RedGreenBlue, file, quality);
        var decoded = ImageResult.FromMemory(file.ToArray(), isGray ? StbImageSharp.ColorComponents.Grey : StbImageSharp.ColorComponents.RedGreenBlue);
        return new Picture(decoded.Width, decoded.Height, picture.Channels, decoded.Data);
    }
}

using PixelDiT.Reference.Pictures;
using StbImageWriteSharp;

namespace PixelDiT.Reference.Explaining;

/// <summary>Pictures as text inside a page.</summary>
internal static class PictureData
{
    private const int Quality = 90;

    /// <summary>A picture as PNG.</summary>
    public static string Png(Picture picture)
    {
        using var stream = new MemoryStream();
        PngWriter.Write(stream, picture);
        return $"data:image/png;base64,{Convert.ToBase64String(stream.GetBuffer(), 0, (int)stream.Length)}";
    }

    /// <summary>A picture as JPEG, which is a third of noise as PNG.</summary>
    public static string Jpeg(Picture picture)
    {
        using var stream = new MemoryStream();
        new ImageWriter().WriteJpg(picture.Pixels, picture.Width, picture.Height, picture.Channels == 1 ? ColorComponents.Grey : ColorComponents.RedGreenBlue, stream, Quality);
        return $"data:image/jpeg;base64,{Convert.ToBase64String(stream.GetBuffer(), 0, (int)stream.Length)}";
    }
}

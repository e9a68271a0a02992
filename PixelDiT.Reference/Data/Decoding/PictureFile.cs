using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>Picture files of one's own: PNG, JPEG, WebP, GIF and BMP, by their content and whatever they are called, decoded as the sources of images decode them.</summary>
public static class PictureFile
{
    /// <summary>Reads and decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="background">What transparent parts are laid on; null for white.</param>
    /// <returns>The picture in colour at its own size, put upright as its EXIF data say; gray as three equal colours.</returns>
    /// <exception cref="DataException">The file cannot be read or decoded; the message names it and says why.</exception>
    public static Picture Read(string path, Background? background = null)
    {
        try
        {
            return Decode(FileStart.ReadAll(path), background);
        }
        catch (DataException error)
        {
            throw new DataException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>Decodes a file's content.</summary>
    /// <param name="file">The content.</param>
    /// <param name="background">As in <see cref="Read"/>.</param>
    /// <returns>As <see cref="Read"/>.</returns>
    /// <exception cref="DataException">It cannot be decoded; the message is the reason.</exception>
    public static Picture Decode(byte[] file, Background? background = null)
    {
        Picture? whole = null;
        ImageDecoder.DecodeUpright(file, picture => (whole = picture).Pixels, background ?? Background.White);
        return whole!;
    }
}

using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;
using StbImageSharp;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>An image as a model is trained on it, and what its picture was.</summary>
/// <param name="Pixels">[C, H, W] of the size asked for.</param>
/// <param name="Width">The picture's W, upright, in pixels.</param>
/// <param name="Height">The picture's H, upright, in pixels.</param>
/// <param name="IsTurned">Whether an orientation noted beside the pixels was applied.</param>
internal sealed record DecodedImage(byte[] Pixels, int Width, int Height, bool IsTurned);

/// <summary>A picture as a person has it.</summary>
/// <param name="Seen">What is seen of it on white, in colour.</param>
/// <param name="Colours">Its own colours; the same where nothing is transparent.</param>
/// <param name="Opacity">[H, W], 0 for transparent; null where nothing is.</param>
internal sealed record UprightPicture(Picture Seen, Picture Colours, byte[]? Opacity)
{
    /// <summary>Whether an orientation noted beside the pixels was applied.</summary>
    public bool IsTurned { get; init; }

    /// <summary>Whether the file has 16 bits a channel, of which 8 are kept.</summary>
    public bool IsDeep { get; init; }
}

/// <summary>
/// A picture file to the bytes of an image: it is put upright as its EXIF data say, transparent parts are laid on a background, and it is cut and scaled by a <see cref="ResizeRule"/>.
/// For one channel, colour becomes gray. The content tells the format, whatever the file is called.
/// </summary>
internal static class ImageDecoder
{
    /// <summary>Changes whenever a file may give other bytes than before, so that stored images are decoded anew.</summary>
    public const int Rules = 2;

    /// <summary>Reads and decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="size">The size of the image, in pixels.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="begins">Called with the number of pixels when there is room to decode them.</param>
    /// <param name="how">How the picture is prepared; null for <see cref="Preparation.OfVersion1"/>.</param>
    /// <exception cref="DataException">The file cannot be read or decoded; the message is the reason, without the path.</exception>
    public static DecodedImage Read(string path, ImageSize size, int channels, Action<long>? begins = null, Preparation? how = null) => Decode(FileStart.ReadAll(path), size, channels, begins, how);

    /// <summary>Decodes a file's content, as <see cref="Read"/> does.</summary>
    /// <exception cref="DataException">It cannot be decoded; the message is the reason.</exception>
    public static DecodedImage Decode(byte[] file, ImageSize size, int channels, Action<long>? begins = null, Preparation? how = null)
    {
        var (rule, background) = how ?? Preparation.OfVersion1;
        if (rule == ResizeRule.Adm) return DecodeUpright(file, picture => PixelScale.ToPlanes(ResizeRules.Adm(picture, size), channels), background, begins);
        var (width, height, orientation, decode) = Open(file);
        using var room = PixelBudget.Shared.Take((long)width * height);
        begins?.Invoke((long)width * height);
        var picture = decode();
        bool lies = orientation >= 5;
        return new DecodedImage(Cut(picture, orientation, size, channels, background), lies ? height : width, lies ? width : height, orientation != Exif.Upright);
    }

    /// <summary>Decodes a file's content to a picture of its own size: put upright, transparent parts laid on a background, colour and gray as they are.</summary>
    /// <param name="file">The file's content.</param>
    /// <param name="fit">Makes the image's pixels of the picture, while there is room for both.</param>
    /// <param name="background">What transparent parts are laid on.</param>
    /// <param name="begins">Called with the number of pixels when there is room to decode them.</param>
    /// <exception cref="DataException">It cannot be decoded; the message is the reason.</exception>
    public static DecodedImage DecodeUpright(byte[] file, Func<Picture, byte[]> fit, Background background, Action<long>? begins = null)
    {
        var (storedWidth, storedHeight, orientation, decode) = Open(file);
        using var room = PixelBudget.Shared.Take((long)storedWidth * storedHeight);
        begins?.Invoke((long)storedWidth * storedHeight);
        var picture = decode();
        var (width, height) = orientation >= 5 ? (storedHeight, storedWidth) : (storedWidth, storedHeight);
        var pixels = new byte[checked(3 * width * height)];
        for (int i = 0; i < pixels.Length / 3; i++)
        {
            (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]) = picture.On(Stored(i % width, i / width, width, height, orientation, storedWidth), background);
        }
        try
        {
            return new DecodedImage(fit(new Picture(width, height, 3, pixels)), width, height, orientation != Exif.Upright);
        }
        catch (ShapeException error)
        {
            throw new DataException(error.Message, error);
        }
    }

    /// <summary>Decodes a file's content to a picture of its own size, put upright, with what its transparent parts hold.</summary>
    /// <exception cref="DataException">It cannot be decoded; the message is the reason.</exception>
    public static UprightPicture DecodeWhole(byte[] file)
    {
        var (storedWidth, storedHeight, orientation, decode) = Open(file);
        using var room = PixelBudget.Shared.Take((long)storedWidth * storedHeight);
        var picture = decode();
        var (width, height) = orientation >= 5 ? (storedHeight, storedWidth) : (storedWidth, storedHeight);
        byte[] seen = new byte[checked(3 * width * height)], colours = new byte[seen.Length], opacity = new byte[width * height], stored = picture.Colours();
        for (int i = 0; i < opacity.Length; i++)
        {
            int from = Stored(i % width, i / width, width, height, orientation, storedWidth);
            (seen[3 * i], seen[3 * i + 1], seen[3 * i + 2]) = picture.On(from, Background.White);
            stored.AsSpan(3 * from, 3).CopyTo(colours.AsSpan(3 * i));
            opacity[i] = picture.Pixels[(4 * from) + 3];
        }
        // Apple's colours are multiplied by the opacity, so that they are no colours of their own.
        bool isOpaque = picture.IsApple || opacity.AsSpan().IndexOfAnyExcept(byte.MaxValue) < 0;
        var whole = new Picture(width, height, 3, seen);
        return new UprightPicture(whole, isOpaque ? whole : new Picture(width, height, 3, colours), isOpaque ? null : opacity)
        {
            IsTurned = orientation != Exif.Upright,
            IsDeep = FileKind.Of(file.AsSpan(0, Math.Min(file.Length, FileKind.BytesNeeded))).Format == PictureFormat.Png && PngFile.Parse(file).Depth == 16
        };
    }

    /// <summary>Decodes a file's content to its colours as they are stored: not turned, not cut, opacity dropped without laying the picture on anything, gray as three equal colours.</summary>
    /// <exception cref="DataException">It cannot be decoded; the message is the reason.</exception>
    public static Picture DecodeColours(byte[] file)
    {
        var (width, height, _, decode) = Open(file);
        using var room = PixelBudget.Shared.Take((long)width * height);
        return new Picture(width, height, 3, decode().Colours());
    }

    /// <summary>Looks a file through; nothing is decoded yet and no memory taken for pixels.</summary>
    private static (int Width, int Height, int Orientation, Func<RgbaPicture> Decode) Open(byte[] file)
    {
        var kind = FileKind.Of(file.AsSpan(0, Math.Min(file.Length, FileKind.BytesNeeded)));
        switch (kind.Format)
        {
            case PictureFormat.Png:
                var png = PngFile.Parse(file);
                return (png.Width, png.Height, png.Orientation, () => Decode(png.Essence, png.Width, png.Height, "PNG") with { IsApple = png.IsApple });
            case PictureFormat.Jpeg:
                var jpeg = JpegFile.Parse(file);
                return (jpeg.Width, jpeg.Height, jpeg.Orientation, () => Decode(jpeg.Essence, jpeg.Width, jpeg.Height, "JPEG"));
            case PictureFormat.WebP:
                var webp = WebPFile.Parse(file);
                return (webp.Width, webp.Height, webp.Orientation, webp.Decode);
            case PictureFormat.Gif:
                var (across, down) = GifFile.Size(file);
                return (across, down, Exif.Upright, () => GifFile.Decode(file));
            case PictureFormat.Bmp:
                var bmp = BmpFile.Parse(file);
                return (bmp.Width, bmp.Height, Exif.Upright, () => Decode(bmp.Essence(), bmp.Width, bmp.Height, "BMP"));
            default:
                bool isZeros = kind.Name == "zeros only" && file.AsSpan().ContainsAnyExcept((byte)0);
                throw new DataException($"is {(isZeros ? "not a picture of a known format" : kind.Name)}; {FileKind.Read}");
        }
    }

    private static RgbaPicture Decode(byte[] file, int width, int height, string format)
    {
        // Rows of a bitmap end with up to three bytes that only pad.
        const int Padding = 3;
        using var stream = new BoundedStream(file);
        ImageResult? decoded;
        try
        {
            decoded = ImageResult.FromStream(stream, ColorComponents.RedGreenBlueAlpha);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // The decoder meets a broken file with whatever its code runs into, and its own reasons lie in a field that all threads share.
            throw new DataException($"the {format} is cut short or damaged: its pixels cannot be decoded", error);
        }
        bool stoppedEarly = format == "JPEG" && stream.Position < file.Length;
        if (decoded is null || stream.Missing > Padding || stoppedEarly || (decoded.Width, decoded.Height) != (width, height))
        {
            throw new DataException($"the {format} is cut short or damaged: its pixels cannot be decoded");
        }
        return new RgbaPicture(width, height, decoded.Data);
    }

    /// <summary>The largest part of the size's shape in the middle of the upright picture, scaled.</summary>
    private static byte[] Cut(RgbaPicture picture, int orientation, ImageSize size, int channels, Background background)
    {
        bool lies = orientation >= 5;
        var (width, height) = lies ? (picture.Height, picture.Width) : (picture.Width, picture.Height);
        var (left, top, across, down) = size.CentreOf(height, width);
        var planes = new byte[channels][];
        for (int c = 0; c < channels; c++) planes[c] = new byte[down * across];
        for (int y = 0; y < down; y++)
        {
            for (int x = 0; x < across; x++)
            {
                var (red, green, blue) = picture.On(Stored(left + x, top + y, width, height, orientation, picture.Width), background);
                if (channels == 1)
                {
                    planes[0][(y * across) + x] = PixelScale.Gray(red, green, blue);
                    continue;
                }
                (planes[0][(y * across) + x], planes[1][(y * across) + x], planes[2][(y * across) + x]) = (red, green, blue);
            }
        }

        var image = new byte[channels * (int)size.Area];
        var resize = new PixelResize(down, across, size.Height, size.Width);
        for (int c = 0; c < channels; c++) resize.Apply(planes[c], image.AsSpan(c * (int)size.Area));
        return image;
    }

    /// <summary>Where a pixel of the upright picture is stored.</summary>
    private static int Stored(int x, int y, int width, int height, int orientation, int storedWidth)
    {
        var (column, row) = orientation switch
        {
            2 => (width - 1 - x, y),
            3 => (width - 1 - x, height - 1 - y),
            4 => (x, height - 1 - y),
            5 => (y, x),
            6 => (y, width - 1 - x),
            7 => (height - 1 - y, width - 1 - x),
            8 => (height - 1 - y, x),
            _ => (x, y)
        };
        return (row * storedWidth) + column;
    }
}

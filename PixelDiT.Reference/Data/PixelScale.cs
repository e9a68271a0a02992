using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Data;

/// <summary>Bytes to the values a model is trained on (SPEC §4).</summary>
internal static class PixelScale
{
    /// <summary>(v/255 − 0.5)/0.5.</summary>
    public static float ToValue(byte v) => PixelBytes.ToValue(v);

    /// <summary>(v/255 − 0.5)/0.5 of every byte.</summary>
    public static void ToValues(ReadOnlySpan<byte> bytes, Span<float> values) => PixelBytes.ToValues(bytes, values);

    /// <summary>The planes of a coloured picture.</summary>
    /// <param name="picture">Of three channels.</param>
    /// <param name="channels">3, or 1 for its brightness.</param>
    /// <returns>[C, H, W].</returns>
    public static byte[] ToPlanes(Picture picture, int channels)
    {
        int area = picture.Width * picture.Height;
        var planes = new byte[channels * area];
        for (int i = 0; i < area; i++)
        {
            var pixel = picture.Pixels.AsSpan(3 * i, 3);
            if (channels == 1) planes[i] = Gray(pixel[0], pixel[1], pixel[2]);
            else (planes[i], planes[area + i], planes[2 * area + i]) = (pixel[0], pixel[1], pixel[2]);
        }
        return planes;
    }

    /// <summary>The brightness of a colour, 0.299 R + 0.587 G + 0.114 B rounded; a gray colour keeps its value.</summary>
    public static byte Gray(byte red, byte green, byte blue) => (byte)((299 * red + 587 * green + 114 * blue + 500) / 1000);

    /// <summary>Refuses an index that a source does not have.</summary>
    public static void CheckIndex(this IImageSource source, long index)
    {
        if (index < 0 || index >= source.Count) throw new DataException($"{source.Name}: image {index} was asked for; there are {source.Count}");
    }

    /// <summary>The two checks that every source makes before it reads.</summary>
    public static void CheckRead(this IImageSource source, long index, Span<float> image)
    {
        source.CheckIndex(index);
        int length = source.Channels * source.Height * source.Width;
        if (image.Length != length)
        {
            throw new ShapeException($"{source.Name}: an image has {source.Channels}·{source.Height}·{source.Width} = {length} values; the array given has {image.Length}");
        }
    }
}

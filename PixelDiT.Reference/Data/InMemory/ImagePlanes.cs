using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data.InMemory;

/// <summary>Pictures in memory as sources keep them.</summary>
internal static class ImagePlanes
{
    /// <summary>The image that a picture becomes.</summary>
    /// <param name="source">The source, for messages.</param>
    /// <param name="place">The picture's place in it, from 0, for messages.</param>
    /// <param name="picture">Any size.</param>
    /// <param name="size">The size of the image.</param>
    /// <param name="channels">3 or 1.</param>
    /// <param name="resize">How it is brought to that size.</param>
    /// <returns>[C, H, W].</returns>
    /// <exception cref="DataException">The picture is so narrow that it cannot be scaled.</exception>
    public static byte[] Of(string source, int place, Picture picture, ImageSize size, int channels, ResizeRule resize)
    {
        try
        {
            // Colour becomes gray where the decoder of files makes it so: behind Pillow's scaling, before scaling by area.
            if (channels == 1 && picture.Channels == 3 && resize == ResizeRule.Area) picture = new Picture(picture.Width, picture.Height, 1, PixelScale.ToPlanes(picture, 1));
            var image = ResizeRules.Apply(resize, picture, size);
            if (image.Channels == 3) return PixelScale.ToPlanes(image, channels);
            return channels == 1 ? image.Pixels : [.. image.Pixels, .. image.Pixels, .. image.Pixels];
        }
        catch (ShapeException error)
        {
            throw new DataException($"{source}: picture {place}: {error.Message}", error);
        }
    }

    /// <summary>Refuses what no source is opened with.</summary>
    /// <exception cref="DataException">A side or the number of channels is out of range.</exception>
    public static void Require(string source, ImageSize size, int channels)
    {
        ImageSources.RequireInRange(source, size);
        if (channels is not (1 or 3)) throw new DataException($"{source}: {channels} channels; images have 3 (colour) or 1 (gray)");
    }
}

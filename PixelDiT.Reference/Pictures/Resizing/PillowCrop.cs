using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures.Resizing;

/// <summary>The ways in which published trainers bring pictures to a size, to the byte: scaled with <see cref="PillowResize"/>, then cut out of the middle.</summary>
public static class PillowCrop
{
    /// <summary>
    /// The square of the class models (ADM): halved by boxes while the shorter side has twice the size, then bicubic until the shorter side has it, then cut. Smaller pictures grow.
    /// </summary>
    /// <param name="picture">Any size.</param>
    /// <param name="size">The side of the square, at least 1.</param>
    /// <exception cref="ShapeException">The size is below 1.</exception>
    public static Picture Square(Picture picture, int size)
    {
        RequireSize(size, size);
        while (Math.Min(picture.Height, picture.Width) / 2 >= size) picture = PillowResize.Apply(picture, picture.Height / 2, picture.Width / 2, PillowFilter.Box);
        double scale = (double)size / Math.Min(picture.Height, picture.Width);
        int height = Whole(Math.Round(picture.Height * scale)), width = Whole(Math.Round(picture.Width * scale));
        return PillowResize.Apply(picture, height, width, PillowFilter.Bicubic, new PictureWindow((height - size) / 2, (width - size) / 2, size, size));
    }

    /// <summary>The square of the text model's first stage: bilinear until the shorter side has the size, then cut. A picture whose shorter side has it is only cut.</summary>
    /// <inheritdoc cref="Square"/>
    public static Picture ShortSide(Picture picture, int size)
    {
        RequireSize(size, size);
        var (height, width) = ShortSideSize(picture.Height, picture.Width, size);
        return Centre(picture, height, width, size, size, PillowFilter.Bilinear);
    }

    /// <summary>
    /// The rectangle of the text model's later stages: bicubic until the picture covers it, then cut. The size is worked out from what the data set says of the picture, which is then stretched if it is another; where
    /// that is the rectangle's size, the picture is only cut.
    /// </summary>
    /// <param name="picture">The picture.</param>
    /// <param name="saidHeight">Its rows as the data set says, at least 1.</param>
    /// <param name="saidWidth">Its columns as the data set says, at least 1.</param>
    /// <param name="height">Rows wanted, at least 1.</param>
    /// <param name="width">Columns wanted, at least 1.</param>
    /// <exception cref="ShapeException">A size is below 1, or the picture is smaller than it was said to be.</exception>
    public static Picture Cover(Picture picture, int saidHeight, int saidWidth, int height, int width)
    {
        RequireSize(height, width);
        RequireSize(saidHeight, saidWidth);
        if ((saidHeight, saidWidth) != (height, width))
        {
            var (coverHeight, coverWidth) = CoverSize(saidHeight, saidWidth, height, width);
            return Centre(picture, coverHeight, coverWidth, height, width, PillowFilter.Bicubic);
        }
        if (picture.Height < height || picture.Width < width)
            throw new ShapeException($"a picture of {picture.Width} × {picture.Height} pixels was said to have {saidWidth} × {saidHeight}; so it would not be scaled, and is smaller than the {width} × {height} wanted");
        return Centre(picture, picture.Height, picture.Width, height, width, PillowFilter.Bicubic);
    }

    /// <summary>The size that <see cref="ShortSide"/> scales to.</summary>
    internal static (int Height, int Width) ShortSideSize(int height, int width, int size)
    {
        if (Math.Min(height, width) == size) return (height, width);
        return height <= width ? (size, Whole((double)((long)size * width) / height)) : (Whole((double)((long)size * height) / width), size);
    }

    /// <summary>The size that <see cref="Cover"/> scales to, where it scales.</summary>
    internal static (int Height, int Width) CoverSize(int saidHeight, int saidWidth, int height, int width)
    {
        if ((saidHeight, saidWidth) == (height, width)) return (height, width);
        return (double)height / saidHeight > (double)width / saidWidth
            ? (height, Whole((double)((long)saidWidth * height) / saidHeight))
            : (Whole((double)((long)saidHeight * width) / saidWidth), width);
    }

    /// <summary>Where the middle is cut out: half of what is over, rounded to even.</summary>
    internal static int CentreOffset(int size, int wanted) => (int)Math.Round((size - wanted) / 2.0);

    private static Picture Centre(Picture picture, int height, int width, int wantedHeight, int wantedWidth, PillowFilter filter)
    {
        var window = new PictureWindow(CentreOffset(height, wantedHeight), CentreOffset(width, wantedWidth), wantedHeight, wantedWidth);
        return PillowResize.Apply(picture, height, width, filter, window);
    }

    private static void RequireSize(int height, int width)
    {
        if (height < 1 || width < 1) throw new ShapeException($"a picture of {width} × {height} pixels was asked for; both must be at least 1");
    }

    private static int Whole(double size) => size is >= 1 and <= int.MaxValue ? (int)size : throw new ShapeException($"a picture would be scaled to {size:F0} pixels in one direction; 1 to {int.MaxValue} are possible");
}

using PixelDiT.Kernels;

namespace PixelDiT.Reference.Pictures;

/// <summary>An image in bytes, as files hold it.</summary>
public sealed record Picture
{
    /// <summary>Takes pixels as they are.</summary>
    /// <param name="width">W, at least 1.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="channels">3 for red, green, blue or 1 for gray.</param>
    /// <param name="pixels">[H, W, C]; kept, not copied.</param>
    /// <exception cref="ShapeException">A size is out of range or does not fit the pixels.</exception>
    public Picture(int width, int height, int channels, byte[] pixels)
    {
        if (width < 1 || height < 1) throw new ShapeException($"a picture of {width} × {height} pixels was asked for; both must be at least 1");
        if (channels is not (1 or 3)) throw new ShapeException($"a picture of {channels} channels was asked for; it has 3 (colour) or 1 (gray)");
        if (pixels.LongLength != (long)width * height * channels)
        {
            throw new ShapeException($"a picture of {width} × {height} pixels and {channels} channels has {(long)width * height * channels} bytes; {pixels.Length} were given");
        }
        (Width, Height, Channels, Pixels) = (width, height, channels, pixels);
    }

    /// <summary>W, in pixels.</summary>
    public int Width { get; }

    /// <summary>H, in pixels.</summary>
    public int Height { get; }

    /// <summary>C, 3 or 1.</summary>
    public int Channels { get; }

    /// <summary>[H, W, C], row-major.</summary>
    public byte[] Pixels { get; }

    /// <summary>Turns model values into a picture.</summary>
    /// <param name="image">[C, H, W], −1 for black and 1 for full brightness; values outside are clipped.</param>
    /// <param name="channels">C, 3 or 1.</param>
    /// <param name="height">H, in pixels.</param>
    /// <param name="width">W, in pixels.</param>
    /// <exception cref="ShapeException">The sizes do not fit the values.</exception>
    public static Picture FromImage(ReadOnlySpan<float> image, int channels, int height, int width)
    {
        if (image.Length != (long)channels * height * width)
        {
            throw new ShapeException($"an image [{channels}, {height}, {width}] has {(long)channels * height * width} values; {image.Length} were given");
        }
        byte[] planes = PixelBytes.ToBytes(image), pixels = new byte[planes.Length];
        int area = height * width;
        for (int c = 0; c < channels; c++)
        {
            for (int i = 0; i < area; i++) pixels[i * channels + c] = planes[c * area + i];
        }
        return new Picture(width, height, channels, pixels);
    }

    /// <summary>The picture as values of a model, −1 for black and 1 for full brightness: what <see cref="FromImage"/> takes.</summary>
    /// <returns>[C, H, W].</returns>
    public float[] ToImage()
    {
        int area = Width * Height;
        var image = new float[Pixels.Length];
        for (int i = 0; i < image.Length; i++) image[(i % Channels * area) + (i / Channels)] = PixelBytes.ToValue(Pixels[i]);
        return image;
    }

    /// <summary>Every picture of a batch.</summary>
    /// <param name="images">[B, C, H, W], −1 … 1.</param>
    /// <param name="channels">C, 3 or 1.</param>
    /// <param name="height">H, in pixels.</param>
    /// <param name="width">W, in pixels.</param>
    /// <exception cref="ShapeException">The values are not a whole number of images.</exception>
    public static IReadOnlyList<Picture> FromBatch(ReadOnlySpan<float> images, int channels, int height, int width)
    {
        int length = channels * height * width;
        if (length < 1 || images.Length % length != 0) throw new ShapeException($"images [B, {channels}, {height}, {width}] have {length} values each; {images.Length} were given");
        var pictures = new Picture[images.Length / length];
        for (int b = 0; b < pictures.Length; b++) pictures[b] = FromImage(images.Slice(b * length, length), channels, height, width);
        return pictures;
    }

    /// <summary>The picture in the middle of a white one; itself where the sizes are equal.</summary>
    /// <param name="width">Pixels, at least W.</param>
    /// <param name="height">Pixels, at least H.</param>
    /// <exception cref="ShapeException">The picture is larger.</exception>
    public Picture Frame(int width, int height)
    {
        if (width < Width || height < Height) throw new ShapeException($"a picture of {Width} × {Height} pixels was to stand in one of {width} × {height}");
        if ((width, height) == (Width, Height)) return this;
        var framed = new byte[checked(width * height * Channels)];
        Array.Fill(framed, byte.MaxValue);
        int left = (width - Width) / 2, top = (height - Height) / 2, row = Width * Channels;
        for (int y = 0; y < Height; y++) Pixels.AsSpan(y * row, row).CopyTo(framed.AsSpan(((top + y) * width + left) * Channels));
        return new Picture(width, height, Channels, framed);
    }

    /// <summary>The picture with every pixel repeated in a square, so that small pictures can be looked at.</summary>
    /// <param name="factor">The side of that square, at least 1.</param>
    /// <exception cref="ShapeException">The factor is less than 1.</exception>
    public Picture Enlarge(int factor)
    {
        if (factor < 1) throw new ShapeException($"a picture was to be enlarged {factor} times; the factor must be at least 1");
        if (factor == 1) return this;
        var larger = new byte[checked(Pixels.Length * factor * factor)];
        int width = Width * factor;
        for (int y = 0; y < Height * factor; y++)
        {
            for (int x = 0; x < width; x++)
            {
                Pixels.AsSpan((y / factor * Width + x / factor) * Channels, Channels).CopyTo(larger.AsSpan((y * width + x) * Channels));
            }
        }
        return new Picture(width, Height * factor, Channels, larger);
    }
}

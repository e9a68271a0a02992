namespace PixelDiT.Reference.Pictures;

/// <summary>The size of an image in pixels.</summary>
/// <param name="Height">H.</param>
/// <param name="Width">W.</param>
public readonly record struct ImageSize(int Height, int Width)
{
    /// <summary>The largest side that a run may have.</summary>
    public const int LargestSide = 4096;

    /// <summary>A square.</summary>
    public ImageSize(int side) : this(side, side)
    {
    }

    /// <summary>Whether both sides are equal.</summary>
    public bool IsSquare => Height == Width;

    /// <summary>H·W.</summary>
    public long Area => (long)Height * Width;

    /// <summary>A square of a side.</summary>
    public static implicit operator ImageSize(int side) => new(side);

    /// <summary>The largest rectangle of this shape in the middle of another one.</summary>
    /// <param name="height">The other one's height; at least 1.</param>
    /// <param name="width">Its width; at least 1.</param>
    public (int Left, int Top, int Width, int Height) CentreOf(int height, int width)
    {
        // Whole numbers, so that it is the same on every machine: the side that binds stays, the other is rounded.
        long across = ((2L * height * Width) + Height) / (2L * Height), down = ((2L * width * Height) + Width) / (2L * Width);
        var (inner, outer) = across <= width ? ((int)Math.Max(1, across), height) : (width, (int)Math.Clamp(down, 1, height));
        return ((width - inner) / 2, (height - outer) / 2, inner, outer);
    }

    /// <summary>H×W.</summary>
    public override string ToString() => $"{Height}×{Width}";
}

namespace PixelDiT.Reference.Sampling;

/// <summary>The size of an image in pixels.</summary>
/// <param name="Height">H.</param>
/// <param name="Width">W.</param>
public readonly record struct ImageSize(int Height, int Width)
{
    /// <summary>The largest side that a sampling run may have.</summary>
    public const int LargestSide = 4096;

    /// <summary>A square.</summary>
    public ImageSize(int side) : this(side, side)
    {
    }

    /// <summary>Whether both sides are equal.</summary>
    public bool IsSquare => Height == Width;

    /// <summary>H·W.</summary>
    public long Area => (long)Height * Width;

    /// <summary>H×W.</summary>
    public override string ToString() => $"{Height}×{Width}";
}

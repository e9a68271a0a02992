namespace PixelDiT.Reference.Data.Drawings;

/// <summary>
/// A figure of a size in its place. Lengths are in sides of the picture; only + − × ÷ √, which round alike everywhere. Figures of one size look about equally large, and the middle is that of the box around a figure, so
/// that a triangle reaches as far up as down.
/// </summary>
/// <param name="Figure">What it is.</param>
/// <param name="X">The middle, from the left.</param>
/// <param name="Y">The middle, from the top.</param>
/// <param name="Size">The radius of a disc; other figures in proportion.</param>
internal readonly record struct FigureOutline(Figure Figure, float X, float Y, float Size)
{
    private const float Root3 = 1.7320508f, Pi = 3.1415927f;

    // In sizes: half a square's side, and a triangle's circumradius.
    private const float SquareHalf = 0.88f, TriangleRadius = 1.28f;

    /// <summary>How far below the middle the centre of gravity lies, in sizes.</summary>
    public static float CentroidBelow(Figure figure) => figure == Figure.Triangle ? TriangleRadius / 4 : 0;

    /// <summary>The area of a figure of size 1.</summary>
    public static float UnitArea(Figure figure) => figure switch
    {
        Figure.Disc => Pi,
        Figure.Square => 4 * SquareHalf * SquareHalf,
        _ => 3 * Root3 / 4 * TriangleRadius * TriangleRadius
    };

    /// <summary>How far (u, v) is outside the outline; negative inside.</summary>
    public float Distance(float u, float v)
    {
        float x = MathF.Abs(u - X), y = v - Y;
        switch (Figure)
        {
            case Figure.Disc:
                return MathF.Sqrt(x * x + y * y) - Size;
            case Figure.Square:
                return MathF.Max(x, MathF.Abs(y)) - SquareHalf * Size;
            default:
                // The base lies half a circumradius below the centre of gravity, and so do the two sides along their own normals (±√3/2, −1/2).
                float radius = TriangleRadius * Size, below = y - radius / 4;
                return MathF.Max(below, x * (Root3 / 2) - below / 2) - radius / 2;
        }
    }

    /// <summary>The share of a pixel that the figure covers, as a straight edge at that distance would: an anti-aliased outline one pixel wide.</summary>
    /// <param name="x">Column.</param>
    /// <param name="y">Row.</param>
    /// <param name="resolution">Pixels of a side.</param>
    public float Coverage(int x, int y, int resolution)
    {
        float pixel = 1f / resolution;
        return Math.Clamp(0.5f - Distance((x + 0.5f) * pixel, (y + 0.5f) * pixel) * resolution, 0f, 1f);
    }
}

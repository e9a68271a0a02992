namespace PixelDiT.Reference.Pictures.Resizing;

/// <summary>The filters of <see cref="PillowResize"/>, by Pillow's names.</summary>
public enum PillowFilter
{
    /// <summary>The mean of an area.</summary>
    Box,

    /// <summary>A triangle.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = −0.5.</summary>
    Bicubic,

    /// <summary>A sinc of three lobes under the middle of another.</summary>
    Lanczos
}

/// <summary>The filters as functions of the distance from their middle, in pixels of the picture that is read or, where it shrinks, of the one that is written.</summary>
internal static class PillowFilters
{
    private const double A = -0.5;

    /// <summary>The distance from which on a filter is 0.</summary>
    public static double Reach(this PillowFilter filter) => filter switch
    {
        PillowFilter.Box => 0.5,
        PillowFilter.Bilinear => 1,
        PillowFilter.Bicubic => 2,
        _ => 3
    };

    /// <summary>The filter at a distance, not yet divided by the sum of the weights.</summary>
    public static double At(this PillowFilter filter, double x) => filter switch
    {
        PillowFilter.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
        PillowFilter.Bilinear => Math.Max(0, 1 - Math.Abs(x)),
        PillowFilter.Bicubic => Cubic(Math.Abs(x)),
        _ => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0
    };

    private static double Cubic(double x)
    {
        if (x < 1) return ((((A + 2) * x) - (A + 3)) * x * x) + 1;
        return x < 2 ? ((((x - 5) * x) + 8) * x - 4) * A : 0;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}

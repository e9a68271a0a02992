using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Operations;

/// <summary>Products on a CPU with rounded operands.</summary>
internal sealed class PrecisionTests
{
    /// <summary>A value rounded by arithmetic in double precision, without a look at its bits: the nearest multiple of a unit that has as many bits as the precision keeps.</summary>
    public static float Rounded(float value, Precision precision)
    {
        if (precision == Precision.Single || value == 0) return value;
        double unit = Math.ScaleB(1, Math.ILogB(value) - (precision == Precision.BFloat16 ? 7 : 10));
        return (float)(Math.Round(value / unit, precision == Precision.BFloat16 ? MidpointRounding.ToEven : MidpointRounding.AwayFromZero) * unit);
    }
}

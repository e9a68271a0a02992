using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>The exponential of scores in a GPU's attention, as exact as the format of its products asks for.</summary>
internal static class AttentionExp
{
    /// <summary>exp(x) for x ≤ 0.</summary>
    public static float Of<TFormat>(float x) where TFormat : struct, IHeadFormat
        => TFormat.TakesApproximateExp ? Approximate.PowerOfTwo(x * 1.44269504f) : Formulas.Exp<GpuLane, float>(x);
}

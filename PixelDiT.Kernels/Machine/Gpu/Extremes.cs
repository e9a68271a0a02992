using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>One instruction where a comparison and a choice are two.</summary>
internal static class Extremes
{
    /// <summary>The larger; of a number and a NaN the number.</summary>
    [IntrinsicImplementation, PtxBody("max.f32 $result, $a, $b;")]
    public static float Max(float a, float b) => float.MaxNumber(a, b);
}

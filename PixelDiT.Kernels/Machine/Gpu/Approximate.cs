using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>A GPU's quick functions, where bfloat16 rounds their results away.</summary>
internal static class Approximate
{
    /// <summary>2ˣ within 2⁻²² relative (PTX ISA, "ex2.approx"); 0 below the normal numbers.</summary>
    [IntrinsicImplementation, PtxBody("ex2.approx.ftz.f32 $result, $x;")]
    public static float PowerOfTwo(float x) => x < -126 ? 0 : float.Exp2(x);
}

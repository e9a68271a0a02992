using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>Which vectors this processor, and this process's settings, give.</summary>
public static class CpuVectors
{
    /// <summary>Float32 values in the widest vector the kernels use: 16, 8 or 4.</summary>
    public static int Width => Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4;

    /// <summary>Whether a·b + c is one rounding in hardware.</summary>
    public static bool FusedMultiplyAdd => Fma.IsSupported || AdvSimd.IsSupported;

    /// <summary>The vectors in words, such as "16-wide vectors (AVX-512)".</summary>
    public static string Description => Width switch
    {
        16 => "16-wide vectors (AVX-512)",
        8 => FusedMultiplyAdd ? "8-wide vectors (AVX2, FMA)" : "8-wide vectors (AVX2 without FMA)",
        _ => AdvSimd.IsSupported ? "4-wide vectors (NEON)" : FusedMultiplyAdd ? "4-wide vectors (FMA)" : "4-wide vectors without FMA"
    };
}

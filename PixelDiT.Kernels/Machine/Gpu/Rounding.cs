using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>Float32 to what tensor cores multiply. The C# bodies agree with the instructions in every bit but those of a NaN.</summary>
internal static class Rounding
{
    /// <summary>Two values as bfloat16 in one register, each to nearest, ties to even.</summary>
    [IntrinsicImplementation, PtxBody("cvt.rn.bf16x2.f32 $result, $high, $low;")]
    public static uint ToBFloat16(float low, float high) => BFloat16.FromSingle(low).Bits | ((uint)BFloat16.FromSingle(high).Bits << 16);

    /// <summary>The bits of a value with 10 bits of mantissa (TF32), to nearest, ties away from zero.</summary>
    [IntrinsicImplementation, PtxBody("cvt.rna.tf32.f32 $result, $value;")]
    public static uint ToTensorFloat32(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        // Half of the last place kept is added to the magnitude; infinity and NaN stay what they are.
        return (bits & 0x7F800000) == 0x7F800000 ? bits : (bits + 0x1000) & 0xFFFFE000;
    }
}

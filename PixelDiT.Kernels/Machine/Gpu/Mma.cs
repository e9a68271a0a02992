using ILGPU;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Machine.Emulation;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// C [16, 8] += A [16, k]·B [k, 8] by one warp on tensor cores, float32 sums (PTX ISA, "Matrix fragments for mma.m16n8k16" and "mma.m16n8k8"). Each lane holds parts
/// of the operands; the C# bodies compute the same from the fragments of all lanes, each sum in the order of k, which a card does not promise.
/// </summary>
internal static class Mma
{
    /// <summary>k = 16 of bfloat16, two to a register, the smaller k in the lower half.</summary>
    [IntrinsicImplementation, PtxBody("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 $result, $a, $b, $c;")]
    public static Accumulator MultiplyBFloat16(UInt4 a, UInt2 b, Accumulator c)
    {
        Span<(UInt4 A, UInt2 B)> lanes = stackalloc (UInt4, UInt2)[WarpExchange.Lanes];
        WarpExchange.Gather((a, b), lanes);
        int row = Warp.LaneIdx / 4, column = Warp.LaneIdx % 4 * 2;
        for (int k = 0; k < 16; k++)
        {
            int lane = k % 8 / 2;
            UInt4 fromA = lanes[(row * 4) + lane].A;
            UInt2 left = lanes[(column * 4) + lane].B, right = lanes[((column + 1) * 4) + lane].B;
            float upper = Half(k < 8 ? fromA.X : fromA.Z, k), lower = Half(k < 8 ? fromA.Y : fromA.W, k);
            c = Add(c, upper, lower, Half(k < 8 ? left.X : left.Y, k), Half(k < 8 ? right.X : right.Y, k));
        }
        return c;
    }

    /// <summary>k = 8 of float32, of which 10 bits of mantissa are read.</summary>
    [IntrinsicImplementation, PtxBody("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 $result, $a, $b, $c;")]
    public static Accumulator MultiplyTensorFloat32(UInt4 a, UInt2 b, Accumulator c)
    {
        Span<(UInt4 A, UInt2 B)> lanes = stackalloc (UInt4, UInt2)[WarpExchange.Lanes];
        WarpExchange.Gather((a, b), lanes);
        int row = Warp.LaneIdx / 4, column = Warp.LaneIdx % 4 * 2;
        for (int k = 0; k < 8; k++)
        {
            int lane = k % 4;
            UInt4 fromA = lanes[(row * 4) + lane].A;
            UInt2 left = lanes[(column * 4) + lane].B, right = lanes[((column + 1) * 4) + lane].B;
            float upper = Read(k < 4 ? fromA.X : fromA.Z), lower = Read(k < 4 ? fromA.Y : fromA.W);
            c = Add(c, upper, lower, Read(k < 4 ? left.X : left.Y), Read(k < 4 ? right.X : right.Y));
        }
        return c;
    }

    private static Accumulator Add(Accumulator c, float upper, float lower, float left, float right) => new()
    {
        X = c.X + (upper * left),
        Y = c.Y + (upper * right),
        Z = c.Z + (lower * left),
        W = c.W + (lower * right)
    };

    private static float Half(uint register, int k) => BFloat16.ToSingle(new BFloat16 { Bits = (ushort)(k % 2 == 0 ? register : register >> 16) });

    private static float Read(uint register) => BitConverter.UInt32BitsToSingle(register & 0xFFFFE000);
}

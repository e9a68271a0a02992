using ILGPU;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Machine;

/// <summary>
/// C [64, 256] += A [64, 64]·B [64, 256] by a warp group, four warps side by side, with bfloat16 operands that the tensor cores read from shared memory themselves (PTX ISA, "wgmma.mma_async", sm_90a). Four
/// instructions of k = 16, begun together and waited for. An operand is described by the address of its tile (<see cref="WideTile"/>) and the distances of its atoms: 1024 bytes between atoms, and in the order
/// <see cref="Across"/> a block between 64 rows and the next.
/// The C# bodies read shared memory by the same rule, each thread for its own sums, in the order of k.
/// </summary>
internal static class WarpGroup
{
    /// <summary>sums + A·B for operands in either order; A across and B along does not occur.</summary>
    /// <param name="sums">The thread's part of C.</param>
    /// <param name="a">The address of the warp group's 64 rows of A.</param>
    /// <param name="b">The address of B's tile.</param>
    public static WideSums Multiply<TOrderA, TOrderB>(WideSums sums, long a, long b) where TOrderA : struct, IOrder where TOrderB : struct, IOrder
        => TOrderB.AlongDepth ? MultiplyAlong(sums, a, b) : TOrderA.AlongDepth ? MultiplyMixed(sums, a, b) : MultiplyAcross(sums, a, b);

    /// <summary>Both operands with successive k side by side.</summary>
    [IntrinsicImplementation, PtxBody("""
        {
        .reg .b64 a, b;
        .reg .pred add;
        setp.eq.u32 add, 0, 0;
        copy $result, $sums;
        and.b64 a, $a, 262143;
        shr.b64 a, a, 4;
        or.b64 a, a, 0x4000004000010000;
        and.b64 b, $b, 262143;
        shr.b64 b, b, 4;
        or.b64 b, b, 0x4000004000010000;
        wgmma.fence.sync.aligned;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 0, 0;
        add.s64 a, a, 2;
        add.s64 b, b, 2;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 0, 0;
        add.s64 a, a, 2;
        add.s64 b, b, 2;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 0, 0;
        add.s64 a, a, 2;
        add.s64 b, b, 2;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 0, 0;
        wgmma.commit_group.sync.aligned;
        wgmma.wait_group.sync.aligned 0;
        }
        """)]
    private static WideSums MultiplyAlong(WideSums sums, long a, long b) => Emulate<Along, Along>(sums, a, b);

    /// <summary>A along k, B across.</summary>
    [IntrinsicImplementation, PtxBody("""
        {
        .reg .b64 a, b;
        .reg .pred add;
        setp.eq.u32 add, 0, 0;
        copy $result, $sums;
        and.b64 a, $a, 262143;
        shr.b64 a, a, 4;
        or.b64 a, a, 0x4000004000010000;
        and.b64 b, $b, 262143;
        shr.b64 b, b, 4;
        or.b64 b, b, 0x4000004002000000;
        wgmma.fence.sync.aligned;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 0, 1;
        add.s64 a, a, 2;
        add.s64 b, b, 128;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 0, 1;
        add.s64 a, a, 2;
        add.s64 b, b, 128;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 0, 1;
        add.s64 a, a, 2;
        add.s64 b, b, 128;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 0, 1;
        wgmma.commit_group.sync.aligned;
        wgmma.wait_group.sync.aligned 0;
        }
        """)]
    private static WideSums MultiplyMixed(WideSums sums, long a, long b) => Emulate<Along, Across>(sums, a, b);

    /// <summary>Both across k.</summary>
    [IntrinsicImplementation, PtxBody("""
        {
        .reg .b64 a, b;
        .reg .pred add;
        setp.eq.u32 add, 0, 0;
        copy $result, $sums;
        and.b64 a, $a, 262143;
        shr.b64 a, a, 4;
        or.b64 a, a, 0x4000004002000000;
        and.b64 b, $b, 262143;
        shr.b64 b, b, 4;
        or.b64 b, b, 0x4000004002000000;
        wgmma.fence.sync.aligned;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 1, 1;
        add.s64 a, a, 128;
        add.s64 b, b, 128;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 1, 1;
        add.s64 a, a, 128;
        add.s64 b, b, 128;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 1, 1;
        add.s64 a, a, 128;
        add.s64 b, b, 128;
        wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, 1, 1;
        wgmma.commit_group.sync.aligned;
        wgmma.wait_group.sync.aligned 0;
        }
        """)]
    private static WideSums MultiplyAcross(WideSums sums, long a, long b) => Emulate<Across, Across>(sums, a, b);

    private static unsafe WideSums Emulate<TOrderA, TOrderB>(WideSums sums, long a, long b) where TOrderA : struct, IOrder where TOrderB : struct, IOrder
    {
        int thread = Group.IdxX & 127, row = (thread / 32 * 16) + (thread % 32 / 4), column = thread % 4 * 2;
        var upper = stackalloc float[WideTile.Depth];
        var lower = stackalloc float[WideTile.Depth];
        for (int k = 0; k < WideTile.Depth; k++) (upper[k], lower[k]) = (Read<TOrderA>(a, row, k), Read<TOrderA>(a, row + 8, k));
        var parts = (Accumulator*)&sums;
        for (int part = 0; part < WideTile.Columns / 8; part++)
        {
            ref var c = ref parts[part];
            for (int k = 0; k < WideTile.Depth; k++)
            {
                float left = Read<TOrderB>(b, (part * 8) + column, k), right = Read<TOrderB>(b, (part * 8) + column + 1, k);
                c = new() { X = c.X + (upper[k] * left), Y = c.Y + (upper[k] * right), Z = c.Z + (lower[k] * left), W = c.W + (lower[k] * right) };
            }
        }
        return sums;
    }

    private static unsafe float Read<TOrder>(long tile, int row, int k) where TOrder : struct, IOrder => BFloat16.ToSingle(*(BFloat16*)WideTile.Find<TOrder>(tile, row, k));
}

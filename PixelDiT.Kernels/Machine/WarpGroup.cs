using ILGPU;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Machine;

/// <summary>
/// C [64, 256] += A [64, 64]·B [64, 256] by a warp group, four warps side by side, with bfloat16 operands that the tensor cores read from shared memory themselves
/// (PTX ISA, "wgmma.mma_async", sm_90a). Four instructions of k = 16, begun together and waited for. An operand is described by the address of its tile (<see
/// cref="WideTile"/>) and the distances of its atoms: 1024 bytes between atoms, and in the order <see cref="Across"/> a block between 64 rows and the next. The C#
/// bodies read shared memory by the same rule, each thread for its own sums, in the order of k.
/// </summary>
internal static class WarpGroup
{
    /// <summary>sums + A·B for operands in either order; A across and B along does not occur.</summary>
    /// <param name="sums">The thread's part of C.</param>
    /// <param name="a">The address of the warp group's 64 rows of A.</param>
    /// <param name="b">The address of B's tile.</param>
    public static WideSums Multiply<TOrderA, TOrderB>(WideSums sums, long a, long b) where TOrderA : struct, IOrder where TOrderB : struct, IOrder
        => TOrderB.AlongDepth ? MultiplyAlong(sums, a, b) : TOrderA.AlongDepth ? MultiplyMixed(sums, a, b) : MultiplyAcross(sums, a, b);

    // The descriptor of an operand without its address: the distance of atoms, for Across that of blocks too, and the 128-byte swizzle.
    private const string AlongLayout = "0x4000004000010000", AcrossLayout = "0x4000004002000000";

    // From 16 k to the next, in units of 16 bytes: within a line, or two atoms further.
    private const string AlongStep = "2", AcrossStep = "128";

    private const string Begin = """
        {
        .reg .b64 a, b;
        .reg .pred add;
        setp.eq.u32 add, 0, 0;
        copy $result, $sums;
        and.b64 a, $a, 262143;
        and.b64 b, $b, 262143;
        shr.b64 a, a, 4;
        shr.b64 b, b, 4;

        """;

    private const string Instruction = "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 $result, a, b, add, 1, 1, ";

    private const string End = """
        wgmma.commit_group.sync.aligned;
        wgmma.wait_group.sync.aligned 0;
        }
        """;

    private const string AlongOne = Instruction + "0, 0;\n", AlongNext = AlongOne + $"add.s64 a, a, {AlongStep};\nadd.s64 b, b, {AlongStep};\n";
    private const string MixedOne = Instruction + "0, 1;\n", MixedNext = MixedOne + $"add.s64 a, a, {AlongStep};\nadd.s64 b, b, {AcrossStep};\n";
    private const string AcrossOne = Instruction + "1, 1;\n", AcrossNext = AcrossOne + $"add.s64 a, a, {AcrossStep};\nadd.s64 b, b, {AcrossStep};\n";
    private const string Fence = "wgmma.fence.sync.aligned;\n";

    /// <summary>Both operands with successive k side by side.</summary>
    [IntrinsicImplementation, PtxBody(Begin + $"or.b64 a, a, {AlongLayout};\nor.b64 b, b, {AlongLayout};\n" + Fence + AlongNext + AlongNext + AlongNext + AlongOne + End)]
    private static WideSums MultiplyAlong(WideSums sums, long a, long b) => Emulate<Along, Along>(sums, a, b);

    /// <summary>A along k, B across.</summary>
    [IntrinsicImplementation, PtxBody(Begin + $"or.b64 a, a, {AlongLayout};\nor.b64 b, b, {AcrossLayout};\n" + Fence + MixedNext + MixedNext + MixedNext + MixedOne + End)]
    private static WideSums MultiplyMixed(WideSums sums, long a, long b) => Emulate<Along, Across>(sums, a, b);

    /// <summary>Both across k.</summary>
    [IntrinsicImplementation, PtxBody(Begin + $"or.b64 a, a, {AcrossLayout};\nor.b64 b, b, {AcrossLayout};\n" + Fence + AcrossNext + AcrossNext + AcrossNext + AcrossOne + End)]
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

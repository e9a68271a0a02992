using ILGPU;
using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// C [64, 256] += A [64, 64]·B [64, 256] by a warp group, four warps side by side, with bfloat16 operands that the tensor cores read from shared memory themselves
/// (PTX ISA, "wgmma.mma_async", sm_90a). Four instructions of k = 16, begun together, and waited for when something else has been done. An operand is described by the address of its tile (<see
/// cref="WgmmaTile"/>) and the distances of its atoms: 1024 bytes between atoms, and, where it is <see cref="MNMajor"/>, a block between 64 rows and the next. The C#
/// bodies read shared memory by the same rule, each thread for its own sums, in the order of k.
/// </summary>
internal static class Wgmma
{
    /// <summary>The sums of <see cref="Begin"/>, when they are there.</summary>
    [IntrinsicImplementation, PtxBody("wgmma.wait_group.sync.aligned 0;\ncopy $result, $sums;")]
    public static WgmmaAccumulators Wait(WgmmaAccumulators sums) => sums;

    /// <summary>Begins sums + A·B for operands of either major; A MN-major with B K-major does not occur. What it gives may go to <see cref="Wait"/> and nowhere else.</summary>
    /// <param name="sums">The thread's part of C.</param>
    /// <param name="a">The address of the warp group's 64 rows of A.</param>
    /// <param name="b">The address of B's tile.</param>
    public static WgmmaAccumulators Begin<TMajorA, TMajorB>(WgmmaAccumulators sums, long a, long b) where TMajorA : struct, IMajor where TMajorB : struct, IMajor
        => TMajorB.IsKMajor ? MultiplyKMajor(sums, a, b) : TMajorA.IsKMajor ? MultiplyMixed(sums, a, b) : MultiplyMNMajor(sums, a, b);

    // The descriptor of an operand without its address: the distance of atoms, for MN-major ones that of blocks too, and the 128-byte swizzle.
    private const string KMajorLayout = "0x4000004000010000", MNMajorLayout = "0x4000004002000000";

    // From 16 k to the next, in units of 16 bytes: within a line, or two atoms further.
    private const string KMajorStep = "2", MNMajorStep = "128";

    /// <summary>The descriptor of an operand without its address.</summary>
    public static string Layout(bool isKMajor) => isKMajor ? KMajorLayout : MNMajorLayout;

    /// <summary>From 16 k to the next, in units of a descriptor's address.</summary>
    public static string Step(bool isKMajor) => isKMajor ? KMajorStep : MNMajorStep;

    private const string Opening = """
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
        }
        """;

    private const string KMajorOne = Instruction + "0, 0;\n", KMajorNext = KMajorOne + $"add.s64 a, a, {KMajorStep};\nadd.s64 b, b, {KMajorStep};\n";
    private const string MixedOne = Instruction + "0, 1;\n", MixedNext = MixedOne + $"add.s64 a, a, {KMajorStep};\nadd.s64 b, b, {MNMajorStep};\n";
    private const string MNMajorOne = Instruction + "1, 1;\n", MNMajorNext = MNMajorOne + $"add.s64 a, a, {MNMajorStep};\nadd.s64 b, b, {MNMajorStep};\n";
    private const string Fence = "wgmma.fence.sync.aligned;\n";

    /// <summary>Both K-major.</summary>
    [IntrinsicImplementation, PtxBody(Opening + $"or.b64 a, a, {KMajorLayout};\nor.b64 b, b, {KMajorLayout};\n" + Fence + KMajorNext + KMajorNext + KMajorNext + KMajorOne + End)]
    private static WgmmaAccumulators MultiplyKMajor(WgmmaAccumulators sums, long a, long b) => Emulate<KMajor, KMajor>(sums, a, b);

    /// <summary>A K-major, B MN-major.</summary>
    [IntrinsicImplementation, PtxBody(Opening + $"or.b64 a, a, {KMajorLayout};\nor.b64 b, b, {MNMajorLayout};\n" + Fence + MixedNext + MixedNext + MixedNext + MixedOne + End)]
    private static WgmmaAccumulators MultiplyMixed(WgmmaAccumulators sums, long a, long b) => Emulate<KMajor, MNMajor>(sums, a, b);

    /// <summary>Both MN-major.</summary>
    [IntrinsicImplementation, PtxBody(Opening + $"or.b64 a, a, {MNMajorLayout};\nor.b64 b, b, {MNMajorLayout};\n" + Fence + MNMajorNext + MNMajorNext + MNMajorNext + MNMajorOne + End)]
    private static WgmmaAccumulators MultiplyMNMajor(WgmmaAccumulators sums, long a, long b) => Emulate<MNMajor, MNMajor>(sums, a, b);

    private static unsafe WgmmaAccumulators Emulate<TMajorA, TMajorB>(WgmmaAccumulators sums, long a, long b) where TMajorA : struct, IMajor where TMajorB : struct, IMajor
    {
        int thread = Group.IdxX & 127, row = (thread / 32 * 16) + (thread % 32 / 4), column = thread % 4 * 2;
        var upper = stackalloc float[WgmmaTile.Depth];
        var lower = stackalloc float[WgmmaTile.Depth];
        for (int k = 0; k < WgmmaTile.Depth; k++) (upper[k], lower[k]) = (Read<TMajorA>(a, row, k), Read<TMajorA>(a, row + 8, k));
        var parts = (Accumulator*)&sums;
        for (int part = 0; part < WgmmaTile.Columns / 8; part++)
        {
            ref var c = ref parts[part];
            for (int k = 0; k < WgmmaTile.Depth; k++)
            {
                float left = Read<TMajorB>(b, (part * 8) + column, k), right = Read<TMajorB>(b, (part * 8) + column + 1, k);
                c = new() { X = c.X + (upper[k] * left), Y = c.Y + (upper[k] * right), Z = c.Z + (lower[k] * left), W = c.W + (lower[k] * right) };
            }
        }
        return sums;
    }

    private static unsafe float Read<TMajor>(long tile, int row, int k) where TMajor : struct, IMajor => BFloat16.ToSingle(*(BFloat16*)WgmmaTile.AddressOf<TMajor>(tile, row, k));
}

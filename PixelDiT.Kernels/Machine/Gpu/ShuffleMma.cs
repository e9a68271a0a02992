using ILGPU;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Machine.Emulation;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// C [16, 8] += A [16, 8]·B [8, 8] in strict float32 by one warp, with operands and sums where <see cref="Mma.MultiplyTensorFloat32"/> has them: what a tile of attention needs to run
/// without tensor cores. A GPU's lanes hand each other their elements: 32 shuffles for 32 multiplications, so a quarter of what its float32 units could do.
/// </summary>
internal static class ShuffleMma
{
    /// <summary>c + a·b, each sum in the order of k.</summary>
    [IntrinsicImplementation, DeviceBody(nameof(DeviceMultiply))]
    public static Accumulator Multiply(UInt4 a, UInt2 b, Accumulator c)
    {
        Span<(UInt4 A, UInt2 B)> lanes = stackalloc (UInt4, UInt2)[WarpExchange.Lanes];
        WarpExchange.Gather((a, b), lanes);
        int row = Warp.LaneIdx / 4 * 4, column = Warp.LaneIdx % 4 * 8;
        for (int k = 0; k < 4; k++) c = Add(c, lanes[row + k].A.X, lanes[row + k].A.Y, lanes[column + k].B.X, lanes[column + 4 + k].B.X);
        for (int k = 0; k < 4; k++) c = Add(c, lanes[row + k].A.Z, lanes[row + k].A.W, lanes[column + k].B.Y, lanes[column + 4 + k].B.Y);
        return c;
    }

    /// <summary>What a GPU runs.</summary>
    internal static Accumulator DeviceMultiply(UInt4 a, UInt2 b, Accumulator c)
    {
        int row = Warp.LaneIdx / 4 * 4, column = Warp.LaneIdx % 4 * 8;
        for (int k = 0; k < 4; k++) c = Add(c, Warp.Shuffle(a.X, row + k), Warp.Shuffle(a.Y, row + k), Warp.Shuffle(b.X, column + k), Warp.Shuffle(b.X, column + 4 + k));
        for (int k = 0; k < 4; k++) c = Add(c, Warp.Shuffle(a.Z, row + k), Warp.Shuffle(a.W, row + k), Warp.Shuffle(b.Y, column + k), Warp.Shuffle(b.Y, column + 4 + k));
        return c;
    }

    private static Accumulator Add(Accumulator c, uint upper, uint lower, uint left, uint right) => new()
    {
        X = c.X + (Interop.IntAsFloat(upper) * Interop.IntAsFloat(left)),
        Y = c.Y + (Interop.IntAsFloat(upper) * Interop.IntAsFloat(right)),
        Z = c.Z + (Interop.IntAsFloat(lower) * Interop.IntAsFloat(left)),
        W = c.W + (Interop.IntAsFloat(lower) * Interop.IntAsFloat(right))
    };
}

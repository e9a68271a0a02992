using ILGPU;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Machine.Emulation;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// Four 8×8 matrices of 16-bit elements from shared memory into the fragments of a warp (PTX ISA, "ldmatrix"). Lanes 8i to 8i + 7 give the addresses of matrix i's
/// rows, 16 bytes each, aligned to 16. A row of 16-bit pairs may as well be four 32-bit elements.
/// </summary>
internal static unsafe class MatrixLoads
{
    /// <summary>Register i of lane l receives elements 2·(l mod 4) and the next of row l / 4 of matrix i.</summary>
    [IntrinsicImplementation, PtxBody("ldmatrix.sync.aligned.m8n8.x4.shared.b16 $result, [$row];")]
    public static UInt4 Load(long row)
    {
        Span<long> rows = stackalloc long[WarpExchange.Lanes];
        WarpExchange.Gather(row, rows);
        int first = Warp.LaneIdx / 4, word = Warp.LaneIdx % 4;
        return new()
        {
            X = ((uint*)rows[first])[word],
            Y = ((uint*)rows[first + 8])[word],
            Z = ((uint*)rows[first + 16])[word],
            W = ((uint*)rows[first + 24])[word]
        };
    }

    /// <summary>The same of the transposed matrices: elements l / 4 of rows 2·(l mod 4) and the next.</summary>
    [IntrinsicImplementation, PtxBody("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 $result, [$row];")]
    public static UInt4 LoadTransposed(long row)
    {
        Span<long> rows = stackalloc long[WarpExchange.Lanes];
        WarpExchange.Gather(row, rows);
        int element = Warp.LaneIdx / 4, first = Warp.LaneIdx % 4 * 2;
        return new()
        {
            X = Both(rows[first], rows[first + 1], element),
            Y = Both(rows[first + 8], rows[first + 9], element),
            Z = Both(rows[first + 16], rows[first + 17], element),
            W = Both(rows[first + 24], rows[first + 25], element)
        };
    }

    private static uint Both(long low, long high, int element) => ((ushort*)low)[element] | ((uint)((ushort*)high)[element] << 16);
}

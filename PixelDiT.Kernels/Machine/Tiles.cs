using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PixelDiT.Kernels.Machine;

/// <summary>
/// The inner loops of a matrix product on a CPU. B is packed in panels of two vectors' width, [panel][depth][Width], the last one padded with
/// zeros; A is broadcast and may have any strides. One generic source serves all vector widths. With 32 registers a tile is 8 rows by two vectors,
/// with 16 registers 6 by two.
/// </summary>
internal static unsafe class Tiles
{
    /// <summary>Rows of a tile.</summary>
    public static int Rows => Vector512.IsHardwareAccelerated ? 8 : 6;

    /// <summary>Columns of a panel.</summary>
    public static int Width => 2 * HostVectors.Width;

    /// <summary>The most floats a tile holds, for callers' buffers.</summary>
    public const int Largest = 8 * 32;

    /// <summary>sums[r, c] = Σ_k a[r, k]·b[k, c] for a whole tile of <see cref="Rows"/> by <see cref="Width"/>.</summary>
    /// <param name="a">A's first element.</param>
    /// <param name="aRow">From a row of A to the next, in floats.</param>
    /// <param name="aStep">From a step in k to the next.</param>
    /// <param name="b">A packed panel, from its first step.</param>
    /// <param name="depth">Steps in k.</param>
    /// <param name="sums">Receives the tile; rows beyond <paramref name="rows"/> repeat the last.</param>
    /// <param name="sumsRow">From a row of the tile to the next.</param>
    /// <param name="rows">Rows of A that exist, at least 1.</param>
    /// <param name="columns">Columns that are wanted: up to half a panel takes half the work.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(float* a, nint aRow, nint aStep, float* b, int depth, float* sums, nint sumsRow, int rows, int columns)
    {
        bool narrow = columns <= HostVectors.Width;
        if (Vector512.IsHardwareAccelerated)
        {
            if (narrow) Narrow8<Lanes16, Vector512<float>>(a, aRow, aStep, b, depth, sums, sumsRow, rows);
            else Wide8<Lanes16, Vector512<float>>(a, aRow, aStep, b, depth, sums, sumsRow, rows);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            if (narrow) Narrow6<Lanes8, Vector256<float>>(a, aRow, aStep, b, depth, sums, sumsRow, rows);
            else Wide6<Lanes8, Vector256<float>>(a, aRow, aStep, b, depth, sums, sumsRow, rows);
        }
        else
        {
            if (narrow) Narrow6<Lanes4, Vector128<float>>(a, aRow, aStep, b, depth, sums, sumsRow, rows);
            else Wide6<Lanes4, Vector128<float>>(a, aRow, aStep, b, depth, sums, sumsRow, rows);
        }
    }

    /// <summary>8 rows by two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide8<L, S>(float* a, nint aRow, nint aStep, float* b, int depth, float* sums, nint sumsRow, int rows)
        where L : struct, IHostLanes<S> where S : unmanaged
    {
        int width = L.Count, panel = 2 * width, last = rows - 1;
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow), a6 = a + (Math.Min(6, last) * aRow), a7 = a + (Math.Min(7, last) * aRow);
        S s00 = L.Set(0), s10 = s00, s20 = s00, s30 = s00, s40 = s00, s50 = s00, s60 = s00, s70 = s00;
        S s01 = s00, s11 = s00, s21 = s00, s31 = s00, s41 = s00, s51 = s00, s61 = s00, s71 = s00;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += panel)
        {
            S b0 = L.Load(b), b1 = L.Load(b + width);
            S v = L.Set(a0[at]);
            s00 = L.MultiplyAdd(v, b0, s00);
            s01 = L.MultiplyAdd(v, b1, s01);
            v = L.Set(a1[at]);
            s10 = L.MultiplyAdd(v, b0, s10);
            s11 = L.MultiplyAdd(v, b1, s11);
            v = L.Set(a2[at]);
            s20 = L.MultiplyAdd(v, b0, s20);
            s21 = L.MultiplyAdd(v, b1, s21);
            v = L.Set(a3[at]);
            s30 = L.MultiplyAdd(v, b0, s30);
            s31 = L.MultiplyAdd(v, b1, s31);
            v = L.Set(a4[at]);
            s40 = L.MultiplyAdd(v, b0, s40);
            s41 = L.MultiplyAdd(v, b1, s41);
            v = L.Set(a5[at]);
            s50 = L.MultiplyAdd(v, b0, s50);
            s51 = L.MultiplyAdd(v, b1, s51);
            v = L.Set(a6[at]);
            s60 = L.MultiplyAdd(v, b0, s60);
            s61 = L.MultiplyAdd(v, b1, s61);
            v = L.Set(a7[at]);
            s70 = L.MultiplyAdd(v, b0, s70);
            s71 = L.MultiplyAdd(v, b1, s71);
        }
        L.Store(sums, s00);
        L.Store(sums + width, s01);
        L.Store(sums + (1 * sumsRow), s10);
        L.Store(sums + (1 * sumsRow) + width, s11);
        L.Store(sums + (2 * sumsRow), s20);
        L.Store(sums + (2 * sumsRow) + width, s21);
        L.Store(sums + (3 * sumsRow), s30);
        L.Store(sums + (3 * sumsRow) + width, s31);
        L.Store(sums + (4 * sumsRow), s40);
        L.Store(sums + (4 * sumsRow) + width, s41);
        L.Store(sums + (5 * sumsRow), s50);
        L.Store(sums + (5 * sumsRow) + width, s51);
        L.Store(sums + (6 * sumsRow), s60);
        L.Store(sums + (6 * sumsRow) + width, s61);
        L.Store(sums + (7 * sumsRow), s70);
        L.Store(sums + (7 * sumsRow) + width, s71);
    }

    /// <summary>6 rows by two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide6<L, S>(float* a, nint aRow, nint aStep, float* b, int depth, float* sums, nint sumsRow, int rows)
        where L : struct, IHostLanes<S> where S : unmanaged
    {
        int width = L.Count, panel = 2 * width, last = rows - 1;
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow);
        S s00 = L.Set(0), s10 = s00, s20 = s00, s30 = s00, s40 = s00, s50 = s00;
        S s01 = s00, s11 = s00, s21 = s00, s31 = s00, s41 = s00, s51 = s00;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += panel)
        {
            S b0 = L.Load(b), b1 = L.Load(b + width);
            S v = L.Set(a0[at]);
            s00 = L.MultiplyAdd(v, b0, s00);
            s01 = L.MultiplyAdd(v, b1, s01);
            v = L.Set(a1[at]);
            s10 = L.MultiplyAdd(v, b0, s10);
            s11 = L.MultiplyAdd(v, b1, s11);
            v = L.Set(a2[at]);
            s20 = L.MultiplyAdd(v, b0, s20);
            s21 = L.MultiplyAdd(v, b1, s21);
            v = L.Set(a3[at]);
            s30 = L.MultiplyAdd(v, b0, s30);
            s31 = L.MultiplyAdd(v, b1, s31);
            v = L.Set(a4[at]);
            s40 = L.MultiplyAdd(v, b0, s40);
            s41 = L.MultiplyAdd(v, b1, s41);
            v = L.Set(a5[at]);
            s50 = L.MultiplyAdd(v, b0, s50);
            s51 = L.MultiplyAdd(v, b1, s51);
        }
        L.Store(sums, s00);
        L.Store(sums + width, s01);
        L.Store(sums + (1 * sumsRow), s10);
        L.Store(sums + (1 * sumsRow) + width, s11);
        L.Store(sums + (2 * sumsRow), s20);
        L.Store(sums + (2 * sumsRow) + width, s21);
        L.Store(sums + (3 * sumsRow), s30);
        L.Store(sums + (3 * sumsRow) + width, s31);
        L.Store(sums + (4 * sumsRow), s40);
        L.Store(sums + (4 * sumsRow) + width, s41);
        L.Store(sums + (5 * sumsRow), s50);
        L.Store(sums + (5 * sumsRow) + width, s51);
    }

    /// <summary>8 rows by one vector: the last columns where they fill no more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow8<L, S>(float* a, nint aRow, nint aStep, float* b, int depth, float* sums, nint sumsRow, int rows)
        where L : struct, IHostLanes<S> where S : unmanaged
    {
        int width = L.Count, panel = 2 * width, last = rows - 1;
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow), a6 = a + (Math.Min(6, last) * aRow), a7 = a + (Math.Min(7, last) * aRow);
        S s0 = L.Set(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += panel)
        {
            S b0 = L.Load(b);
            s0 = L.MultiplyAdd(L.Set(a0[at]), b0, s0);
            s1 = L.MultiplyAdd(L.Set(a1[at]), b0, s1);
            s2 = L.MultiplyAdd(L.Set(a2[at]), b0, s2);
            s3 = L.MultiplyAdd(L.Set(a3[at]), b0, s3);
            s4 = L.MultiplyAdd(L.Set(a4[at]), b0, s4);
            s5 = L.MultiplyAdd(L.Set(a5[at]), b0, s5);
            s6 = L.MultiplyAdd(L.Set(a6[at]), b0, s6);
            s7 = L.MultiplyAdd(L.Set(a7[at]), b0, s7);
        }
        L.Store(sums, s0);
        L.Store(sums + (1 * sumsRow), s1);
        L.Store(sums + (2 * sumsRow), s2);
        L.Store(sums + (3 * sumsRow), s3);
        L.Store(sums + (4 * sumsRow), s4);
        L.Store(sums + (5 * sumsRow), s5);
        L.Store(sums + (6 * sumsRow), s6);
        L.Store(sums + (7 * sumsRow), s7);
    }

    /// <summary>6 rows by one vector: the last columns where they fill no more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow6<L, S>(float* a, nint aRow, nint aStep, float* b, int depth, float* sums, nint sumsRow, int rows)
        where L : struct, IHostLanes<S> where S : unmanaged
    {
        int width = L.Count, panel = 2 * width, last = rows - 1;
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow);
        S s0 = L.Set(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += panel)
        {
            S b0 = L.Load(b);
            s0 = L.MultiplyAdd(L.Set(a0[at]), b0, s0);
            s1 = L.MultiplyAdd(L.Set(a1[at]), b0, s1);
            s2 = L.MultiplyAdd(L.Set(a2[at]), b0, s2);
            s3 = L.MultiplyAdd(L.Set(a3[at]), b0, s3);
            s4 = L.MultiplyAdd(L.Set(a4[at]), b0, s4);
            s5 = L.MultiplyAdd(L.Set(a5[at]), b0, s5);
        }
        L.Store(sums, s0);
        L.Store(sums + (1 * sumsRow), s1);
        L.Store(sums + (2 * sumsRow), s2);
        L.Store(sums + (3 * sumsRow), s3);
        L.Store(sums + (4 * sumsRow), s4);
        L.Store(sums + (5 * sumsRow), s5);
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>
/// The inner loop of a matrix product on a CPU (BLIS, "micro-kernel"): a register tile of C stays in registers while k runs. A is broadcast and may have any strides; the columns of a
/// step of B lie side by side. One generic source serves all vector widths and tiles. With 32 registers a tile is 8 rows by two vectors, with 16 registers 6 by
/// two. An element is one fused multiply-add for each k in order, from zero, then plus the bias, then plus what C holds: the same bits in every tile, wide,
/// narrow or cut. What is there is added last, so that a long sum in several visits rounds as its parts do, and not as one chain.
/// </summary>
internal static unsafe class MicroKernel
{
    /// <summary>Rows of a tile (BLIS, m_r).</summary>
    public static int Rows => Vector512.IsHardwareAccelerated ? 8 : 6;

    /// <summary>Columns of a tile, and of a packed panel (BLIS, n_r).</summary>
    public static int Columns => 2 * CpuVectors.Width;

    /// <summary>c[r, j] = Σ_k a[r, k]·b[k, j] + bias[j] + (add ? c[r, j] : 0).</summary>
    /// <param name="a">A's first element.</param>
    /// <param name="aRow">From a row of A to the next, in floats.</param>
    /// <param name="aStep">From a step in k to the next.</param>
    /// <param name="b">B's first step.</param>
    /// <param name="bStep">From a step of B to the next.</param>
    /// <param name="depth">Steps in k.</param>
    /// <param name="c">C's first element.</param>
    /// <param name="cRow">From a row of C to the next.</param>
    /// <param name="rows">Rows that exist, from 1 to <see cref="Rows"/>.</param>
    /// <param name="columns">Columns, from 1 to <see cref="Columns"/>; nothing beside them is read or written.</param>
    /// <param name="add">Adds to what C holds.</param>
    /// <param name="bias">Added to every row, or null.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow, int rows, int columns, bool add, float* bias)
    {
        if (columns < Columns) MultiplyLast(a, aRow, aStep, b, bStep, depth, c, cRow, rows, columns, add, bias);
        else if (Vector512.IsHardwareAccelerated) Tile<Tile8x2, Lanes16, Vector512<float>>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, add, bias);
        else if (Vector256.IsHardwareAccelerated) Tile<Tile6x2, Lanes8, Vector256<float>>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, add, bias);
        else Tile<Tile6x2, Lanes4, Vector128<float>>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, add, bias);
    }

    /// <summary>The last columns, by ever narrower vectors down to single numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyLast(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow, int rows, int columns, bool add, float* bias)
    {
        for (int done = 0; done < columns;)
        {
            float* from = b + done, to = c + done, columnBias = bias is null ? null : bias + done;
            int left = columns - done;
            if (Vector512.IsHardwareAccelerated && left >= 16)
            {
                Tile<Tile8x1, Lanes16, Vector512<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                done += 16;
            }
            else if (Vector256.IsHardwareAccelerated && left >= 8)
            {
                if (Rows == 8) Tile<Tile8x1, Lanes8, Vector256<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                else Tile<Tile6x1, Lanes8, Vector256<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                done += 8;
            }
            else if (left >= 4)
            {
                if (Rows == 8) Tile<Tile8x1, Lanes4, Vector128<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                else Tile<Tile6x1, Lanes4, Vector128<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                done += 4;
            }
            else
            {
                if (Rows == 8) Tile<Tile8x1, Lanes1, float>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                else Tile<Tile6x1, Lanes1, float>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                done++;
            }
        }
    }

    /// <summary>The sizes of a register tile; both are constants to the compiler, which leaves out what a smaller tile does not have.</summary>
    private interface ITile
    {
        /// <summary>8, or 6.</summary>
        static abstract int Rows { get; }

        /// <summary>Vectors side by side in a row: 2, or 1.</summary>
        static abstract int Vectors { get; }
    }

    private readonly struct Tile8x2 : ITile
    {
        public static int Rows => 8;

        public static int Vectors => 2;
    }

    private readonly struct Tile8x1 : ITile
    {
        public static int Rows => 8;

        public static int Vectors => 1;
    }

    private readonly struct Tile6x2 : ITile
    {
        public static int Rows => 6;

        public static int Vectors => 2;
    }

    private readonly struct Tile6x1 : ITile
    {
        public static int Rows => 6;

        public static int Vectors => 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<T, L, S>(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow, int rows, bool add, float* bias)
        where T : struct, ITile where L : struct, ICpuLanes<S> where S : unmanaged
    {
        int width = L.Count, last = rows - 1;
        // Rows beyond the last repeat it, and store what it stores.
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow);
        float* a6 = T.Rows > 6 ? a + (Math.Min(6, last) * aRow) : a, a7 = T.Rows > 6 ? a + (Math.Min(7, last) * aRow) : a;
        float* c0 = c, c1 = c + (Math.Min(1, last) * cRow), c2 = c + (Math.Min(2, last) * cRow), c3 = c + (Math.Min(3, last) * cRow), c4 = c + (Math.Min(4, last) * cRow), c5 = c + (Math.Min(5, last) * cRow);
        float* c6 = T.Rows > 6 ? c + (Math.Min(6, last) * cRow) : c, c7 = T.Rows > 6 ? c + (Math.Min(7, last) * cRow) : c;
        S s00 = L.Set(0), s10 = s00, s20 = s00, s30 = s00, s40 = s00, s50 = s00, s60 = s00, s70 = s00;
        S s01 = s00, s11 = s00, s21 = s00, s31 = s00, s41 = s00, s51 = s00, s61 = s00, s71 = s00;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += bStep)
        {
            S b0 = L.Load(b), b1 = T.Vectors > 1 ? L.Load(b + width) : b0;
            S v = L.Set(a0[at]);
            s00 = L.MultiplyAdd(v, b0, s00);
            if (T.Vectors > 1) s01 = L.MultiplyAdd(v, b1, s01);
            v = L.Set(a1[at]);
            s10 = L.MultiplyAdd(v, b0, s10);
            if (T.Vectors > 1) s11 = L.MultiplyAdd(v, b1, s11);
            v = L.Set(a2[at]);
            s20 = L.MultiplyAdd(v, b0, s20);
            if (T.Vectors > 1) s21 = L.MultiplyAdd(v, b1, s21);
            v = L.Set(a3[at]);
            s30 = L.MultiplyAdd(v, b0, s30);
            if (T.Vectors > 1) s31 = L.MultiplyAdd(v, b1, s31);
            v = L.Set(a4[at]);
            s40 = L.MultiplyAdd(v, b0, s40);
            if (T.Vectors > 1) s41 = L.MultiplyAdd(v, b1, s41);
            v = L.Set(a5[at]);
            s50 = L.MultiplyAdd(v, b0, s50);
            if (T.Vectors > 1) s51 = L.MultiplyAdd(v, b1, s51);
            if (T.Rows > 6)
            {
                v = L.Set(a6[at]);
                s60 = L.MultiplyAdd(v, b0, s60);
                if (T.Vectors > 1) s61 = L.MultiplyAdd(v, b1, s61);
                v = L.Set(a7[at]);
                s70 = L.MultiplyAdd(v, b0, s70);
                if (T.Vectors > 1) s71 = L.MultiplyAdd(v, b1, s71);
            }
        }
        if (bias is not null)
        {
            S b0 = L.Load(bias), b1 = T.Vectors > 1 ? L.Load(bias + width) : b0;
            s00 = L.Add(s00, b0);
            if (T.Vectors > 1) s01 = L.Add(s01, b1);
            s10 = L.Add(s10, b0);
            if (T.Vectors > 1) s11 = L.Add(s11, b1);
            s20 = L.Add(s20, b0);
            if (T.Vectors > 1) s21 = L.Add(s21, b1);
            s30 = L.Add(s30, b0);
            if (T.Vectors > 1) s31 = L.Add(s31, b1);
            s40 = L.Add(s40, b0);
            if (T.Vectors > 1) s41 = L.Add(s41, b1);
            s50 = L.Add(s50, b0);
            if (T.Vectors > 1) s51 = L.Add(s51, b1);
            if (T.Rows > 6)
            {
                s60 = L.Add(s60, b0);
                if (T.Vectors > 1) s61 = L.Add(s61, b1);
                s70 = L.Add(s70, b0);
                if (T.Vectors > 1) s71 = L.Add(s71, b1);
            }
        }
        if (add)
        {
            s00 = L.Add(s00, L.Load(c0));
            if (T.Vectors > 1) s01 = L.Add(s01, L.Load(c0 + width));
            s10 = L.Add(s10, L.Load(c1));
            if (T.Vectors > 1) s11 = L.Add(s11, L.Load(c1 + width));
            s20 = L.Add(s20, L.Load(c2));
            if (T.Vectors > 1) s21 = L.Add(s21, L.Load(c2 + width));
            s30 = L.Add(s30, L.Load(c3));
            if (T.Vectors > 1) s31 = L.Add(s31, L.Load(c3 + width));
            s40 = L.Add(s40, L.Load(c4));
            if (T.Vectors > 1) s41 = L.Add(s41, L.Load(c4 + width));
            s50 = L.Add(s50, L.Load(c5));
            if (T.Vectors > 1) s51 = L.Add(s51, L.Load(c5 + width));
            if (T.Rows > 6)
            {
                s60 = L.Add(s60, L.Load(c6));
                if (T.Vectors > 1) s61 = L.Add(s61, L.Load(c6 + width));
                s70 = L.Add(s70, L.Load(c7));
                if (T.Vectors > 1) s71 = L.Add(s71, L.Load(c7 + width));
            }
        }
        L.Store(c0, s00);
        if (T.Vectors > 1) L.Store(c0 + width, s01);
        L.Store(c1, s10);
        if (T.Vectors > 1) L.Store(c1 + width, s11);
        L.Store(c2, s20);
        if (T.Vectors > 1) L.Store(c2 + width, s21);
        L.Store(c3, s30);
        if (T.Vectors > 1) L.Store(c3 + width, s31);
        L.Store(c4, s40);
        if (T.Vectors > 1) L.Store(c4 + width, s41);
        L.Store(c5, s50);
        if (T.Vectors > 1) L.Store(c5 + width, s51);
        if (T.Rows > 6)
        {
            L.Store(c6, s60);
            if (T.Vectors > 1) L.Store(c6 + width, s61);
            L.Store(c7, s70);
            if (T.Vectors > 1) L.Store(c7 + width, s71);
        }
    }
}

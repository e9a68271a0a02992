using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PixelDiT.Kernels.Machine;

/// <summary>
/// The inner loops of a matrix product on a CPU: a tile of C stays in registers while k runs. A is broadcast and may have any strides; the columns of a
/// step of B lie side by side. One generic source serves all vector widths. With 32 registers a tile is 8 rows by two vectors, with 16 registers 6 by
/// two. An element is one fused multiply-add for each k in order, from zero, then plus the bias, then plus what C holds: the same bits in every tile, wide,
/// narrow or cut. What is there is added last, so that a long sum in several visits rounds as its parts do, and not as one chain.
/// </summary>
internal static unsafe class Tiles
{
    /// <summary>Rows of a tile.</summary>
    public static int Rows => Vector512.IsHardwareAccelerated ? 8 : 6;

    /// <summary>Columns of a tile, and of a packed panel.</summary>
    public static int Width => 2 * HostVectors.Width;

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
    /// <param name="columns">Columns, from 1 to <see cref="Width"/>; nothing beside them is read or written.</param>
    /// <param name="add">Adds to what C holds.</param>
    /// <param name="bias">Added to every row, or null.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow, int rows, int columns, bool add, float* bias)
    {
        if (columns < Width) MultiplyLast(a, aRow, aStep, b, bStep, depth, c, cRow, rows, columns, add, bias);
        else if (Vector512.IsHardwareAccelerated) Wide8<Lanes16, Vector512<float>>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, add, bias);
        else if (Vector256.IsHardwareAccelerated) Wide6<Lanes8, Vector256<float>>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, add, bias);
        else Wide6<Lanes4, Vector128<float>>(a, aRow, aStep, b, bStep, depth, c, cRow, rows, add, bias);
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
                Narrow8<Lanes16, Vector512<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                done += 16;
            }
            else if (Vector256.IsHardwareAccelerated && left >= 8)
            {
                if (Rows == 8) Narrow8<Lanes8, Vector256<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                else Narrow6<Lanes8, Vector256<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                done += 8;
            }
            else if (left >= 4)
            {
                if (Rows == 8) Narrow8<Lanes4, Vector128<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                else Narrow6<Lanes4, Vector128<float>>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                done += 4;
            }
            else
            {
                if (Rows == 8) Narrow8<Lanes1, float>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                else Narrow6<Lanes1, float>(a, aRow, aStep, from, bStep, depth, to, cRow, rows, add, columnBias);
                done++;
            }
        }
    }

    /// <summary>8 rows by two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide8<L, S>(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow, int rows, bool add, float* bias)
        where L : struct, IHostLanes<S> where S : unmanaged
    {
        int width = L.Count, last = rows - 1;
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow), a6 = a + (Math.Min(6, last) * aRow), a7 = a + (Math.Min(7, last) * aRow);
        float* c0 = c, c1 = c + (Math.Min(1, last) * cRow), c2 = c + (Math.Min(2, last) * cRow), c3 = c + (Math.Min(3, last) * cRow), c4 = c + (Math.Min(4, last) * cRow), c5 = c + (Math.Min(5, last) * cRow), c6 = c + (Math.Min(6, last) * cRow), c7 = c + (Math.Min(7, last) * cRow);
        S s00 = L.Set(0), s10 = s00, s20 = s00, s30 = s00, s40 = s00, s50 = s00, s60 = s00, s70 = s00;
        S s01 = s00, s11 = s00, s21 = s00, s31 = s00, s41 = s00, s51 = s00, s61 = s00, s71 = s00;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += bStep)
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
        if (bias is not null)
        {
            S b0 = L.Load(bias), b1 = L.Load(bias + width);
            s00 = L.Add(s00, b0);
            s01 = L.Add(s01, b1);
            s10 = L.Add(s10, b0);
            s11 = L.Add(s11, b1);
            s20 = L.Add(s20, b0);
            s21 = L.Add(s21, b1);
            s30 = L.Add(s30, b0);
            s31 = L.Add(s31, b1);
            s40 = L.Add(s40, b0);
            s41 = L.Add(s41, b1);
            s50 = L.Add(s50, b0);
            s51 = L.Add(s51, b1);
            s60 = L.Add(s60, b0);
            s61 = L.Add(s61, b1);
            s70 = L.Add(s70, b0);
            s71 = L.Add(s71, b1);
        }
        if (add)
        {
            s00 = L.Add(s00, L.Load(c0));
            s01 = L.Add(s01, L.Load(c0 + width));
            s10 = L.Add(s10, L.Load(c1));
            s11 = L.Add(s11, L.Load(c1 + width));
            s20 = L.Add(s20, L.Load(c2));
            s21 = L.Add(s21, L.Load(c2 + width));
            s30 = L.Add(s30, L.Load(c3));
            s31 = L.Add(s31, L.Load(c3 + width));
            s40 = L.Add(s40, L.Load(c4));
            s41 = L.Add(s41, L.Load(c4 + width));
            s50 = L.Add(s50, L.Load(c5));
            s51 = L.Add(s51, L.Load(c5 + width));
            s60 = L.Add(s60, L.Load(c6));
            s61 = L.Add(s61, L.Load(c6 + width));
            s70 = L.Add(s70, L.Load(c7));
            s71 = L.Add(s71, L.Load(c7 + width));
        }
        L.Store(c0, s00);
        L.Store(c0 + width, s01);
        L.Store(c1, s10);
        L.Store(c1 + width, s11);
        L.Store(c2, s20);
        L.Store(c2 + width, s21);
        L.Store(c3, s30);
        L.Store(c3 + width, s31);
        L.Store(c4, s40);
        L.Store(c4 + width, s41);
        L.Store(c5, s50);
        L.Store(c5 + width, s51);
        L.Store(c6, s60);
        L.Store(c6 + width, s61);
        L.Store(c7, s70);
        L.Store(c7 + width, s71);
    }

    /// <summary>6 rows by two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide6<L, S>(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow, int rows, bool add, float* bias)
        where L : struct, IHostLanes<S> where S : unmanaged
    {
        int width = L.Count, last = rows - 1;
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow);
        float* c0 = c, c1 = c + (Math.Min(1, last) * cRow), c2 = c + (Math.Min(2, last) * cRow), c3 = c + (Math.Min(3, last) * cRow), c4 = c + (Math.Min(4, last) * cRow), c5 = c + (Math.Min(5, last) * cRow);
        S s00 = L.Set(0), s10 = s00, s20 = s00, s30 = s00, s40 = s00, s50 = s00;
        S s01 = s00, s11 = s00, s21 = s00, s31 = s00, s41 = s00, s51 = s00;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += bStep)
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
        if (bias is not null)
        {
            S b0 = L.Load(bias), b1 = L.Load(bias + width);
            s00 = L.Add(s00, b0);
            s01 = L.Add(s01, b1);
            s10 = L.Add(s10, b0);
            s11 = L.Add(s11, b1);
            s20 = L.Add(s20, b0);
            s21 = L.Add(s21, b1);
            s30 = L.Add(s30, b0);
            s31 = L.Add(s31, b1);
            s40 = L.Add(s40, b0);
            s41 = L.Add(s41, b1);
            s50 = L.Add(s50, b0);
            s51 = L.Add(s51, b1);
        }
        if (add)
        {
            s00 = L.Add(s00, L.Load(c0));
            s01 = L.Add(s01, L.Load(c0 + width));
            s10 = L.Add(s10, L.Load(c1));
            s11 = L.Add(s11, L.Load(c1 + width));
            s20 = L.Add(s20, L.Load(c2));
            s21 = L.Add(s21, L.Load(c2 + width));
            s30 = L.Add(s30, L.Load(c3));
            s31 = L.Add(s31, L.Load(c3 + width));
            s40 = L.Add(s40, L.Load(c4));
            s41 = L.Add(s41, L.Load(c4 + width));
            s50 = L.Add(s50, L.Load(c5));
            s51 = L.Add(s51, L.Load(c5 + width));
        }
        L.Store(c0, s00);
        L.Store(c0 + width, s01);
        L.Store(c1, s10);
        L.Store(c1 + width, s11);
        L.Store(c2, s20);
        L.Store(c2 + width, s21);
        L.Store(c3, s30);
        L.Store(c3 + width, s31);
        L.Store(c4, s40);
        L.Store(c4 + width, s41);
        L.Store(c5, s50);
        L.Store(c5 + width, s51);
    }

    /// <summary>8 rows by one vector, or one number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow8<L, S>(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow, int rows, bool add, float* bias)
        where L : struct, IHostLanes<S> where S : unmanaged
    {
        int last = rows - 1;
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow), a6 = a + (Math.Min(6, last) * aRow), a7 = a + (Math.Min(7, last) * aRow);
        float* c0 = c, c1 = c + (Math.Min(1, last) * cRow), c2 = c + (Math.Min(2, last) * cRow), c3 = c + (Math.Min(3, last) * cRow), c4 = c + (Math.Min(4, last) * cRow), c5 = c + (Math.Min(5, last) * cRow), c6 = c + (Math.Min(6, last) * cRow), c7 = c + (Math.Min(7, last) * cRow);
        S s0 = L.Set(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += bStep)
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
        if (bias is not null)
        {
            S b0 = L.Load(bias);
            s0 = L.Add(s0, b0);
            s1 = L.Add(s1, b0);
            s2 = L.Add(s2, b0);
            s3 = L.Add(s3, b0);
            s4 = L.Add(s4, b0);
            s5 = L.Add(s5, b0);
            s6 = L.Add(s6, b0);
            s7 = L.Add(s7, b0);
        }
        if (add)
        {
            s0 = L.Add(s0, L.Load(c0));
            s1 = L.Add(s1, L.Load(c1));
            s2 = L.Add(s2, L.Load(c2));
            s3 = L.Add(s3, L.Load(c3));
            s4 = L.Add(s4, L.Load(c4));
            s5 = L.Add(s5, L.Load(c5));
            s6 = L.Add(s6, L.Load(c6));
            s7 = L.Add(s7, L.Load(c7));
        }
        L.Store(c0, s0);
        L.Store(c1, s1);
        L.Store(c2, s2);
        L.Store(c3, s3);
        L.Store(c4, s4);
        L.Store(c5, s5);
        L.Store(c6, s6);
        L.Store(c7, s7);
    }

    /// <summary>6 rows by one vector, or one number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow6<L, S>(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow, int rows, bool add, float* bias)
        where L : struct, IHostLanes<S> where S : unmanaged
    {
        int last = rows - 1;
        float* a0 = a, a1 = a + (Math.Min(1, last) * aRow), a2 = a + (Math.Min(2, last) * aRow), a3 = a + (Math.Min(3, last) * aRow), a4 = a + (Math.Min(4, last) * aRow), a5 = a + (Math.Min(5, last) * aRow);
        float* c0 = c, c1 = c + (Math.Min(1, last) * cRow), c2 = c + (Math.Min(2, last) * cRow), c3 = c + (Math.Min(3, last) * cRow), c4 = c + (Math.Min(4, last) * cRow), c5 = c + (Math.Min(5, last) * cRow);
        S s0 = L.Set(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
        nint at = 0;
        for (int k = 0; k < depth; k++, at += aStep, b += bStep)
        {
            S b0 = L.Load(b);
            s0 = L.MultiplyAdd(L.Set(a0[at]), b0, s0);
            s1 = L.MultiplyAdd(L.Set(a1[at]), b0, s1);
            s2 = L.MultiplyAdd(L.Set(a2[at]), b0, s2);
            s3 = L.MultiplyAdd(L.Set(a3[at]), b0, s3);
            s4 = L.MultiplyAdd(L.Set(a4[at]), b0, s4);
            s5 = L.MultiplyAdd(L.Set(a5[at]), b0, s5);
        }
        if (bias is not null)
        {
            S b0 = L.Load(bias);
            s0 = L.Add(s0, b0);
            s1 = L.Add(s1, b0);
            s2 = L.Add(s2, b0);
            s3 = L.Add(s3, b0);
            s4 = L.Add(s4, b0);
            s5 = L.Add(s5, b0);
        }
        if (add)
        {
            s0 = L.Add(s0, L.Load(c0));
            s1 = L.Add(s1, L.Load(c1));
            s2 = L.Add(s2, L.Load(c2));
            s3 = L.Add(s3, L.Load(c3));
            s4 = L.Add(s4, L.Load(c4));
            s5 = L.Add(s5, L.Load(c5));
        }
        L.Store(c0, s0);
        L.Store(c1, s1);
        L.Store(c2, s2);
        L.Store(c3, s3);
        L.Store(c4, s4);
        L.Store(c5, s5);
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PixelDiT.Kernels.Machine;

/// <summary>Packing, and products of packed blocks in host memory, for the CPU bodies of matrix product and attention.</summary>
internal static unsafe class HostProduct
{
    /// <summary>Floats that <paramref name="columns"/> columns of <paramref name="depth"/> steps take when packed.</summary>
    public static long PackedCount(int depth, int columns) => (long)((columns + Tiles.Width - 1) / Tiles.Width) * Tiles.Width * depth;

    /// <summary>Packs B [depth, columns] into panels.</summary>
    /// <param name="b">B's first element.</param>
    /// <param name="bStep">From a step in k to the next, in floats.</param>
    /// <param name="bColumn">From a column to the next; rows of contiguous columns and columns of contiguous steps are the two quick cases.</param>
    /// <param name="depth">Steps in k.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="panels">Receives <see cref="PackedCount"/> floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(float* b, nint bStep, nint bColumn, int depth, int columns, float* panels)
    {
        int width = Tiles.Width;
        for (int column = 0; column < columns; column += width, panels += (nint)depth * width)
        {
            int count = Math.Min(width, columns - column);
            float* source = b + (column * bColumn);
            if (count < width) new Span<float>(panels, depth * width).Clear();
            if (bColumn == 1)
            {
                for (int k = 0; k < depth; k++) Copy(source + (k * bStep), panels + ((nint)k * width), count);
            }
            else
            {
                for (int c = 0; c < count; c++)
                {
                    float* from = source + (c * bColumn), to = panels + c;
                    for (int k = 0; k < depth; k++) to[(nint)k * width] = from[k * bStep];
                }
            }
        }
    }

    /// <summary>Packs A's rows into tiles [tile][depth][Tiles.Rows], so that a tile reads it in order. Rows beyond the last repeat it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackRows(float* a, nint aRow, nint aStep, int depth, int rows, float* tiles)
    {
        int height = Tiles.Rows;
        for (int row = 0; row < rows; row += height, tiles += (nint)depth * height)
        {
            int count = Math.Min(height, rows - row);
            float* source = a + (row * aRow);
            if (aRow == 1 && count == height)
            {
                // Rows side by side, as in dyᵀ·x: a step of the tile is one copy.
                for (int k = 0; k < depth; k++) Copy(source + (k * aStep), tiles + ((nint)k * height), height);
                continue;
            }
            for (int k = 0; k < depth; k++)
            {
                float* from = source + (k * aStep), to = tiles + ((nint)k * height);
                for (int r = 0; r < height; r++) to[r] = from[Math.Min(r, count - 1) * aRow];
            }
        }
    }

    /// <summary>c [rows, columns] = or += a·b for a packed b.</summary>
    /// <param name="a">A's first element.</param>
    /// <param name="aRow">From a row of A to the next.</param>
    /// <param name="aStep">From a step in k to the next.</param>
    /// <param name="panels">B's first panel at the first step.</param>
    /// <param name="panelStride">From a panel to the next: depth·width, or more where the panels hold further steps.</param>
    /// <param name="c">C's first element.</param>
    /// <param name="cRow">From a row of C to the next.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="columns">Columns of B and C.</param>
    /// <param name="depth">Steps in k.</param>
    /// <param name="accumulate">Adds to C.</param>
    /// <param name="bias">Added to every row, or null.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(
        float* a, nint aRow, nint aStep, float* panels, nint panelStride, float* c, nint cRow, int rows, int columns, int depth, bool accumulate, float* bias)
    {
        float* sums = stackalloc float[Tiles.Largest];
        int width = Tiles.Width, height = Tiles.Rows;
        for (int column = 0; column < columns; column += width, panels += panelStride)
        {
            int columnsHere = Math.Min(width, columns - column);
            for (int row = 0; row < rows; row += height)
            {
                int rowsHere = Math.Min(height, rows - row);
                Tiles.Multiply(a + (row * aRow), aRow, aStep, panels, depth, sums, width, rowsHere, columnsHere);
                float* target = c + (row * cRow) + column;
                for (int r = 0; r < rowsHere; r++)
                {
                    Finish(sums + (r * width), target + (r * cRow), columnsHere, accumulate, bias is null ? null : bias + column);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(float* sums, float* target, int count, bool accumulate, float* bias)
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i + 16 <= count; i += 16) Finish<Lanes16, Vector512<float>>(sums + i, target + i, accumulate, bias is null ? null : bias + i);
        }
        for (; i + 4 <= count; i += 4) Finish<Lanes4, Vector128<float>>(sums + i, target + i, accumulate, bias is null ? null : bias + i);
        for (; i < count; i++) target[i] = sums[i] + (accumulate ? target[i] : 0) + (bias is null ? 0 : bias[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish<L, S>(float* sums, float* target, bool accumulate, float* bias) where L : struct, IHostLanes<S> where S : unmanaged
    {
        S value = L.Load(sums);
        if (accumulate) value = L.Add(value, L.Load(target));
        if (bias is not null) value = L.Add(value, L.Load(bias));
        L.Store(target, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, float* to, int count)
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i + 16 <= count; i += 16) Vector512.Store(Vector512.Load(from + i), to + i);
        }
        for (; i + 4 <= count; i += 4) Vector128.Store(Vector128.Load(from + i), to + i);
        for (; i < count; i++) to[i] = from[i];
    }
}

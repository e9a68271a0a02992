using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PixelDiT.Kernels.Machine;

/// <summary>Packing, and products of blocks in host memory, for the CPU bodies of matrix product and attention.</summary>
internal static unsafe class HostProduct
{
    /// <summary>Floats that <paramref name="columns"/> columns of <paramref name="depth"/> steps take when packed.</summary>
    public static long PackedCount(int depth, int columns) => (long)((columns + Tiles.Width - 1) / Tiles.Width) * Tiles.Width * depth;

    /// <summary>Packs B [depth, columns] into panels.</summary>
    /// <param name="b">B's first element.</param>
    /// <param name="bStep">From a step in k to the next, in floats.</param>
    /// <param name="bColumn">From a column to the next; columns side by side and steps side by side are the two quick cases.</param>
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
                continue;
            }
            int turned = bStep == 1 && Sse.IsSupported ? Turn(source, bColumn, panels, width, depth, count) : 0;
            for (int c = 0; c < count; c++)
            {
                float* from = source + (c * bColumn), to = panels + c;
                for (int k = c < count / 4 * 4 ? turned : 0; k < depth; k++) to[(nint)k * width] = from[k * bStep];
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

    /// <summary>c [rows, columns] = a·b + bias + (add ? c : 0), an element as <see cref="Tiles"/> sums it, whatever the sizes and the form of b.</summary>
    /// <param name="a">A.</param>
    /// <param name="b">B.</param>
    /// <param name="c">C's first element.</param>
    /// <param name="cRow">From a row of C to the next.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="columns">Columns of B and C.</param>
    /// <param name="depth">Steps in k.</param>
    /// <param name="add">Adds to C.</param>
    /// <param name="bias">Added to every row, or null.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(Strips a, Panels b, float* c, nint cRow, int rows, int columns, int depth, bool add, float* bias)
    {
        int width = Tiles.Width, height = Tiles.Rows;
        float* panel = b.First;
        for (int column = 0; column < columns; column += width, panel += b.Next)
        {
            int count = Math.Min(width, columns - column);
            float* target = c + column, columnBias = bias is null ? null : bias + column;
            float* strip = a.First;
            for (int row = 0; row < rows; row += height, strip += a.Next)
            {
                // The next tile of C is on its way from memory while this one is computed.
                if (add && row + height < rows) FetchRows(target + ((row + height) * cRow), cRow, Math.Min(height, rows - row - height), count);
                Tiles.Multiply(strip, a.Row, a.Step, panel, b.Step, depth, target + (row * cRow), cRow, Math.Min(height, rows - row), count, add, columnBias);
            }
        }
    }

    /// <summary>Panels of rows that lie along k: turns 4×4 blocks in registers. Returns how many steps of the columns in whole fours are done.</summary>
    private static int Turn(float* source, nint column, float* panel, int width, int depth, int count)
    {
        int steps = depth / 4 * 4;
        // Eight lines of memory at a time, each read to its end before the next.
        for (int k0 = 0; k0 < steps; k0 += 64)
        {
            int end = Math.Min(steps, k0 + 64);
            for (int c = 0; c + 4 <= count; c += 4)
            {
                float* r0 = source + (c * column), r1 = r0 + column, r2 = r1 + column, r3 = r2 + column;
                for (int k = k0; k < end; k += 4)
                {
                    Vector128<float> v0 = Vector128.Load(r0 + k), v1 = Vector128.Load(r1 + k), v2 = Vector128.Load(r2 + k), v3 = Vector128.Load(r3 + k);
                    Vector128<float> low01 = Sse.UnpackLow(v0, v1), high01 = Sse.UnpackHigh(v0, v1), low23 = Sse.UnpackLow(v2, v3), high23 = Sse.UnpackHigh(v2, v3);
                    float* to = panel + ((nint)k * width) + c;
                    Sse.MoveLowToHigh(low01, low23).Store(to);
                    Sse.MoveHighToLow(low23, low01).Store(to + width);
                    Sse.MoveLowToHigh(high01, high23).Store(to + (2 * width));
                    Sse.MoveHighToLow(high23, high01).Store(to + (3 * width));
                }
            }
        }
        return steps;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FetchRows(float* first, nint row, int rows, int columns)
    {
        if (!Sse.IsSupported) return;
        for (int r = 0; r < rows; r++, first += row)
        {
            for (int j = 0; j < columns; j += 16) Sse.Prefetch0(first + j);
        }
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

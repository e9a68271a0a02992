using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>Packs the operands of a product into panels, in the order in which <see cref="MicroKernel"/> reads them (BLIS, "packing").</summary>
internal static unsafe class Packing
{
    /// <summary>Floats that <paramref name="columns"/> columns of <paramref name="depth"/> steps take when packed.</summary>
    public static long PackedCount(int depth, int columns) => (long)((columns + MicroKernel.Columns - 1) / MicroKernel.Columns) * MicroKernel.Columns * depth;

    /// <summary>Packs B [depth, columns] into panels.</summary>
    /// <param name="b">B's first element.</param>
    /// <param name="bStep">From a step in k to the next, in floats.</param>
    /// <param name="bColumn">From a column to the next; columns side by side and steps side by side are the two quick cases.</param>
    /// <param name="depth">Steps in k.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="panels">Receives <see cref="PackedCount"/> floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackB(float* b, nint bStep, nint bColumn, int depth, int columns, float* panels)
    {
        int width = MicroKernel.Columns;
        if (bColumn == 1)
        {
            PackSteps(b, bStep, depth, columns, panels);
            return;
        }
        for (int column = 0; column < columns; column += width, panels += (nint)depth * width)
        {
            int count = Math.Min(width, columns - column);
            float* source = b + (column * bColumn);
            if (count < width) new Span<float>(panels, depth * width).Clear();
            int turned = bStep == 1 && Sse.IsSupported ? Turn(source, bColumn, panels, width, depth, count) : 0;
            for (int c = 0; c < count; c++)
            {
                float* from = source + (c * bColumn), to = panels + c;
                for (int k = c < count / 4 * 4 ? turned : 0; k < depth; k++) to[(nint)k * width] = from[k * bStep];
            }
        }
    }

    /// <summary>Packs A's rows into tiles [tile][depth][MicroKernel.Rows], so that a tile reads it in order. Rows beyond the last repeat it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackA(float* a, nint aRow, nint aStep, int depth, int rows, float* tiles)
    {
        int height = MicroKernel.Rows, side = aRow == 1 ? rows / height * height : 0;
        if (side > 0) PackSteps(a, aStep, depth, side, tiles, height);
        tiles += (nint)depth * side;
        for (int row = side; row < rows; row += height, tiles += (nint)depth * height)
        {
            int count = Math.Min(height, rows - row);
            float* source = a + (row * aRow);
            for (int k = 0; k < depth; k++)
            {
                float* from = source + (k * aStep), to = tiles + ((nint)k * height);
                for (int r = 0; r < height; r++) to[r] = from[Math.Min(r, count - 1) * aRow];
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

    /// <summary>Columns side by side, or rows of dyᵀ: a step after the other, so that each line of memory is read once, into all panels or tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackSteps(float* source, nint step, int depth, int columns, float* panels)
    {
        int width = MicroKernel.Columns, whole = columns / width * width;
        PackSteps(source, step, depth, whole, panels, width);
        if (whole == columns) return;
        float* to = panels + ((nint)whole * depth);
        new Span<float>(to, depth * width).Clear();
        for (int k = 0; k < depth; k++, to += width, source += step) Copy(source + whole, to, columns - whole);
    }

    /// <summary>Steps of k that are fetched ahead: a step may lie in another page of memory, where the processor does not look by itself.</summary>
    private const int Ahead = 8;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackSteps(float* source, nint step, int depth, int columns, float* panels, int width)
    {
        nint next = (nint)depth * width;
        for (int k = 0; k < depth; k++, source += step, panels += width)
        {
            float* to = panels;
            if (k + Ahead < depth && Sse.IsSupported)
            {
                float* ahead = source + (Ahead * step);
                for (int column = 0; column < columns; column += 16) Sse.Prefetch0(ahead + column);
            }
            if (width == 6)
            {
                for (int column = 0; column < columns; column += 6, to += next)
                {
                    Vector128.Store(Vector128.Load(source + column), to);
                    *(long*)(to + 4) = *(long*)(source + column + 4);
                }
            }
            else if (width == 8)
            {
                for (int column = 0; column < columns; column += 8, to += next) Vector256.Store(Vector256.Load(source + column), to);
            }
            else
            {
                for (int column = 0; column < columns; column += width, to += next) Copy(source + column, to, width);
            }
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
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i + 8 <= count; i += 8) Vector256.Store(Vector256.Load(from + i), to + i);
        }
        for (; i + 4 <= count; i += 4) Vector128.Store(Vector128.Load(from + i), to + i);
        for (; i + 2 <= count; i += 2) *(long*)(to + i) = *(long*)(from + i);
        for (; i < count; i++) to[i] = from[i];
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>Products of blocks in host memory: the loops around <see cref="MicroKernel"/> over panels of A and B (BLIS, "macro-kernel").</summary>
internal static unsafe class MacroKernel
{
    /// <summary>c [rows, columns] = a·b + bias + (add ? c : 0), an element as <see cref="MicroKernel"/> sums it, whatever the sizes and the form of b.</summary>
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
    public static void Multiply(PanelsA a, PanelsB b, float* c, nint cRow, int rows, int columns, int depth, bool add, float* bias)
    {
        int width = MicroKernel.Columns, height = MicroKernel.Rows;
        float* panelB = b.First;
        for (int column = 0; column < columns; column += width, panelB += b.Next)
        {
            int count = Math.Min(width, columns - column);
            float* target = c + column, columnBias = bias is null ? null : bias + column;
            float* panelA = a.First;
            for (int row = 0; row < rows; row += height, panelA += a.Next)
            {
                // The next tile of C is on its way from memory while this one is computed.
                if (add && row + height < rows) FetchRows(target + ((row + height) * cRow), cRow, Math.Min(height, rows - row - height), count);
                MicroKernel.Multiply(panelA, a.Row, a.Step, panelB, b.Step, depth, target + (row * cRow), cRow, Math.Min(height, rows - row), count, add, columnBias);
            }
        }
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
}

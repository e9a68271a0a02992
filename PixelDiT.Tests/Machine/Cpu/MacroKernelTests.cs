using NUnit.Framework;
using PixelDiT.Kernels.Machine.Cpu;

namespace PixelDiT.Tests.Machine.Cpu;

/// <summary>Packing and products of packed blocks against plain loops, for every remainder of rows and columns, inside bands of NaN.</summary>
internal sealed unsafe class MacroKernelTests
{
    private const int Band = 64;

    /// <summary>Sums of up to 300 products of numbers up to 1: half a unit in the last place of sums up to 32, 300 times at worst and √300 times in practice.</summary>
    private const double Rounding = 4e-5;

    /// <summary>How B lies in memory, and whether it is packed.</summary>
    public enum Columns
    {
        SideBySide,
        Apart,
        InPlace
    }

    [Test, Combinatorial]
    public void Products_agree_with_plain_loops([Values] bool packedRows, [Values] Columns form, [Values] bool accumulate, [Values] bool biased)
    {
        foreach (int depth in new[] { 1, 2, 7, 33, 300 })
        {
            for (int rows = 1; rows <= (2 * MicroKernel.Rows) + 1; rows++)
            {
                for (int columns = 1; columns <= (2 * MicroKernel.Columns) + 1; columns += columns < MicroKernel.Columns + 2 && depth < 100 ? 1 : 5) Check(rows, columns, depth, packedRows, form, accumulate, biased);
            }
        }
    }

    private static void Check(int rows, int columns, int depth, bool packedRows, Columns form, bool accumulate, bool biased)
    {
        var random = new Random(rows * 10007 + columns * 101 + depth);
        float[] a = Numbers(rows * depth), b = Numbers(depth * columns), bias = Numbers(columns), before = Numbers(rows * columns);
        bool inPlace = form == Columns.InPlace;
        int bStep = form == Columns.Apart ? 1 : columns, bColumn = form == Columns.Apart ? depth : 1;
        float[] panels = Nothing(Band + (int)Packing.PackedCount(depth, columns) + Band), c = Nothing(Band + (rows * columns) + Band);
        int tilesCount = (rows + MicroKernel.Rows - 1) / MicroKernel.Rows * MicroKernel.Rows * depth;
        float[] tiles = Nothing(Band + tilesCount + Band);
        if (accumulate) before.CopyTo(c, Band);

        fixed (float* pa = a, pb = b, pBias = bias, pPanels = &panels[Band], pc = &c[Band], pTiles = &tiles[Band])
        {
            Packing.PackB(pb, bStep, bColumn, depth, columns, pPanels);
            float* biasOrNull = biased ? pBias : null;
            var panel = inPlace ? PanelsB.InPlace(pb, bStep) : PanelsB.Packed(pPanels, depth);
            if (packedRows) Packing.PackA(pa, depth, 1, depth, rows, pTiles);
            var strips = packedRows ? PanelsA.Packed(pTiles, depth) : PanelsA.InPlace(pa, depth, 1);
            MacroKernel.Multiply(strips, panel, pc, columns, rows, columns, depth, accumulate, biasOrNull);
        }

        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < columns; j++)
            {
                double sum = (accumulate ? before[(r * columns) + j] : 0) + (biased ? bias[j] : 0);
                for (int k = 0; k < depth; k++) sum += (double)a[(r * depth) + k] * b[(k * bStep) + (j * bColumn)];
                float actual = c[Band + (r * columns) + j];
                if (!(Math.Abs(actual - sum) <= Rounding)) Assert.Fail($"row {r} of {rows}, column {j} of {columns}, depth {depth}: {actual} instead of {sum}");
            }
        }
        AssertBands(c, rows * columns, "c");
        AssertBands(panels, panels.Length - (2 * Band), "panels");
        AssertBands(tiles, packedRows ? tilesCount : 0, "tiles");
        if (panels[Band..^Band].Any(float.IsNaN)) Assert.Fail($"padding of panels of {columns} columns was not written");

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextSingle()) - 1)];
    }

    [Test]
    public void Panels_hold_columns_side_by_side_and_zeros_behind_the_last()
    {
        int columns = MicroKernel.Columns + 1;
        const int depth = 3;
        float[] b = [.. Enumerable.Range(1, depth * columns).Select(i => (float)i)], panels = Nothing((int)Packing.PackedCount(depth, columns));
        Assert.That(panels, Has.Length.EqualTo(2 * MicroKernel.Columns * depth));
        fixed (float* from = b, to = panels) Packing.PackB(from, columns, 1, depth, columns, to);
        for (int k = 0; k < depth; k++)
        {
            for (int j = 0; j < 2 * MicroKernel.Columns; j++)
            {
                float packed = panels[(j / MicroKernel.Columns * depth * MicroKernel.Columns) + (k * MicroKernel.Columns) + (j % MicroKernel.Columns)];
                Assert.That(packed, Is.EqualTo(j < columns ? b[(k * columns) + j] : 0));
            }
        }
    }

    private static float[] Nothing(int count) => [.. Enumerable.Repeat(float.NaN, count)];

    private static void AssertBands(float[] memory, int written, string what)
    {
        if (memory.AsSpan(0, Band).IndexOfAnyInRange(float.NegativeInfinity, float.PositiveInfinity) >= 0
            || memory.AsSpan(Band + written).IndexOfAnyInRange(float.NegativeInfinity, float.PositiveInfinity) >= 0) Assert.Fail($"memory beside {what} was written");
    }
}

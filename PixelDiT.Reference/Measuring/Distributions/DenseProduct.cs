using System.Numerics;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Measuring.Distributions;

/// <summary>
/// C += Aᵀ·B in float64 on all cores, A [K, M], B [K, N], C [M, N], row-major. Both factors are packed in pieces of 256 along k, then multiplied in tiles of 4 rows by two vectors. An element's sum runs along k in order, so the bits depend neither on threads nor on
/// what else is computed.
/// </summary>
internal static class DenseProduct
{
    private const int Depth = 256, Rows = 4, RowBlock = 64;

    private static int Columns => 2 * Vector<double>.Count;

    /// <summary>Adds Aᵀ·B to C.</summary>
    /// <param name="a">[K, M].</param>
    /// <param name="b">[K, N].</param>
    /// <param name="c">[M, N].</param>
    /// <param name="depth">K.</param>
    /// <param name="m">M.</param>
    /// <param name="n">N.</param>
    /// <param name="upper">Whether the result is symmetric, so that only tiles on and above the diagonal are computed; <see cref="Mirror"/> makes the rest.</param>
    /// <param name="threads">Threads, or −1 for one a core.</param>
    public static void Accumulate(double[] a, double[] b, double[] c, int depth, int m, int n, bool upper = false, int threads = -1)
    {
        if (a.LongLength < (long)depth * m || b.LongLength < (long)depth * n || c.LongLength != (long)m * n) throw new ShapeException($"factors of {a.LongLength} and {b.LongLength} values and a product of {c.LongLength} were given for K = {depth}, M = {m}, N = {n}");
        int panels = (n + Columns - 1) / Columns, blocks = (m + RowBlock - 1) / RowBlock;
        double[] packed = new double[(long)panels * Depth * Columns];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
        for (int first = 0; first < depth; first += Depth)
        {
            int steps = Math.Min(Depth, depth - first), from = first;
            Parallel.For(0, panels, options, panel => Pack(b, n, from, steps, panel * Columns, Columns, packed.AsSpan(panel * Depth * Columns)));
            Parallel.For(0, blocks, options, () => new double[RowBlock * Depth], (block, _, rows) =>
            {
                int top = block * RowBlock, end = Math.Min(m, top + RowBlock);
                for (int row = top; row < end; row += Rows) Pack(a, m, from, steps, row, Rows, rows.AsSpan((row - top) * Depth));
                for (int panel = upper ? top / Columns : 0; panel < panels; panel++)
                {
                    for (int row = top; row < end; row += Rows) Tile(rows.AsSpan((row - top) * Depth), packed.AsSpan(panel * Depth * Columns), steps, c, row, panel * Columns, m, n);
                }
                return rows;
            }, _ => { });
        }
    }

    /// <summary>Copies the part above the diagonal of a square matrix below it.</summary>
    public static void Mirror(double[] c, int n)
    {
        for (int i = 1; i < n; i++)
        {
            for (int j = 0; j < i; j++) c[((long)i * n) + j] = c[((long)j * n) + i];
        }
    }

    /// <summary>Aᵀ [N, M] of A [M, N].</summary>
    public static double[] Transpose(double[] a, int m, int n)
    {
        const int side = 32;
        double[] turned = new double[a.Length];
        Parallel.For(0, (m + side - 1) / side, block =>
        {
            for (int column = 0; column < n; column += side)
            {
                for (int i = block * side; i < Math.Min(m, (block + 1) * side); i++)
                {
                    for (int j = column; j < Math.Min(n, column + side); j++) turned[((long)j * m) + i] = a[((long)i * n) + j];
                }
            }
        });
        return turned;
    }

    /// <summary>Some columns of a matrix, step after step; those beyond its last are 0.</summary>
    private static void Pack(double[] matrix, int width, int first, int steps, int column, int columns, Span<double> packed)
    {
        int count = Math.Min(columns, width - column);
        for (int k = 0; k < steps; k++)
        {
            var to = packed.Slice(k * columns, columns);
            matrix.AsSpan(checked((int)(((long)(first + k) * width) + column)), count).CopyTo(to);
            to[count..].Clear();
        }
    }

    private static void Tile(ReadOnlySpan<double> a, ReadOnlySpan<double> b, int steps, double[] c, int row, int column, int m, int n)
    {
        int width = Vector<double>.Count;
        Vector<double> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        for (int k = 0; k < steps; k++)
        {
            Vector<double> left = new(b[(k * 2 * width)..]), right = new(b[(((k * 2) + 1) * width)..]);
            var factors = a.Slice(k * Rows, Rows);
            Vector<double> f0 = new(factors[0]), f1 = new(factors[1]), f2 = new(factors[2]), f3 = new(factors[3]);
            (a0, a1) = (Vector.MultiplyAddEstimate(f0, left, a0), Vector.MultiplyAddEstimate(f0, right, a1));
            (b0, b1) = (Vector.MultiplyAddEstimate(f1, left, b0), Vector.MultiplyAddEstimate(f1, right, b1));
            (c0, c1) = (Vector.MultiplyAddEstimate(f2, left, c0), Vector.MultiplyAddEstimate(f2, right, c1));
            (d0, d1) = (Vector.MultiplyAddEstimate(f3, left, d0), Vector.MultiplyAddEstimate(f3, right, d1));
        }
        Span<double> sums = stackalloc double[2 * Vector<double>.Count];
        for (int i = 0; i < Math.Min(Rows, m - row); i++)
        {
            (i switch { 0 => a0, 1 => b0, 2 => c0, _ => d0 }).CopyTo(sums);
            (i switch { 0 => a1, 1 => b1, 2 => c1, _ => d1 }).CopyTo(sums[width..]);
            var to = c.AsSpan(checked((int)(((long)(row + i) * n) + column)), Math.Min(2 * width, n - column));
            for (int j = 0; j < to.Length; j++) to[j] += sums[j];
        }
    }
}

using System.Numerics;
using System.Runtime.InteropServices;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Measuring.Distributions;

/// <summary>
/// Eigenvalues and eigenvectors of symmetric matrices in float64: Householder's reduction to a tridiagonal matrix, then the QL method with implicit shifts (Golub and Van Loan, 8.3). The reduction goes over the matrix once a
/// column, the update by the last reflector and the product with the next one together. Rotations are gathered and applied to the eigenvectors in blocks of columns. Bits do not depend on threads.
/// </summary>
internal static class SymmetricEigen
{
    /// <summary>2⁻⁵³, half the distance from 1 to the next number.</summary>
    private const double Unit = 1.0 / (1L << 53);

    private const int MostTurns = 64, RotationsAtOnce = 1 << 16, ColumnBlock = 64, RowBlock = 16;

    /// <summary>The eigenvalues, ascending.</summary>
    /// <param name="matrix">[n, n], symmetric; its lower triangle is believed to be its upper one.</param>
    /// <param name="n">n, at least 1.</param>
    /// <param name="threads">Threads, or −1 for one a core.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="ShapeException">The matrix is not of that size.</exception>
    /// <exception cref="NotFiniteException">It holds values that are infinite or no number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static double[] Values(ReadOnlySpan<double> matrix, int n, int threads = -1, CancellationToken cancel = default)
    {
        double[] work = Checked(matrix, n), off = new double[n];
        double[] values = Reduce(work, n, off, new double[n], threads, cancel);
        Diagonalize(values, off, null, threads, cancel);
        Array.Sort(values);
        return values;
    }

    /// <summary>Eigenvalues and eigenvectors: matrix = Σ values[i]·vᵢvᵢᵀ.</summary>
    /// <returns>The eigenvalues, in no order, and the eigenvectors in the rows of [n, n], of length 1.</returns>
    /// <inheritdoc cref="Values" path="/param"/>
    /// <inheritdoc cref="Values" path="/exception"/>
    public static (double[] Values, double[] Vectors) Decompose(ReadOnlySpan<double> matrix, int n, int threads = -1, CancellationToken cancel = default)
    {
        double[] work = Checked(matrix, n), off = new double[n], factors = new double[n];
        double[] values = Reduce(work, n, off, factors, threads, cancel);
        double[] vectors = new double[(long)n * n];
        for (int i = 0; i < n; i++) vectors[((long)i * n) + i] = 1;
        Diagonalize(values, off, vectors, threads, cancel);
        Reflect(vectors, work, factors, n, threads, cancel);
        return (values, vectors);
    }

    private static double[] Checked(ReadOnlySpan<double> matrix, int n)
    {
        if (n < 1 || matrix.Length != (long)n * n) throw new ShapeException($"a matrix of {matrix.Length} values was given; {n}×{n} were expected");
        foreach (double value in matrix)
        {
            if (!double.IsFinite(value)) throw new NotFiniteException($"a matrix of {n}×{n} holds {value}; eigenvalues are of finite values");
        }
        return matrix.ToArray();
    }

    /// <summary>Makes a matrix tridiagonal. Row k of <paramref name="a"/> then holds, behind its diagonal, the reflector 1 − factor·vvᵀ of column k.</summary>
    /// <returns>The diagonal.</returns>
    private static double[] Reduce(double[] a, int n, double[] off, double[] factors, int threads, CancellationToken cancel)
    {
        double[] diagonal = new double[n], v = new double[n], w = new double[n], p = new double[n];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel };
        // A column whose rest is no more than rounding errors of the matrix is done: one of few samples is tridiagonal after as many steps.
        double small = 0;
        foreach (double value in a) small = Math.Max(small, Unit * Math.Abs(value));
        bool isPending = false;
        for (int k = 0; k < n; k++)
        {
            cancel.ThrowIfCancellationRequested();
            // Row k is brought up to date first, since the next reflector is made of it.
            var row = a.AsSpan(k * n, n);
            if (isPending) Update(row, v, w, v[k], w[k], k);
            diagonal[k] = row[k];
            if (k >= n - 1) break;
            double[] next = new double[n];
            off[k] = Reflector(row[(k + 1)..], next.AsSpan(k + 1), small, out factors[k]);
            // Rows below: what the last reflector changes, and their products with the next one, in one pass.
            bool updates = isPending;
            if (updates || factors[k] != 0) Rows(k + 1, n, options, i =>
            {
                var line = a.AsSpan(i * n, n);
                if (updates) Update(line, v, w, v[i], w[i], k + 1);
                p[i] = Dot(line[(k + 1)..], next.AsSpan(k + 1));
            });
            double factor = factors[k], half = factor / 2 * factor * Dot(p.AsSpan(k + 1), next.AsSpan(k + 1));
            for (int i = k + 1; i < n; i++) w[i] = (factor * p[i]) - (half * next[i]);
            next.CopyTo(v, 0);
            next.AsSpan(k + 1).CopyTo(row[(k + 1)..]);
            isPending = factor != 0;
        }
        return diagonal;
    }

    /// <summary>v of the reflector that turns x into (result, 0, 0, …), its first value 1.</summary>
    private static double Reflector(ReadOnlySpan<double> x, Span<double> v, double small, out double factor)
    {
        double largest = 0;
        foreach (double value in x[1..]) largest = Math.Max(largest, Math.Abs(value));
        v[0] = 1;
        factor = 0;
        if (largest <= small) return x[0];
        largest = Math.Max(largest, Math.Abs(x[0]));
        double squares = 0;
        foreach (double value in x) squares += value / largest * (value / largest);
        double norm = largest * Math.Sqrt(squares), result = x[0] > 0 ? -norm : norm;
        factor = (result - x[0]) / result;
        for (int i = 1; i < x.Length; i++) v[i] = x[i] / (x[0] - result);
        return result;
    }

    /// <summary>row −= vᵢ·w + wᵢ·v, from a column on.</summary>
    private static void Update(Span<double> row, double[] v, double[] w, double vi, double wi, int first)
    {
        var to = row[first..];
        ReadOnlySpan<double> left = w.AsSpan(first, to.Length), right = v.AsSpan(first, to.Length);
        int i = 0;
        for (Vector<double> a = new(vi), b = new(wi); i + Vector<double>.Count <= to.Length; i += Vector<double>.Count)
        {
            (new Vector<double>(to[i..]) - (a * new Vector<double>(left[i..])) - (b * new Vector<double>(right[i..]))).CopyTo(to[i..]);
        }
        for (; i < to.Length; i++) to[i] = to[i] - (vi * left[i]) - (wi * right[i]);
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        Vector<double> sum = default, other = default;
        int i = 0, width = Vector<double>.Count;
        for (; i + (2 * width) <= a.Length; i += 2 * width)
        {
            sum = Vector.MultiplyAddEstimate(new Vector<double>(a[i..]), new Vector<double>(b[i..]), sum);
            other = Vector.MultiplyAddEstimate(new Vector<double>(a[(i + width)..]), new Vector<double>(b[(i + width)..]), other);
        }
        double total = Vector.Sum(sum + other);
        for (; i < a.Length; i++) total += a[i] * b[i];
        return total;
    }

    /// <summary>The QL method: the eigenvalues in the place of the diagonal, its rotations applied to the rows of <paramref name="vectors"/>.</summary>
    private static void Diagonalize(double[] d, double[] e, double[]? vectors, int threads, CancellationToken cancel)
    {
        int n = d.Length;
        var rotations = new List<Rotation>();
        // What is small beside the largest row is 0: that is as exact as the reduction was, and in a singular matrix a block of rounding errors would never be small beside itself.
        double scale = 0;
        for (int i = 0; i < n; i++) scale = Math.Max(scale, Math.Abs(d[i]) + Math.Abs(e[i]));
        for (int l = 0; l < n; l++)
        {
            for (int turn = 0; ; turn++)
            {
                int m = l;
                while (m < n - 1 && Math.Abs(e[m]) > Unit * scale) m++;
                if (m == l) break;
                if (turn == MostTurns) throw new NotFiniteException($"eigenvalue {l} of {n} did not converge in {MostTurns} turns");
                Turn(d, e, l, m, vectors is null ? null : rotations);
                if (vectors is not null && rotations.Count >= RotationsAtOnce) Apply(rotations, vectors, n, threads);
            }
            if ((l & 0xF) == 0) cancel.ThrowIfCancellationRequested();
        }
        if (vectors is not null) Apply(rotations, vectors, n, threads);
    }

    /// <summary>A turn over rows l to m, from the bottom up.</summary>
    private static void Turn(double[] d, double[] e, int l, int m, List<Rotation>? rotations)
    {
        double g = (d[l + 1] - d[l]) / (2 * e[l]), r = double.Hypot(g, 1);
        g = d[m] - d[l] + (e[l] / (g + Math.CopySign(r, g)));
        double sine = 1, cosine = 1, p = 0;
        for (int i = m - 1; i >= l; i--)
        {
            double f = sine * e[i], b = cosine * e[i];
            r = double.Hypot(f, g);
            e[i + 1] = r;
            if (r == 0)
            {
                // The matrix falls apart here: the rest of it has a turn of its own.
                d[i + 1] -= p;
                e[m] = 0;
                return;
            }
            (sine, cosine) = (f / r, g / r);
            g = d[i + 1] - p;
            r = ((d[i] - g) * sine) + (2 * cosine * b);
            p = sine * r;
            d[i + 1] = g + p;
            g = (cosine * r) - b;
            rotations?.Add(new Rotation(i, cosine, sine));
        }
        d[l] -= p;
        e[l] = g;
        e[m] = 0;
    }

    private readonly record struct Rotation(int Row, double Cosine, double Sine);

    /// <summary>Rows i and i + 1 of the vectors for each rotation, in order; a block of columns at a time stays in the cache.</summary>
    private static void Apply(List<Rotation> rotations, double[] vectors, int n, int threads)
    {
        Parallel.For(0, (n + ColumnBlock - 1) / ColumnBlock, new ParallelOptions { MaxDegreeOfParallelism = threads }, block =>
        {
            int first = block * ColumnBlock, count = Math.Min(ColumnBlock, n - first);
            foreach (var (row, cosine, sine) in CollectionsMarshal.AsSpan(rotations))
            {
                Span<double> upper = vectors.AsSpan((row * n) + first, count), lower = vectors.AsSpan(((row + 1) * n) + first, count);
                int i = 0;
                for (Vector<double> c = new(cosine), s = new(sine); i + Vector<double>.Count <= count; i += Vector<double>.Count)
                {
                    Vector<double> x = new(upper[i..]), y = new(lower[i..]);
                    ((c * x) - (s * y)).CopyTo(upper[i..]);
                    ((s * x) + (c * y)).CopyTo(lower[i..]);
                }
                for (; i < count; i++) (upper[i], lower[i]) = ((cosine * upper[i]) - (sine * lower[i]), (sine * upper[i]) + (cosine * lower[i]));
            }
        });
        rotations.Clear();
    }

    /// <summary>Takes the vectors of the tridiagonal matrix back through the reflectors, the last first.</summary>
    private static void Reflect(double[] vectors, double[] reflectors, double[] factors, int n, int threads, CancellationToken cancel)
        => Parallel.For(0, (n + RowBlock - 1) / RowBlock, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, block =>
        {
            int end = Math.Min(n, (block + 1) * RowBlock);
            for (int k = n - 2; k >= 0; k--)
            {
                if (factors[k] == 0) continue;
                var v = reflectors.AsSpan((k * n) + k + 1, n - k - 1);
                for (int row = block * RowBlock; row < end; row++)
                {
                    var vector = vectors.AsSpan((row * n) + k + 1, n - k - 1);
                    Subtract(vector, v, factors[k] * Dot(vector, v));
                }
            }
        });

    private static void Subtract(Span<double> from, ReadOnlySpan<double> v, double factor)
    {
        int i = 0;
        for (Vector<double> by = new(factor); i + Vector<double>.Count <= from.Length; i += Vector<double>.Count) (new Vector<double>(from[i..]) - (by * new Vector<double>(v[i..]))).CopyTo(from[i..]);
        for (; i < from.Length; i++) from[i] -= factor * v[i];
    }

    /// <summary>Work on rows, some at a time; where there is little of it, on the caller's thread.</summary>
    private static void Rows(int first, int end, ParallelOptions options, Action<int> work)
    {
        const int rowsAtOnce = 32;
        if (end - first <= 2 * rowsAtOnce)
        {
            for (int i = first; i < end; i++) work(i);
            return;
        }
        Parallel.For(0, (end - first + rowsAtOnce - 1) / rowsAtOnce, options, block =>
        {
            int last = Math.Min(end, first + ((block + 1) * rowsAtOnce));
            for (int i = first + (block * rowsAtOnce); i < last; i++) work(i);
        });
    }
}

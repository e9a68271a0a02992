using System.Numerics;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Measuring.Distributions;

/// <summary>How much of what is generated is real, and how much of what is real is generated.</summary>
/// <param name="Precision">The share of generated samples within the reference's manifold.</param>
/// <param name="Recall">The share of reference samples within the generated ones' manifold.</param>
public sealed record PrecisionRecallResult(double Precision, double Recall);

/// <summary>
/// Precision and recall by nearest neighbours (Kynkäänniemi et al. 2019). A point's radius is its squared distance to the k-th nearest other point of its own set; a sample lies in a set's manifold if its squared distance to some point is at most that point's radius:
/// <code>
/// r_j² = the (k + 1)-th smallest of ‖x_j − x_i‖² over all i, i = j included        s is within: ‖s − x_j‖² ≤ r_j² for some j
/// </code>
/// Distances are sums of squared differences in float64 of float32 features: exact for whole numbers, 0 for twins, and equal from both sides. Published evaluators compute them in float16 or from products, so their last digits are others.
/// </summary>
public static class PrecisionRecall
{
    /// <summary>k of the published numbers.</summary>
    public const int Neighbours = 3;

    private const int Block = 32, Rows = 4;

    /// <summary>Both shares.</summary>
    /// <param name="reference">[n, d].</param>
    /// <param name="generated">[m, d].</param>
    /// <param name="width">d.</param>
    /// <param name="k">Neighbours, at least 1 and below n and m.</param>
    /// <param name="threads">Threads, or −1 for one a core; the result does not depend on it.</param>
    /// <param name="report">Told what share of the work is done, from any thread.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="ShapeException">The features are no whole rows.</exception>
    /// <exception cref="DataException">A set has no k-th neighbour.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PrecisionRecallResult Of(float[] reference, float[] generated, int width, int k = Neighbours, int threads = -1, Action<double>? report = null, CancellationToken cancel = default)
    {
        double n = reference.Length / width, m = generated.Length / width, all = (n * n) + (m * m) + (2 * n * m), done = 0;
        Action<double>? Part(double work)
        {
            double before = done;
            done += work;
            return report is null ? null : share => report((before + (share * work)) / all);
        }
        double[] radii = Radii(reference, width, k, threads, Part(n * n), cancel), own = Radii(generated, width, k, threads, Part(m * m), cancel);
        bool[] isReal = Within(generated, reference, radii, width, threads, Part(n * m), cancel), isCovered = Within(reference, generated, own, width, threads, Part(n * m), cancel);
        return new(Share(isReal), Share(isCovered));
    }

    /// <summary>The squared distance of each point to its k-th other neighbour.</summary>
    /// <param name="points">[n, d].</param>
    /// <param name="width">d.</param>
    /// <param name="k">Neighbours, at least 1 and below n.</param>
    /// <param name="threads">Threads, or −1 for one a core.</param>
    /// <param name="report">Told what share of the work is done, from any thread.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <inheritdoc cref="Of" path="/exception"/>
    public static double[] Radii(float[] points, int width, int k, int threads = -1, Action<double>? report = null, CancellationToken cancel = default)
    {
        int n = Count(points, width);
        if (k < 1 || k >= n) throw new DataException($"neighbour {k} was asked for of {n} points; 1 to {n - 1} was expected");
        double[] radii = new double[n];
        Walk(points, points, width, threads, report, cancel, () => new double[Block * (k + 1)], (nearest, first, count) =>
        {
            for (int i = 0; i < count; i++) radii[first + i] = nearest[(i * (k + 1)) + k];
        }, nearest => Array.Fill(nearest, double.PositiveInfinity), (nearest, i, _, square) =>
        {
            var least = nearest.AsSpan(i * (k + 1), k + 1);
            if (square >= least[k]) return;
            int at = k;
            for (; at > 0 && least[at - 1] > square; at--) least[at] = least[at - 1];
            least[at] = square;
        });
        return radii;
    }

    /// <summary>Whether each sample lies in the manifold of points with given radii.</summary>
    /// <param name="samples">[m, d].</param>
    /// <param name="points">[n, d].</param>
    /// <param name="radii">[n], squared.</param>
    /// <param name="width">d.</param>
    /// <param name="threads">Threads, or −1 for one a core.</param>
    /// <param name="report">Told what share of the work is done, from any thread.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <inheritdoc cref="Of" path="/exception"/>
    public static bool[] Within(float[] samples, float[] points, double[] radii, int width, int threads = -1, Action<double>? report = null, CancellationToken cancel = default)
    {
        if (Count(points, width) != radii.Length) throw new ShapeException($"{radii.Length} radii were given for {Count(points, width)} points");
        bool[] within = new bool[Count(samples, width)];
        Walk(samples, points, width, threads, report, cancel, () => new double[Block], (found, first, count) =>
        {
            for (int i = 0; i < count; i++) within[first + i] = found[i] != 0;
        }, Array.Clear, (found, i, j, square) =>
        {
            if (square <= radii[j]) found[i] = 1;
        });
        return within;
    }

    private static double Share(bool[] members) => (double)members.Count(member => member) / members.Length;

    private static int Count(float[] points, int width)
        => width > 0 && points.Length > 0 && points.Length % width == 0 ? points.Length / width : throw new ShapeException($"{points.Length} features were given; rows of {width} were expected");

    /// <summary>Goes over all pairs of two sets, a block of the first on each thread.</summary>
    private static void Walk(
        float[] first, float[] second, int width, int threads, Action<double>? report, CancellationToken cancel,
        Func<double[]> state, Action<double[], int, int> end, Action<double[]> begin, Action<double[], int, int, double> meet)
    {
        int n = Count(first, width), m = Count(second, width), blocks = (n + Block - 1) / Block, done = 0;
        Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, () => (State: state(), A: new double[Block * width], B: new double[Rows * width]), (block, _, local) =>
        {
            int row = block * Block, count = Math.Min(Block, n - row);
            begin(local.State);
            for (int i = 0; i < count * width; i++) local.A[i] = first[((long)row * width) + i];
            Span<double> squares = stackalloc double[Rows];
            for (int j = 0; j < m; j += Rows)
            {
                int columns = Math.Min(Rows, m - j);
                for (int i = 0; i < columns * width; i++) local.B[i] = second[((long)j * width) + i];
                cancel.ThrowIfCancellationRequested();
                for (int i = 0; i < count; i++)
                {
                    Squares(local.A.AsSpan(i * width, width), local.B, width, squares);
                    for (int c = 0; c < columns; c++) meet(local.State, i, j + c, squares[c]);
                }
            }
            end(local.State, row, count);
            report?.Invoke((double)Interlocked.Increment(ref done) / blocks);
            return local;
        }, _ => { });
    }

    /// <summary>The squared distances of a point to four others.</summary>
    private static void Squares(ReadOnlySpan<double> a, ReadOnlySpan<double> others, int width, Span<double> squares)
    {
        ReadOnlySpan<double> p = others[..width], q = others.Slice(width, width), r = others.Slice(2 * width, width), s = others.Slice(3 * width, width);
        Vector<double> p2 = default, q2 = default, r2 = default, s2 = default;
        int i = 0;
        for (; i + Vector<double>.Count <= width; i += Vector<double>.Count)
        {
            Vector<double> at = new(a[i..]), dp = at - new Vector<double>(p[i..]), dq = at - new Vector<double>(q[i..]), dr = at - new Vector<double>(r[i..]), ds = at - new Vector<double>(s[i..]);
            (p2, q2, r2, s2) = (Vector.MultiplyAddEstimate(dp, dp, p2), Vector.MultiplyAddEstimate(dq, dq, q2), Vector.MultiplyAddEstimate(dr, dr, r2), Vector.MultiplyAddEstimate(ds, ds, s2));
        }
        (squares[0], squares[1], squares[2], squares[3]) = (Vector.Sum(p2), Vector.Sum(q2), Vector.Sum(r2), Vector.Sum(s2));
        for (; i < width; i++)
        {
            squares[0] += (a[i] - p[i]) * (a[i] - p[i]);
            squares[1] += (a[i] - q[i]) * (a[i] - q[i]);
            squares[2] += (a[i] - r[i]) * (a[i] - r[i]);
            squares[3] += (a[i] - s[i]) * (a[i] - s[i]);
        }
    }
}

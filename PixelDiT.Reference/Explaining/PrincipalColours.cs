using PixelDiT.Reference.Measuring.Distributions;

namespace PixelDiT.Reference.Explaining;

/// <summary>
/// Rows of many channels as colours: red, green and blue are the three directions in which the rows differ most (principal components), each scaled by its own spread. The directions are those of a few steps of the block power method,
/// of narrow rows exact.
/// </summary>
/// <param name="Colours">[rows, 3].</param>
/// <param name="Shares">What part of the rows' variance lies in each of the three directions; 0 where all rows are equal or a value is not finite.</param>
/// <param name="Scores">[rows, 3], the components.</param>
internal sealed record PrincipalColours(byte[] Colours, double[] Shares, float[] Scores)
{
    private const int Channels = 3, Exact = 64, Directions = 8, Turns = 12;

    // A colour is full at so many standard deviations.
    private const double Range = 2.5;

    /// <summary>Colours of rows.</summary>
    /// <param name="rows">[n, width].</param>
    /// <param name="width">Channels of a row.</param>
    /// <param name="before">Colours of the same rows one block before, whose signs are followed so that colours stay as they are from block to block; null for none.</param>
    public static PrincipalColours Of(ReadOnlySpan<float> rows, int width, PrincipalColours? before = null)
    {
        int count = rows.Length / width;
        float[] centred = Centred(rows, width, out double total);
        var scores = new float[count * Channels];
        var shares = new double[Channels];
        if (double.IsFinite(total) && total > 0)
        {
            int kept = Math.Min(Channels, width);
            var (values, vectors) = width <= Exact ? Leading(Covariance(centred, width), width) : Power(centred, width);
            for (int k = 0; k < kept; k++)
            {
                shares[k] = Math.Max(0, values[k]) / total;
                for (int i = 0; i < count; i++) scores[(i * Channels) + k] = (float)Dot(centred.AsSpan(i * width, width), vectors.AsSpan(k * width, width));
                if (IsTurned(scores, before?.Scores, k)) Negate(scores, k);
            }
        }
        return new(Paint(scores, count), shares, scores);
    }

    private static float[] Centred(ReadOnlySpan<float> rows, int width, out double total)
    {
        int count = rows.Length / width;
        double[] mean = new double[width];
        for (int i = 0; i < rows.Length; i++) mean[i % width] += rows[i];
        for (int c = 0; c < width; c++) mean[c] /= count;
        float[] centred = new float[rows.Length];
        total = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            centred[i] = (float)(rows[i] - mean[i % width]);
            total += (double)centred[i] * centred[i];
        }
        return centred;
    }

    private static double[] Covariance(float[] rows, int width)
    {
        double[] sums = new double[width * width];
        for (int first = 0; first < rows.Length; first += width)
        {
            var row = rows.AsSpan(first, width);
            for (int a = 0; a < width; a++)
            {
                double value = row[a];
                for (int b = 0; b <= a; b++) sums[(a * width) + b] += value * row[b];
            }
        }
        for (int a = 0; a < width; a++)
        {
            for (int b = 0; b < a; b++) sums[(b * width) + a] = sums[(a * width) + b];
        }
        return sums;
    }

    /// <summary>Eigenvalues and eigenvectors, the largest first.</summary>
    private static (double[] Values, double[] Vectors) Leading(double[] matrix, int n)
    {
        var (values, vectors) = SymmetricEigen.Decompose(matrix, n, threads: 1);
        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => values[i])];
        return ([.. order.Select(i => values[i])], [.. order.SelectMany(i => vectors[(i * n)..((i + 1) * n)])]);
    }

    /// <summary>V ← orthonormal(Xᵀ·X·V), a few times; then the eigenvectors within V.</summary>
    private static (double[] Values, double[] Vectors) Power(float[] rows, int width)
    {
        int count = rows.Length / width;
        double[] v = new double[Directions * width], next = new double[Directions * width], z = new double[Directions];
        // Any start that is orthogonal to no direction will do; it is the same each time.
        var random = new Random(1);
        for (int i = 0; i < v.Length; i++) v[i] = random.NextDouble() - 0.5;
        Orthonormalise(v, width);
        for (int turn = 0; turn < Turns; turn++)
        {
            Array.Clear(next);
            for (int i = 0; i < count; i++)
            {
                var row = rows.AsSpan(i * width, width);
                for (int k = 0; k < Directions; k++) z[k] = Dot(row, v.AsSpan(k * width, width));
                for (int k = 0; k < Directions; k++)
                {
                    var to = next.AsSpan(k * width, width);
                    double by = z[k];
                    for (int c = 0; c < to.Length; c++) to[c] += by * row[c];
                }
            }
            (v, next) = (next, v);
            Orthonormalise(v, width);
        }
        float[] within = new float[count * Directions];
        for (int i = 0; i < count; i++)
        {
            for (int k = 0; k < Directions; k++) within[(i * Directions) + k] = (float)Dot(rows.AsSpan(i * width, width), v.AsSpan(k * width, width));
        }
        var (values, turns) = Leading(Covariance(within, Directions), Directions);
        double[] vectors = new double[Channels * width];
        for (int k = 0; k < Channels; k++)
        {
            for (int j = 0; j < Directions; j++)
            {
                for (int c = 0; c < width; c++) vectors[(k * width) + c] += turns[(k * Directions) + j] * v[(j * width) + c];
            }
        }
        return (values, vectors);
    }

    private static void Orthonormalise(double[] v, int width)
    {
        for (int k = 0; k < Directions; k++)
        {
            var own = v.AsSpan(k * width, width);
            for (int j = 0; j < k; j++)
            {
                var other = v.AsSpan(j * width, width);
                double along = 0;
                for (int c = 0; c < width; c++) along += own[c] * other[c];
                for (int c = 0; c < width; c++) own[c] -= along * other[c];
            }
            double squares = 0;
            foreach (double value in own) squares += value * value;
            double by = squares > 0 ? 1 / Math.Sqrt(squares) : 0;
            for (int c = 0; c < width; c++) own[c] *= by;
        }
    }

    private static double Dot(ReadOnlySpan<float> row, ReadOnlySpan<double> direction)
    {
        double sum = 0;
        for (int c = 0; c < row.Length; c++) sum += row[c] * direction[c];
        return sum;
    }

    /// <summary>Whether a component runs against that of the block before, or at the first block is longer on its negative side.</summary>
    private static bool IsTurned(float[] scores, float[]? before, int k)
    {
        double sum = 0;
        for (int i = k; i < scores.Length; i += Channels) sum += before is null ? (double)scores[i] * scores[i] * scores[i] : (double)scores[i] * before[i];
        return sum < 0;
    }

    private static void Negate(float[] scores, int k)
    {
        for (int i = k; i < scores.Length; i += Channels) scores[i] = -scores[i];
    }

    private static byte[] Paint(float[] scores, int count)
    {
        byte[] colours = new byte[scores.Length];
        for (int k = 0; k < Channels; k++)
        {
            double squares = 0;
            for (int i = k; i < scores.Length; i += Channels) squares += (double)scores[i] * scores[i];
            double by = squares > 0 ? 1 / (Range * Math.Sqrt(squares / count)) : 0;
            for (int i = k; i < scores.Length; i += Channels) colours[i] = (byte)Math.Clamp(127.5 + (127.5 * by * scores[i]), 0, 255);
        }
        return colours;
    }
}

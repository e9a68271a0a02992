namespace PixelDiT.Reference.Data;

/// <summary>
/// Makes the covariance S of features the identity: z = L⁻¹ f with S = L Lᵀ (Cholesky), so that |z − z'|² = (f − f')ᵀ S⁻¹ (f − f').
/// </summary>
internal sealed class Whitening
{
    private readonly double[][] _lower;

    private Whitening(double[][] lower) => this._lower = lower;

    /// <summary>Learns S from rows and the mean that belongs to each, as (1 − λ) S + λ diag S with a little added to the diagonal.</summary>
    /// <param name="rows">Features [n] and the mean [n] of their class.</param>
    /// <param name="n">The number of features.</param>
    /// <param name="shrinkage">λ, 0 … 1.</param>
    public static Whitening Of(IEnumerable<(double[] Row, double[] Mean)> rows, int n, double shrinkage)
    {
        double[][] s = [.. Enumerable.Range(1, n).Select(length => new double[length])];
        var from = new double[n];
        long count = 0;
        foreach (var (row, mean) in rows)
        {
            count++;
            for (int i = 0; i < n; i++) from[i] = row[i] - mean[i];
            for (int i = 0; i < n; i++)
            {
                Span<double> line = s[i], head = from.AsSpan(0, line.Length);
                double value = from[i];
                for (int j = 0; j < line.Length; j++) line[j] += value * head[j];
            }
        }

        double trace = 0;
        for (int i = 0; i < n; i++) trace += s[i][i] / count;
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++) s[i][j] *= (i == j ? 1 : 1 - shrinkage) / count;
            // A feature that never varies must not make a difference of rounding errors count.
            s[i][i] += 1e-4 * trace / n + 1e-12;
        }

        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = s[i][j];
                for (int k = 0; k < j; k++) sum -= s[i][k] * s[j][k];
                s[i][j] = i == j ? Math.Sqrt(sum) : sum / s[j][j];
            }
        }
        return new Whitening(s);
    }

    /// <summary>f becomes L⁻¹ f, in place; returned for convenience.</summary>
    public double[] Apply(double[] f)
    {
        for (int i = 0; i < f.Length; i++)
        {
            double[] line = _lower[i];
            double sum = f[i];
            for (int j = 0; j < i; j++) sum -= line[j] * f[j];
            f[i] = sum / line[i];
        }
        return f;
    }
}

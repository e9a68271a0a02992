using PixelDiT.Kernels;

namespace PixelDiT.Reference.Measuring.Distributions;

/// <summary>
/// The Fréchet distance between two normal distributions (Dowson and Landau 1982), in float64:
/// <code>
/// d² = ‖μ₁ − μ₂‖² + Tr Σ₁ + Tr Σ₂ − 2·Tr (Σ₁Σ₂)^½        Tr (Σ₁Σ₂)^½ = Σ √λ, λ the eigenvalues of Σ₁^½·Σ₂·Σ₁^½
/// </code>
/// That matrix is symmetric, so no complex numbers arise; eigenvalues that rounding made negative count as 0. With Σ₁ = Vᵀ·Λ·V it has the eigenvalues of Λ^½·V·Σ₂·Vᵀ·Λ^½, which is what is computed. Equal distributions give a number near 0 that may be negative.
/// </summary>
public static class FrechetDistance
{
    /// <summary>d², which is what is published as FID.</summary>
    /// <param name="a">One distribution.</param>
    /// <param name="b">The other.</param>
    /// <param name="threads">Threads, or −1 for one a core; the bits do not depend on it.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="ShapeException">They are of different widths.</exception>
    /// <exception cref="NotFiniteException">A value is infinite or no number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static double Between(GaussianStatistics a, GaussianStatistics b, int threads = -1, CancellationToken cancel = default)
    {
        int n = a.Width;
        if (b.Width != n) throw new ShapeException($"features of {n} and {b.Width} numbers have no distance; equal widths were expected");
        a.Validate("the first distribution");
        b.Validate("the second distribution");
        double between = 0;
        for (int i = 0; i < n; i++) between += (a.Mean[i] - b.Mean[i]) * (a.Mean[i] - b.Mean[i]);

        var (values, vectors) = SymmetricEigen.Decompose(a.Covariance, n, threads, cancel);
        for (int i = 0; i < n; i++)
        {
            double root = Math.Sqrt(Math.Max(0, values[i]));
            foreach (ref double value in vectors.AsSpan(i * n, n)) value *= root;
        }
        cancel.ThrowIfCancellationRequested();
        // The rows of `vectors` are Λ^½·V; both products take their first factor turned.
        double[] turned = DenseProduct.Transpose(vectors, n, n), half = new double[vectors.LongLength], whole = new double[vectors.LongLength];
        DenseProduct.Accumulate(turned, b.Covariance, half, n, n, n, threads: threads);
        DenseProduct.Accumulate(DenseProduct.Transpose(half, n, n), turned, whole, n, n, n, upper: true, threads);
        DenseProduct.Mirror(whole, n);
        double roots = 0;
        foreach (double value in SymmetricEigen.Values(whole, n, threads, cancel)) roots += Math.Sqrt(Math.Max(0, value));
        return between + a.Trace + b.Trace - (2 * roots);
    }
}

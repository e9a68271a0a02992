using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Measuring.Distributions;

namespace PixelDiT.Tests.Measuring.Distributions;

/// <summary>Eigenvalues and eigenvectors of drawn matrices, and of those whose values are known.</summary>
internal sealed class SymmetricEigenTests
{
    /// <summary>Householder and QL are backward stable: errors of some n·2⁻⁵³ of the largest eigenvalue, n up to 150.</summary>
    private const double Tolerance = 1e-13;

    private static readonly Gen<(int N, int Seed, int Kind)> s_drawn = Gen.Select(Gen.Int[1, 40], Gen.Int[0, 1 << 20], Gen.Int[0, 4]);

    [Test]
    public void Vectors_are_orthonormal_and_give_the_matrix_back() => s_drawn.Sample(drawn => Check(Draw(drawn.N, drawn.Seed, drawn.Kind), drawn.N), iter: 150);

    // Wider than a block of rows or columns, so that every loop has a second turn and a remainder.
    [Test]
    public void So_do_those_of_a_matrix_of_several_blocks() => Check(Draw(150, 7, 0), 150);

    /// <summary>The covariance of a dozen samples of many features: all but eleven eigenvalues are rounding errors.</summary>
    [TestCase(12, 300), TestCase(2, 200), TestCase(40, 130)]
    public void So_do_those_of_few_samples(int samples, int n)
    {
        var random = new Random(samples);
        var statistics = new FeatureStatistics(n);
        statistics.Add([.. Enumerable.Range(0, samples * n).Select(_ => random.NextSingle())]);
        double[] covariance = statistics.Result().Covariance;
        Check(covariance, n);
        // As a Fréchet distance has it: rows of rounding errors before those that count.
        Array.Reverse(covariance);
        for (int i = 0; i < n * n; i++) covariance[i] *= Math.Pow(10, -30.0 * ((n - 1 - (i / n)) + (n - 1 - (i % n))) / n);
        Check(covariance, n);
        Assert.That(SymmetricEigen.Values(statistics.Result().Covariance, n).Count(value => Math.Abs(value) > 1e-12), Is.EqualTo(samples - 1));
    }

    [Test]
    public void The_second_difference_has_the_values_of_a_string()
    {
        const int n = 90;
        double[] matrix = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            matrix[(i * n) + i] = 2;
            if (i > 0) matrix[(i * n) + i - 1] = matrix[((i - 1) * n) + i] = -1;
        }
        double[] expected = [.. Enumerable.Range(1, n).Select(k => 2 - (2 * Math.Cos(k * Math.PI / (n + 1))))];
        Assert.That(SymmetricEigen.Values(matrix, n), Is.EqualTo(expected).Within(4 * Tolerance));
    }

    [Test]
    public void Bits_do_not_depend_on_threads()
    {
        double[] matrix = Draw(150, 3, 0);
        var (one, oneVectors) = SymmetricEigen.Decompose(matrix, 150, threads: 1);
        var (many, manyVectors) = SymmetricEigen.Decompose(matrix, 150);
        Assert.That(many, Is.EqualTo(one));
        Assert.That(manyVectors, Is.EqualTo(oneVectors));
    }

    [Test]
    public void A_value_that_is_no_number_is_refused()
        => Assert.That(() => SymmetricEigen.Values([1, 0, 0, double.NaN], 2), Throws.TypeOf<NotFiniteException>().With.Message.Contains("NaN"));

    [Test]
    public void A_matrix_of_another_size_is_refused() => Assert.That(() => SymmetricEigen.Values([1, 0, 0], 2), Throws.TypeOf<ShapeException>().With.Message.Contains("2×2"));

    /// <summary>Full rank, rank one, zero, diagonal with repeated values, or of eigenvalues over sixteen orders.</summary>
    private static double[] Draw(int n, int seed, int kind)
    {
        var random = new Random(seed);
        double[] matrix = new double[n * n], vector = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble() - 0.5)];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double value = kind switch
                {
                    0 => random.NextDouble() - 0.5,
                    1 => vector[i] * vector[j],
                    2 => 0,
                    3 => i == j ? i % 3 : 0,
                    _ => (random.NextDouble() - 0.5) * Math.Pow(10, -8.0 * (i + j) / n)
                };
                matrix[(i * n) + j] = matrix[(j * n) + i] = value;
            }
        }
        return matrix;
    }

    private static void Check(double[] matrix, int n)
    {
        var (values, vectors) = SymmetricEigen.Decompose(matrix, n);
        double largest = values.Max(Math.Abs);
        double[] sorted = [.. values.Order()], alone = SymmetricEigen.Values(matrix, n);
        Assert.That(alone.Zip(sorted, (a, b) => Math.Abs(a - b)).Max(), Is.LessThanOrEqualTo(Tolerance * largest), "with and without vectors");
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double product = 0, back = 0;
                for (int k = 0; k < n; k++)
                {
                    product += vectors[(i * n) + k] * vectors[(j * n) + k];
                    back += values[k] * vectors[(k * n) + i] * vectors[(k * n) + j];
                }
                if (Math.Abs(product - (i == j ? 1 : 0)) > Tolerance) Assert.Fail($"vectors {i} and {j} have the product {product}");
                if (Math.Abs(back - matrix[(i * n) + j]) > Tolerance * largest) Assert.Fail($"element {i}, {j} is {matrix[(i * n) + j]} and comes back as {back}");
            }
        }
        Assert.That(values, Has.Length.EqualTo(n));
    }
}

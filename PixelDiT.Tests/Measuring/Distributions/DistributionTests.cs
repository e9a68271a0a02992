using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Measuring.Distributions;
using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Tests.Measuring.Distributions;

/// <summary>What compares sets of features: the golden file of all its cases, and properties that any implementation has.</summary>
internal sealed class DistributionTests
{
    [Test]
    public void Every_golden_case_passes()
    {
        var files = ConformanceFiles.In(Path.Combine(AppContext.BaseDirectory, "Golden")).Where(name => name == "fid/metrics");
        using var golden = files.Open("fid/metrics");
        var result = MetricCases.Run("fid/metrics", golden);
        Assert.That(result.Status, Is.EqualTo(CaseStatus.Pass), $"{result.Worst} is off by {result.Error:E2}");
        Assert.That(result.Compared, Is.EqualTo(9 + (3 * 5) + 3 + 4));
    }

    /// <summary>The statistics of the golden features are those that NumPy computed: sums of 200 float64 terms.</summary>
    [TestCase("ref", 1, 0, 200), TestCase("gen", 2, 0, 150)]
    public void Mean_and_covariance_are_those_of_the_golden_features(string set, int side, int first, int count)
    {
        using var golden = ConformanceFiles.In(Path.Combine(AppContext.BaseDirectory, "Golden")).Open("fid/metrics");
        var statistics = new FeatureStatistics(64);
        // In pieces that divide nothing.
        foreach (float[] part in golden.ReadSingles($"features.{set}").Chunk(64).Skip(first).Take(count).Chunk(37).Select(rows => rows.SelectMany(row => row).ToArray())) statistics.Add(part);
        var result = statistics.Result();
        double[] mean = golden.ReadDoubles($"frechet.features.mu{side}"), covariance = golden.ReadDoubles($"frechet.features.sigma{side}");
        Assert.That(result.Mean, Is.EqualTo(mean).Within(1e-13 * mean.Max(Math.Abs)));
        Assert.That(result.Covariance, Is.EqualTo(covariance).Within(1e-13 * covariance.Max(Math.Abs)));
    }

    [Test]
    public void A_large_mean_costs_the_covariance_no_digits()
    {
        const int width = 3;
        var random = new Random(5);
        float[] near = [.. Enumerable.Range(0, 600 * width).Select(_ => random.Next(-8, 9) / 8f)], far = [.. near.Select(value => value + 65_536)];
        FeatureStatistics a = new(width), b = new(width);
        a.Add(near);
        b.Add(far);
        // Shifted by a power of two all differences are exact.
        Assert.That(b.Result().Covariance, Is.EqualTo(a.Result().Covariance).Within(1e-14));
    }

    [Test]
    public void A_product_equals_plain_sums() => Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[1, 300], Gen.Int[0, 1000]).Sample((m, n, depth, seed) =>
    {
        var random = new Random(seed);
        double[] a = [.. Enumerable.Range(0, depth * m).Select(_ => (double)random.Next(-9, 10))], b = [.. Enumerable.Range(0, depth * n).Select(_ => (double)random.Next(-9, 10))], c = new double[m * n];
        DenseProduct.Accumulate(a, b, c, depth, m, n);
        // Whole numbers: sums are exact.
        return Enumerable.Range(0, m * n).All(i => c[i] == Enumerable.Range(0, depth).Sum(k => a[(k * m) + (i / n)] * b[(k * n) + (i % n)]));
    }, iter: 30);

    [Test]
    public void A_distance_is_the_same_from_both_sides_and_that_of_scaled_features_is_scaled()
    {
        using var golden = ConformanceFiles.In(Path.Combine(AppContext.BaseDirectory, "Golden")).Open("fid/metrics");
        GaussianStatistics a = Of(golden.ReadSingles("features.ref")), b = Of(golden.ReadSingles("features.gen")), twice = Of([.. golden.ReadSingles("features.ref").Select(value => 2 * value)]), other = Of([.. golden.ReadSingles("features.gen").Select(value => 2 * value)]);
        double distance = FrechetDistance.Between(a, b), traces = a.Trace + b.Trace;
        Assert.That(FrechetDistance.Between(b, a), Is.EqualTo(distance).Within(1e-11 * traces));
        Assert.That(FrechetDistance.Between(twice, other), Is.EqualTo(4 * distance).Within(4e-11 * traces));

        static GaussianStatistics Of(float[] features)
        {
            var statistics = new FeatureStatistics(64);
            statistics.Add(features);
            return statistics.Result();
        }
    }

    [Test]
    public void Statistics_of_other_widths_are_refused() => Assert.That(() => FrechetDistance.Between(new([0], [1]), new([0, 0], [1, 0, 0, 1])), Throws.TypeOf<ShapeException>().With.Message.Contains("1 and 2"));

    [Test]
    public void One_sample_has_no_covariance()
    {
        var statistics = new FeatureStatistics(2);
        statistics.Add([1, 2]);
        Assert.That(statistics.Result, Throws.TypeOf<DataException>().With.Message.Contains("of 1 samples"));
    }

    [Test]
    public void A_feature_that_is_no_number_is_named() => Assert.That(() => new FeatureStatistics(2).Add([1, 2, 3, float.NaN]), Throws.TypeOf<NotFiniteException>().With.Message.Contains("sample 1"));

    /// <summary>Whole numbers on a small grid: many ties, each exact, and counted as being within.</summary>
    [Test]
    public void Ties_and_twins_are_within() => Gen.Select(Gen.Int[5, 60], Gen.Int[5, 60], Gen.Int[1, 9], Gen.Int[1, 4], Gen.Int[0, 1000]).Sample((n, m, width, k, seed) =>
    {
        var random = new Random(seed);
        float[] a = [.. Enumerable.Range(0, n * width).Select(_ => (float)random.Next(3))], b = [.. Enumerable.Range(0, m * width).Select(_ => (float)random.Next(3))];
        double[] radii = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => Square(a, i, a, j, width)).Order().ElementAt(k))];
        bool[] within = [.. Enumerable.Range(0, m).Select(i => Enumerable.Range(0, n).Any(j => Square(b, i, a, j, width) <= radii[j]))];
        return PrecisionRecall.Radii(a, width, k).SequenceEqual(radii) && PrecisionRecall.Within(b, a, radii, width).SequenceEqual(within);
    }, iter: 60);

    [Test]
    public void A_set_is_precise_and_complete_against_itself()
    {
        float[] points = [.. Enumerable.Range(0, 40).Select(i => (float)(i * i % 17))];
        Assert.That(PrecisionRecall.Of(points, points, 2), Is.EqualTo(new PrecisionRecallResult(1, 1)));
    }

    [Test]
    public void Three_points_have_no_third_neighbour() => Assert.That(() => PrecisionRecall.Radii([1, 2, 3], 1, 3), Throws.TypeOf<DataException>().With.Message.Contains("1 to 2"));

    [Test]
    public void Scores_that_are_certain_of_as_many_classes_give_their_number()
    {
        float[] scores = new float[20 * 5];
        for (int i = 0; i < 20; i++) scores[(i * 5) + (i % 5)] = 1000;
        Assert.That(InceptionScore.OfParts(scores, 5), Is.EqualTo(5).Within(1e-12));
        Assert.That(() => InceptionScore.OfTen(scores.AsSpan(0, 45), 5), Throws.TypeOf<DataException>());
    }

    private static double Square(float[] a, int i, float[] b, int j, int width) => Enumerable.Range(0, width).Sum(c => (a[(i * width) + c] - (double)b[(j * width) + c]) * (a[(i * width) + c] - (double)b[(j * width) + c]));
}

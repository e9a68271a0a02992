using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Measuring.Distributions;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Fréchet distances with known values, precision and recall, inception scores: in float64 on the host, whatever the device.</summary>
internal static class MetricCases
{
    /// <summary>Over the traces. Independent implementations measured 1e-15 with matrices of full rank; of a singular one the root of a rounding error of 1e-16 is left, 1.2e-8.</summary>
    private const double FullRank = 1e-11, Singular = 1e-7;

    /// <summary>Float64 sums and exponentials; independent implementations measured 1e-16.</summary>
    private const double Score = 1e-12, Radius = 1e-12;

    // "equal" is no singular case, but its value is 0, and its distance that of a root to itself.
    private static readonly string[] s_singular = ["rank_one", "few_samples", "both_few", "equal"];

    /// <summary>All that a file holds.</summary>
    public static CaseResult Run(string name, SafetensorsReader golden)
    {
        var comparison = new Comparison(name, golden);
        foreach (string value in golden.Tensors.Select(tensor => tensor.Name).Where(tensor => tensor.StartsWith("frechet.", StringComparison.Ordinal) && tensor.EndsWith(".value", StringComparison.Ordinal)))
        {
            string at = value[..^".value".Length];
            GaussianStatistics a = new(golden.ReadDoubles($"{at}.mu1"), golden.ReadDoubles($"{at}.sigma1")), b = new(golden.ReadDoubles($"{at}.mu2"), golden.ReadDoubles($"{at}.sigma2"));
            double traces = a.Trace + b.Trace, off = Math.Abs(FrechetDistance.Between(a, b) - golden.First(value));
            comparison.Value(value, off / traces, s_singular.Contains(at["frechet.".Length..]) ? Singular : FullRank);
        }
        foreach (int k in (int[])[1, 3, 5])
        {
            if (golden.Contains($"prc.{k}.value")) Manifolds(golden, "prc", $"prc.{k}", k, comparison);
        }
        if (golden.Contains("prc_whole.3.value")) Manifolds(golden, "prc_whole", "prc_whole.3", PrecisionRecall.Neighbours, comparison);
        if (golden.Contains("score.logits")) Scores(golden, comparison);
        return comparison.Result();
    }

    private static void Manifolds(SafetensorsReader golden, string sets, string at, int k, Comparison comparison)
    {
        float[] reference = golden.ReadSingles($"{sets}.ref"), generated = golden.ReadSingles($"{sets}.gen");
        int width = golden.ShapeOf($"{sets}.ref", 2)[1];
        double[] radii = PrecisionRecall.Radii(reference, width, k), own = PrecisionRecall.Radii(generated, width, k);
        if (golden.Contains($"{at}.radii_ref")) Equal($"{at}.radii_ref", radii, Radius);
        if (golden.Contains($"{at}.radii_gen")) Equal($"{at}.radii_gen", own, Radius);
        string members = golden.Contains($"{at}.gen_in_ref") ? at : sets;
        Equal($"{members}.gen_in_ref", PrecisionRecall.Within(generated, reference, radii, width).Select(Number), 0);
        Equal($"{members}.ref_in_gen", PrecisionRecall.Within(reference, generated, own, width).Select(Number), 0);
        var result = PrecisionRecall.Of(reference, generated, width, k);
        Equal($"{at}.value", [result.Precision, result.Recall], 0);

        void Equal(string tensor, IEnumerable<double> actual, double tolerance) => comparison.Value(tensor, TensorError.Between(golden.ReadDoubles(tensor), actual), tolerance);
    }

    private static void Scores(SafetensorsReader golden, Comparison comparison)
    {
        float[] scores = golden.ReadSingles("score.logits");
        int classes = golden.ShapeOf("score.logits", 2)[1], part = golden.Whole("score.split_size");
        comparison.Value("score.parts", TensorError.Between(golden.ReadDoubles("score.parts"), [InceptionScore.OfParts(scores, classes, part)]), Score);
        var (mean, deviation) = InceptionScore.OfTen(scores, classes, permuted: false);
        comparison.Value("score.ten", TensorError.Between(golden.ReadDoubles("score.ten"), [mean, deviation]), Score);
        (mean, deviation) = InceptionScore.OfTen(scores, classes);
        comparison.Value("score.ten_permuted", TensorError.Between(golden.ReadDoubles("score.ten_permuted"), [mean, deviation]), Score);
        comparison.Value("score.permutation", TensorError.Between(golden.ReadDoubles("score.permutation"), InceptionScore.Permutation(scores.Length / classes).Select(place => (double)place)), 0);
    }

    private static double Number(bool member) => member ? 1 : 0;
}

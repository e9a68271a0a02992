using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>The oracle's CAME against the authors' six steps.</summary>
internal sealed class ExactCameTests
{
    /// <summary>The golden run is float32 arithmetic: 1.9e-7 of a parameter, 6e-7 of the state.</summary>
    private const double Tolerance = 1e-6;

    private readonly GoldenFile _golden = new("came");

    [TestCase("recipe"), TestCase("decay")]
    public void Six_steps_of_matrices_and_of_the_rest(string run)
    {
        var settings = JsonDocument.Parse(_golden.Metadata(run)).RootElement;
        double Number(string name, int index = -1) => index < 0 ? settings.GetProperty(name).GetDouble() : settings.GetProperty(name)[index].GetDouble();
        var (rate, decay, clip) = (Number("lr"), Number("weight_decay"), Number("clip_threshold"));
        foreach (string name in _golden.Names.Where(name => name.StartsWith("start.", StringComparison.Ordinal)).Select(name => name["start.".Length..]))
        {
            int[] shape = _golden.Shape($"start.{name}");
            bool isMatrix = shape.Length == 2 || shape is [_, _, 1, 1];
            double[] p = _golden.Doubles($"start.{name}"), m = new double[p.Length], v = new double[p.Length];
            var moments = isMatrix ? (new double[shape[0]], new double[shape[1]], new double[shape[0]], new double[shape[1]]) : ((double[])[], (double[])[], (double[])[], (double[])[]);
            for (int s = 0; s < 6; s++)
            {
                if (!_golden.Names.Contains($"grad.{s}.{name}")) continue;
                double[] g = _golden.Doubles($"grad.{s}.{name}");
                if (isMatrix) (p, m, moments) = Exact.CameMatrix(p, g, m, moments, rate, decay, (Number("betas", 0), Number("betas", 1), Number("betas", 2)), (Number("eps", 0), Number("eps", 1)), clip);
                else (p, m, v) = Exact.CamePlain(p, g, m, v, rate, decay, (Number("betas", 0), Number("betas", 1)), Number("eps", 0), clip);
                void Check(string kind, double[] actual) => Deviation.Check($"{run} {s} {kind}.{name}", actual, _golden.Doubles($"{run}.{s}.{kind}.{name}"), Tolerance);
                Check("param", p);
                Check("exp_avg", m);
                if (!isMatrix)
                {
                    Check("exp_avg_sq", v);
                    continue;
                }
                Check("exp_avg_sq_row", moments.Item1);
                Check("exp_avg_sq_col", moments.Item2);
                Check("exp_avg_res_row", moments.Item3);
                Check("exp_avg_res_col", moments.Item4);
            }
        }
    }
}

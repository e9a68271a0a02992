using System.Globalization;
using NUnit.Framework;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>Clipping, AdamW and EMA against the golden optimizer run (SPEC §4).</summary>
internal sealed class ExactTrainingTests
{
    /// <summary>The golden run is float32 arithmetic; six steps of it round to within 1e-6 of the largest value.</summary>
    private const double Tolerance = 1e-6;

    [Test]
    public void Six_steps_of_clipping_adamw_and_ema()
    {
        var golden = new GoldenFile("optimizer");
        double Setting(string key) => double.Parse(golden.Metadata(key), CultureInfo.InvariantCulture);
        string[] names = ["a", "b", "c"];
        var parameter = names.ToDictionary(name => name, name => golden.Doubles($"start.{name}"));
        var first = parameter.ToDictionary(pair => pair.Key, pair => new double[pair.Value.Length]);
        var second = parameter.ToDictionary(pair => pair.Key, pair => new double[pair.Value.Length]);
        var average = new Dictionary<string, double[]>(parameter);

        for (int s = 0; s < 6; s++)
        {
            var gradient = names.ToDictionary(name => name, name => golden.Doubles($"step.{s}.grad.{name}"));
            double norm = Exact.GradientNorm(gradient.Values), factor = Exact.ClipFactor(norm, Setting("clip_norm"));
            Deviation.Check($"step {s}, norm", [norm], golden.Doubles($"step.{s}.grad_norm"), Tolerance);
            foreach (string name in names)
            {
                double[] clipped = Array.ConvertAll(gradient[name], value => value * factor);
                (parameter[name], first[name], second[name]) = Exact.AdamW(
                    parameter[name], clipped, first[name], second[name], s + 1,
                    Setting("lr"), Setting("weight_decay"), Setting("beta1"), Setting("beta2"), Setting("eps"));
                average[name] = Exact.Ema(average[name], parameter[name], Setting("ema_decay"));
                Deviation.Check($"step {s}, {name}", parameter[name], golden.Doubles($"step.{s}.param.{name}"), Tolerance);
                Deviation.Check($"step {s}, average of {name}", average[name], golden.Doubles($"step.{s}.ema.{name}"), Tolerance);
            }
        }
    }

    [Test]
    public void Time_one_is_data_and_time_zero_is_noise()
    {
        double[] x = [1, 2, 3, 4], noise = [-1, 0, 5, 7];
        Assert.That(Exact.Interpolate(x, noise, [1, 0]), Is.EqualTo(new double[] { 1, 2, 5, 7 }));
        Assert.That(Exact.Velocity(x, noise), Is.EqualTo(new double[] { 2, 2, -2, -3 }));
        Assert.That(Exact.MeanSquaredError(x, noise), Is.EqualTo((4 + 4 + 4 + 9) / 4.0));
    }

    [Test]
    public void A_small_gradient_is_not_clipped()
    {
        Assert.That(Exact.ClipFactor(0.5, 1), Is.EqualTo(1));
        Assert.That(Exact.ClipFactor(2, 1), Is.EqualTo(1 / 2.000001));
    }
}

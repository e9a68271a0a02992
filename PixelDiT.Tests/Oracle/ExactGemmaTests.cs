using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Tests.Text.Encoders;

namespace PixelDiT.Tests.Oracle;

/// <summary>The text encoder in double precision: against the golden tensors, whose own float32 rounding is all that is left, and against the kernels.</summary>
internal sealed class ExactGemmaTests
{
    [TestCaseSource(typeof(GemmaGolden), nameof(GemmaGolden.Cases))]
    public void Agrees_with_the_golden_tensors(string name)
    {
        using var weights = GemmaGolden.Weights(name);
        using var golden = GemmaGolden.Forward(name);
        var exact = new ExactGemma(GemmaGolden.Config(name), tensor => weights.ReadDoubles("model." + tensor));
        Assert.Multiple(() =>
        {
            foreach (var run in GemmaGolden.Runs(name))
            {
                var worst = (Largest: 0.0, MeanSquare: 0.0);
                double[] states = exact.Encode(golden.WholeNumbers(run.Ids), run.Mask is null ? null : golden.WholeNumbers(run.Mask), (int)golden[run.Ids].Shape[0], run.Cap,
                    (stage, x) => worst = GemmaGolden.Worse(worst, GemmaGolden.Distance(golden, $"{run.Name}.hidden.{stage}", run, x)));
                worst = GemmaGolden.Worse(worst, GemmaGolden.Distance(golden, $"{run.Name}.out", run, states));
                TestContext.Out.WriteLine($"{run.Name}: {worst.Largest:e2} of the largest, {worst.MeanSquare:e2} in root mean square");
                Assert.That(worst.Largest, Is.LessThanOrEqualTo(run.Name == "bf16" ? 6e-2 : GemmaGolden.Tolerance), run.Name);
                Assert.That(worst.MeanSquare, Is.LessThanOrEqualTo(4e-2), run.Name);
            }
        });
    }

    /// <summary>A row as long as the text model's negative side: angles up to 300 lose digits in float32, so kernels and double precision part further than over a few tokens.</summary>
    [Test]
    public void Agrees_with_the_kernels_over_300_tokens()
    {
        const int tokens = 300;
        var config = GemmaGolden.Config("gemma") with { Window = 40 };
        using var device = Device.Open("cpu", 2);
        using var weights = GemmaGolden.Weights("gemma");
        using var encoder = new Reference.Text.Encoders.GemmaEncoder(device, config, GemmaGolden.Weights("gemma"), new() { SoftCap = 50 });
        var random = new Random(1);
        int[] ids = [.. Enumerable.Range(0, 2 * tokens).Select(i => i == 0 ? 2 : random.Next(64))];
        int[] mask = [.. Enumerable.Range(0, 2 * tokens).Select(i => i < tokens || i < tokens + 290 ? 1 : 0)];
        double[] expected = new ExactGemma(config, tensor => weights.ReadDoubles("model." + tensor)).Encode(ids, mask, 2, 50);
        using var states = encoder.Encode(ids, mask, 2);
        float[] actual = states.ToArray();
        double largest = expected.Max(Math.Abs), error = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max() / largest;
        TestContext.Out.WriteLine($"{error:e2}");
        Assert.That(error, Is.LessThanOrEqualTo(5e-5));
    }
}

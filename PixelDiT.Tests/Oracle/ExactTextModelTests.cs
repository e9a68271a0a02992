using NUnit.Framework;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>The text model in double precision against the golden tensors.</summary>
internal sealed class ExactTextModelTests
{
    /// <summary>Golden tensors are float32: arguments of cosines and sines up to 1000 have lost digits there. The largest deviation measured is 3e-5.</summary>
    private const double Tolerance = 5e-5;

    [TestCase("t2i")]
    [TestCase("t2i_options")]
    public void Every_stage_and_the_output_equal_the_golden_tensors(string name)
    {
        GoldenFile golden = new($"{name}/forward_backward"), weights = new($"{name}/weights");
        int[] shape = golden.Shape("in.x");
        var config = ModelConfig.FromJson(weights.Metadata("config"), name);
        var seen = new List<string>();

        double[] output = new ExactTextModel(config, parameter => weights.Doubles($"core.{parameter}")).Forward(
            golden.Doubles("in.x"), golden.Doubles("in.t"), golden.Doubles("in.y"), shape[2], shape[3], (stage, value) =>
            {
                seen.Add($"act.{stage}");
                Deviation.Check(stage, value, golden.Doubles($"act.{stage}"), Tolerance);
            });

        Deviation.Check("out", output, golden.Doubles("out"), Tolerance);
        double loss = golden.Doubles("loss")[0];
        Assert.That(Exact.MeanSquaredError(output, golden.Doubles("target.v")), Is.EqualTo(loss).Within(1e-5 * loss));
        Assert.That(seen, Is.EquivalentTo(golden.Names.Where(tensor => tensor.StartsWith("act.", StringComparison.Ordinal))));
    }

    [Test]
    public void The_rotations_of_text_equal_the_golden_table()
    {
        var golden = new GoldenFile("modules/tables");
        int[] shape = golden.Shape("rope_text.cos_sin");
        // An angle of up to the number of tokens is rounded to float32 there.
        Deviation.Check("rope_text", Exact.TextRopeTable(2 * shape[1], shape[0], 10000), golden.Doubles("rope_text.cos_sin"), 2e-6);
    }
}

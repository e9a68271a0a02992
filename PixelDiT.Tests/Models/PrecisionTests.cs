using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Benchmarking;
using PixelDiT.Reference.Models;
using PixelDiT.Tests.Operations;

namespace PixelDiT.Tests.Models;

/// <summary>What a precision rounds, and what it leaves alone.</summary>
internal sealed class PrecisionTests
{
    private static readonly string[] s_conditions = ["t_embedder", "y_embedder"];

    [Test]
    public void Brain_floats_store_tokens_and_pixels_and_no_condition()
    {
        var stages = Stages(Precision.BFloat16);
        foreach (var (stage, values) in stages)
        {
            bool stored = values.All(value => (BitConverter.SingleToUInt32Bits(value) & 0xFFFF) == 0);
            Assert.That(stored, Is.EqualTo(!s_conditions.Contains(stage)), stage);
        }
    }

    [TestCase(Precision.TensorFloat32, 1e-5, 1e-2)]
    [TestCase(Precision.BFloat16, 1e-4, 0.1)]
    public void A_precision_moves_the_output_by_its_own_rounding(Precision precision, double atLeast, double atMost)
    {
        float[] exact = Stages(Precision.Single)["final_layer"], rounded = Stages(precision)["final_layer"];
        double error = exact.Zip(rounded, (a, b) => Math.Abs(a - b)).Max() / exact.Max(Math.Abs);
        Assert.That(error, Is.InRange(atLeast, atMost));
    }

    [Test]
    public void Conditions_do_not_depend_on_the_precision()
    {
        var (single, brain) = (Stages(Precision.Single), Stages(Precision.BFloat16));
        foreach (string stage in s_conditions) Assert.That(Distance.SameBits(single[stage], brain[stage]), stage);
    }

    [Test]
    public void Every_precision_runs_forward_and_backward([Values] Precision precision, [Values("micro", "tiny")] string preset)
    {
        using var device = Device.Open("cpu", 1);
        var result = Benchmark.Run(Presets.Get(preset), device, 1, 16, train: true, step: false, repeat: 1, precision, warmUp: 0);
        Assert.That(result.ForwardBackward!.Launches, Is.GreaterThan(result.Forward.Launches));
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }

    [Test]
    public void Names_are_those_of_the_field()
    {
        Assert.That(PrecisionNames.All.Select(PrecisionNames.Parse), Is.EqualTo(Enum.GetValues<Precision>()));
        Assert.That(Enum.GetValues<Precision>().Select(precision => precision.Name), Is.EqualTo(PrecisionNames.All));
        Assert.That(() => PrecisionNames.Parse("fp16"), Throws.TypeOf<ConfigurationException>().With.Message.Contains("fp32, tf32, bf16"));
    }

    private static Dictionary<string, float[]> Stages(Precision precision)
    {
        using var device = Device.Open("cpu", 1);
        using var small = new SmallModel(device, SmallModel.Config()).Fill();
        small.Model.Precision = precision;
        var stages = new Dictionary<string, float[]>();
        small.Step(tape => tape.Observer = (stage, value) => stages.Add(stage, value.Value.ToArray()));
        Assert.That(stages.Values.SelectMany(values => values), Is.All.Matches<float>(float.IsFinite));
        return stages;
    }
}

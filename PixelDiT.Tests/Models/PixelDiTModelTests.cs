using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Oracle;
using PixelDiT.Tests.Operations;

namespace PixelDiT.Tests.Models;

/// <summary>The whole model: against the exact one, fused against unfused, and what it refuses.</summary>
internal sealed class PixelDiTModelTests
{
    /// <summary>The rounding of some thirty operations, one after the other.</summary>
    private const double Rounding = 1e-5;

    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = Device.Open("cpu", 2);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    [TestCase(3, 8, 8, false), TestCase(3, 4, 10, false), TestCase(1, 6, 2, false), TestCase(1, 2, 2, false), TestCase(3, 4, 6, true)]
    public void The_output_is_the_exact_models(int channels, int height, int width, bool post)
    {
        using var small = new SmallModel(_device, SmallModel.Config(1, 2, post, channels), 3, height, width).Fill();
        var exact = new ExactModel(small.Model.Config, name => Doubles(small.Model.Parameters[name].Value));
        double[] expected = exact.Forward(Doubles(small.X), Doubles(small.T), [0, 1, 2], height, width);
        Assert.That(Distance.Largest(small.Step().Output, expected), Is.LessThan(Rounding));
    }

    [TestCase(false), TestCase(true)]
    public void A_tape_that_does_not_record_computes_the_same_bits_in_less_memory(bool post)
    {
        using var small = new SmallModel(_device, SmallModel.Config(post: post)).Fill();
        float[] recorded = small.Step().Output;
        // What a weight is packed into for its second product stays.
        small.Step();
        long before = _device.Arena.BytesInUse;
        _device.Arena.ResetPeak();
        small.Step();
        long peak = _device.Arena.PeakBytes;
        _device.Arena.ResetPeak();
        using (var tape = new Tape(_device, recording: false))
        {
            Assert.That(small.Model.Forward(tape, tape.Input(small.X), small.T, small.Y).Value.ToArray(), Is.EqualTo(recorded));
        }
        Assert.That(_device.Arena.PeakBytes, Is.LessThan(peak));
        Assert.That(_device.Arena.BytesInUse, Is.EqualTo(before));
    }

    [TestCase(false), TestCase(true)]
    public void Traced_steps_are_reported_and_change_nothing_beyond_rounding(bool post)
    {
        using var small = new SmallModel(_device, SmallModel.Config(1, 1, post)).Fill();
        var fused = small.Step();
        var seen = new List<string>();
        var traced = small.Step(tape => (tape.Traces, tape.Observer) = (_ => true, (name, _) => seen.Add(name)));
        Assert.That(Distance.Largest(traced.Output, fused.Output), Is.LessThan(Rounding));
        Assert.That(Distance.Largest(traced.Gradients, fused.Gradients), Is.LessThan(Rounding));

        // Without modulation before attention and MLP there is nothing to report under its name.
        string[] patch = ["modulation", "norm1", "modulated1", "attn.qkv", "attn.q", "attn.k", "attn.out", "attn", "norm2", "modulated2", "mlp"];
        string[] pixel = ["modulation", "norm1", "modulated1", "compact", "attn.qkv", "attn.q", "attn.k", "attn.out", "attn", "norm2", "modulated2", "mlp"];
        Assert.That(seen, Is.EqualTo((string[])
        [
            "t_embedder", "y_embedder", "patch_condition", "s_embedder", .. patch.Select(step => $"patch_blocks.0.{step}"), "patch_blocks.0",
            "pixel_condition", "pixel_embedder", .. pixel.Where(step => !post || !step.StartsWith("modulated")).Select(step => $"pixel_blocks.0.{step}"), "pixel_blocks.0", "final_layer.norm", "final_layer"
        ]));
        Assert.That(seen.Order(StringComparer.Ordinal).Select(step => $"act.{step}").OrderBy(ExecutionOrder.Of), Is.EqualTo(seen.Select(step => $"act.{step}")), "names alone tell the order");
    }

    [Test]
    public void Only_the_steps_asked_for_are_reported()
    {
        using var small = new SmallModel(_device, SmallModel.Config(1, 1)).Fill();
        var seen = new List<string>();
        small.Step(tape => (tape.Traces, tape.Observer) = (name => name == "patch_blocks.0.modulated1", (name, _) => seen.Add(name)));
        Assert.That(seen, Is.EqualTo(new[] { "t_embedder", "y_embedder", "s_embedder", "patch_blocks.0.modulated1", "patch_blocks.0", "pixel_embedder", "pixel_blocks.0", "final_layer" }));
    }

    [Test]
    public void Steps_repeat_bit_for_bit_at_the_same_peak_of_memory()
    {
        using var small = new SmallModel(_device, SmallModel.Config()).Fill();
        var first = small.Step();
        _device.Arena.ResetPeak();
        small.Step();
        long peak = _device.Arena.PeakBytes, reserved = _device.Arena.BytesReserved;
        _device.Arena.ResetPeak();
        var again = small.Step();
        Assert.That(Distance.SameBits(again.Output, first.Output) && Distance.SameBits(again.Gradients, first.Gradients));
        Assert.That((_device.Arena.PeakBytes, _device.Arena.BytesReserved), Is.EqualTo((peak, reserved)));
    }

    [Test]
    public void A_model_gives_all_its_memory_back()
    {
        long before = _device.Arena.BytesInUse;
        using (var small = new SmallModel(_device, SmallModel.Config()).Fill()) small.Step();
        Assert.That(_device.Arena.BytesInUse, Is.EqualTo(before));
    }

    private static readonly TestCaseData[] s_wrong =
    [
        Wrong("channels", [2, 1, 8, 8], 2, 2, "[B, 3, H, W]"), Wrong("rank", [2, 3, 8], 2, 2, "[2, 3, 8]"), Wrong("height", [2, 3, 7, 8], 2, 2, "7×8"),
        Wrong("width", [2, 3, 8, 5], 2, 2, "8×5"), Wrong("times", [2, 3, 8, 8], 3, 2, "t [3]"), Wrong("labels", [2, 3, 8, 8], 2, 1, "y [1]")
    ];

    [TestCaseSource(nameof(s_wrong))]
    public void A_shape_that_does_not_fit_is_refused_before_anything_runs(Shape x, int times, int labels, string message)
    {
        using var small = new SmallModel(_device, SmallModel.Config());
        using var image = _device.Allocate(x);
        using var t = _device.Allocate([times]);
        using var y = _device.Upload(new int[labels], [labels]);
        using var tape = new Tape(_device, recording: true);
        long launches = _device.Launches;
        Assert.That(() => small.Model.Forward(tape, tape.Input(image), t, y), Throws.TypeOf<ShapeException>().With.Message.Contains(message));
        Assert.That(_device.Launches, Is.EqualTo(launches));
    }

    [Test]
    public void A_card_computes_what_the_cpu_computes()
    {
        Device card;
        try
        {
            card = Device.Open("cuda");
        }
        catch (DeviceException error)
        {
            Assert.Ignore($"needs a CUDA device: {error.Message}");
            return;
        }
        using (card)
        {
            using var here = new SmallModel(_device, SmallModel.Config()).Fill();
            using var there = new SmallModel(card, SmallModel.Config()).Fill();
            var (output, _, gradients) = here.Step();
            var (outputThere, _, gradientsThere) = there.Step();
            Assert.That(Distance.Largest(outputThere, output), Is.LessThan(Rounding));
            Assert.That(Distance.Largest(gradientsThere, gradients), Is.LessThan(Rounding));
        }
    }

    private static TestCaseData Wrong(string name, Shape x, int times, int labels, string message) => new TestCaseData(x, times, labels, message).SetArgDisplayNames(name);

    private static double[] Doubles(Tensor tensor) => Array.ConvertAll(tensor.ToArray(), value => (double)value);
}

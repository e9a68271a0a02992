using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Tests.Models.Weights;

namespace PixelDiT.Tests.Oracle;

/// <summary>What a trace of a text-to-image model takes and gives beyond that of a class model.</summary>
public sealed class TextTraceTests
{
    private static readonly ModelConfig s_config = Presets.Get("micro-text") with { TextWidth = 20, TextTokens = 12 };

    [Test]
    public void Finer_steps_of_a_block_are_those_of_both_streams()
    {
        using var device = Device.Open("cpu", 1);
        using var model = ModelCases.LoadText(device, ConformanceFiles.Shipped(), "t2i/weights", Kernels.Machine.Precision.Single);
        var tensors = Reference.Oracle.Trace.Run(model, TraceInputs.Draw(model.Config, 1, 8, 0), "patch_blocks.0.*", backward: false);
        string[] steps = [.. tensors.Select(tensor => tensor.Spec.Name).Where(name => name.StartsWith("act.")).Select(name => name["act.patch_blocks.0.".Length..])];
        string[] streams = [.. ((string[])["modulation_", "norm_{0}1", "modulated_{0}1", "attn.qkv_", "attn.q_", "attn.k_", "attn.out_", "attn_", "norm_{0}2", "modulated_{0}2", "mlp_", "{0}"])
            .SelectMany(step => ((string[])["x", "y"]).Select(kind => step.Contains("{0}") ? step.Replace("{0}", kind) : step + kind))];
        Assert.That(steps, Is.EquivalentTo(streams));
        Assert.That(tensors.Select(tensor => tensor.Spec.Name).Where(name => !ExecutionOrder.Knows(name)), Is.Empty);
    }

    [Test]
    public void Drawn_texts_are_what_an_images_generator_gives_behind_its_target()
    {
        var drawn = TraceInputs.Draw(s_config, batch: 2, images: 8, seed: 40, textTokens: 5);
        var random = new TorchRandom(41);
        random.Normal(192);
        random.Normal(192);
        Assert.That(drawn.Text![100..], Is.EqualTo(random.Normal(100)));
        Assert.That(drawn.TextShape, Is.EqualTo(new[] { 2, 5, 20 }));
        Assert.That(drawn.T, Is.EqualTo(TraceInputs.Draw(Presets.Get("micro"), 2, 8, 40).T.Select(t => 1000 * t)), "1000σ");
        Assert.That(TraceInputs.Draw(s_config, 1, 8, 0).TextShape, Is.EqualTo(new[] { 1, 12, 20 }));

        using var file = SetFiles.Open(drawn.Tensors());
        var read = TraceInputs.Read(file, s_config);
        Assert.That((read.X, read.T, read.Text, read.TextShape, read.Target, read.Labels.Length), Is.EqualTo((drawn.X, drawn.T, drawn.Text, drawn.TextShape, drawn.Target, 0)));
    }

    [TestCase("in.text")]
    [TestCase("in.y")]
    public void States_are_read_under_both_names(string name)
    {
        using var file = Inputs(name);
        Assert.That(TraceInputs.Read(file, s_config).Text, Is.EqualTo(Enumerable.Range(0, 60).Select(i => (float)i)));
    }

    [TestCase("in.y", 20, 1000.1f, "in.t holds 1000.1; times are 1000σ, from 0, data, to 1000, noise")]
    [TestCase("in.y", 20, -1f, "in.t holds -1")]
    [TestCase("in.y", 15, 0f, "in.y is [1, 4, 15]; an encoder's states [1, n, 20] were expected")]
    [TestCase("in.text", 15, 0f, "in.text is [1, 4, 15]")]
    [TestCase("in.z", 20, 0f, "in.y")]
    public void Inputs_that_do_not_fit_are_refused(string name, int width, float time, string message)
    {
        using var file = Inputs(name, width, time);
        Assert.That(() => TraceInputs.Read(file, s_config), Throws.InstanceOf<PixelDiTException>().With.Message.Contains(message));
    }

    [Test]
    public void A_state_that_is_not_finite_is_refused()
    {
        using var file = Inputs("in.y", first: float.NaN);
        Assert.That(() => TraceInputs.Read(file, s_config), Throws.TypeOf<FileFormatException>().With.Message.Contains("in.y holds 1 of 60 values that are not finite"));
    }

    [Test]
    public void Inputs_of_the_other_kind_of_model_are_refused()
    {
        using var device = Device.Open("cpu", 1);
        using var model = new TextToImageModel(s_config, device);
        var classes = TraceInputs.Draw(Presets.Get("micro"), 1, 8, 0);
        Assert.That(() => Reference.Oracle.Trace.Run(model, classes, null, backward: false), Throws.TypeOf<ConfigurationException>().With.Message.Contains("the inputs are those of a class-conditional model"));
        Assert.That(() => Reference.Oracle.Trace.RunExact(Presets.Get("micro"), _ => [], TraceInputs.Draw(s_config, 1, 8, 0), null), Throws.TypeOf<ConfigurationException>().With.Message.Contains("text-to-image"));
        using var states = SetFiles.Open(TraceInputs.Draw(s_config, 1, 8, 0).Tensors());
        Assert.That(() => TraceInputs.Read(states, Presets.Get("micro")), Throws.TypeOf<FileFormatException>().With.Message.Contains("in.y has 240 elements"));
        using var labels = SetFiles.Open(classes.Tensors());
        Assert.That(() => TraceInputs.Read(labels, s_config), Throws.TypeOf<FileFormatException>().With.Message.Contains("in.y is [1]"));
    }

    [TestCase("micro", 3, 1, "it takes no text")]
    [TestCase("micro-text", 0, 1, "text-tokens is 0")]
    [TestCase("micro-text", 65537, 1, "text-tokens is 65537")]
    [TestCase("micro-text", 65536, 600, "batch is 600; at this resolution and with these texts")]
    public void Texts_out_of_range_are_not_drawn(string preset, int tokens, int batch, string message)
        => Assert.That(() => TraceInputs.Draw(Presets.Get(preset), batch, 8, 0, tokens), Throws.TypeOf<ConfigurationException>().With.Message.Contains(message));

    private static SafetensorsReader Inputs(string name, int width = 20, float time = 500, float first = 0)
    {
        float[] states = [.. Enumerable.Range(0, 60).Select(i => (float)i)];
        states[0] = first;
        return SetFiles.Open([new TensorData("in.x", [1, 3, 8, 8], new float[192]), new TensorData("in.t", [1], [time]), new TensorData(name, [1, 60 / width, width], states)]);
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;

namespace PixelDiT.Tests.Models;

/// <summary>The text model's contract, and what text does in it. That it equals the authors' code is tested by the conformance cases.</summary>
internal sealed class TextToImageModelTests
{
    private static readonly ModelConfig s_sizes = Presets.Get("micro-text") with { PatchDepth = 1 };

    private static float[] Draw(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];
    }

    private static float[] Output(Device device, TextToImageModel model, int batch, float[] text, int words)
    {
        int values = 3 * 8 * 8;
        using var x = device.Upload([.. Enumerable.Range(0, batch).SelectMany(_ => Draw(1, values))], [batch, 3, 8, 8]);
        using var t = device.Upload([.. Enumerable.Repeat(700f, batch)], [batch]);
        using var states = device.Upload(text, [batch, words, s_sizes.TextWidth]);
        using var tape = new Tape(device, recording: false);
        return model.Forward(tape, tape.Input(x), t, tape.Input(states)).Value.ToArray();
    }

    private static TextToImageModel Build(Device device)
    {
        var model = new TextToImageModel(s_sizes, device);
        Initialization.Draw(model, 3, nonzero: true);
        return model;
    }

    [Test]
    public void An_image_of_a_batch_is_what_it_is_alone_and_each_follows_its_text()
    {
        using var device = Device.Open("cpu", 2);
        using var model = Build(device);
        float[] first = Draw(2, 5 * s_sizes.TextWidth), second = Draw(3, 5 * s_sizes.TextWidth);
        float[] both = Output(device, model, 2, [.. first, .. second], 5), alone = Output(device, model, 1, first, 5), other = Output(device, model, 1, second, 5);
        Assert.That(both[..alone.Length], Is.EqualTo(alone));
        Assert.That(both[alone.Length..], Is.EqualTo(other));
        Assert.That(alone, Is.Not.EqualTo(other));
    }

    [Test]
    public void Text_beyond_the_last_token_is_cut_and_places_matter()
    {
        using var device = Device.Open("cpu", 2);
        using var model = Build(device);
        int words = s_sizes.TextTokens + 4, width = s_sizes.TextWidth;
        float[] text = Draw(4, words * width), cut = text[..(s_sizes.TextTokens * width)], turned = [.. cut[width..], .. cut[..width]];
        float[] output = Output(device, model, 1, text, words);
        Assert.That(output, Is.EqualTo(Output(device, model, 1, cut, s_sizes.TextTokens)));
        Assert.That(output, Is.Not.EqualTo(Output(device, model, 1, turned, s_sizes.TextTokens)));
    }

    [Test]
    public void A_new_model_draws_nothing_yet()
    {
        using var device = Device.Open("cpu", 1);
        using var model = new TextToImageModel(s_sizes, device);
        Initialization.Draw(model, 5);
        Assert.That(Output(device, model, 1, Draw(6, 3 * s_sizes.TextWidth), 3), Is.All.Zero);
    }

    [Test]
    public void Sizes_of_the_other_model_are_refused()
    {
        using var device = Device.Open("cpu", 1);
        Assert.That(() => new TextToImageModel(Presets.Get("micro"), device), Throws.TypeOf<ConfigurationException>().With.Message.Contains("class-conditional"));
        Assert.That(() => new PixelDiTModel(s_sizes, device), Throws.TypeOf<ConfigurationException>().With.Message.Contains("text-to-image"));
        Assert.That(() => (s_sizes with { Classes = 3 }).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("classes is 3"));
        Assert.That(() => (s_sizes with { TextTokens = 0 }).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("text-tokens is 0"));
    }

    [Test]
    public void A_config_survives_json()
    {
        var sizes = s_sizes with { TextRope = false, TextRopeTheta = 5000, PixelAttention = 32, PixelHeads = 2 };
        Assert.That(ModelConfig.FromJson(sizes.ToJson(), "test"), Is.EqualTo(sizes));
        Assert.That(ModelConfig.FromJson(Presets.Get("T2I").ToJson(), "test"), Is.EqualTo(Presets.Get("T2I")));
    }

    [Test]
    public void Sizes_are_read_off_the_shapes()
    {
        var sizes = s_sizes with { PixelAttention = 32, PixelHeads = 2, PostModulation = true };
        Assert.That(ConfigInference.Infer(ModelCost.Shapes(sizes), "test"), Is.EqualTo(sizes));
    }

    [Test]
    public void Text_of_another_width_is_refused()
    {
        using var device = Device.Open("cpu", 1);
        using var model = new TextToImageModel(s_sizes, device);
        using var x = device.Allocate([1, 3, 8, 8]);
        using var t = device.Allocate([1]);
        using var text = device.Allocate([1, 3, s_sizes.TextWidth + 1], ElementType.Single);
        using var tape = new Tape(device, recording: false);
        Assert.That(() => model.Forward(tape, tape.Input(x), t, tape.Input(text)), Throws.TypeOf<ShapeException>().With.Message.Contains($"[B, n, {s_sizes.TextWidth}]"));
    }
}

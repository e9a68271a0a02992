using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Tests.Operations;

namespace PixelDiT.Tests.Models;

/// <summary>The pixel levels that the paper's ablations compare: against the exact model, gradients against differences, and what each is in a config and in a file.</summary>
internal sealed class PixelLevelTests
{
    /// <summary>The rounding of some thirty operations, one after the other.</summary>
    private const double Rounding = 1e-5;

    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = Device.Open("cpu", 2);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    private static ModelConfig Config(PixelLevelKind kind, bool post = false, int patchDepth = 1, int pixelDepth = 2, int channels = 3)
        => SmallModel.Config(patchDepth, pixelDepth, post, channels).With(kind);

    private static IEnumerable<TestCaseData> Kinds()
    {
        foreach (var kind in Enum.GetValues<PixelLevelKind>())
        {
            yield return new TestCaseData(kind, false).SetArgDisplayNames(kind.Name);
            if (kind != PixelLevelKind.None) yield return new TestCaseData(kind, true).SetArgDisplayNames(kind.Name, "post");
        }
    }

    [Test, Combinatorial]
    public void The_output_is_the_exact_models([Values] PixelLevelKind kind, [Values(8, 2)] int height, [Values(8, 6)] int width, [Values] bool post)
    {
        if (kind == PixelLevelKind.None && post) return;
        using var small = new SmallModel(_device, Config(kind, post), 3, height, width).Fill();
        Assert.That(Distance.Largest(small.Step().Output, Exact(small, height, width)), Is.LessThan(Rounding));
    }

    [TestCaseSource(nameof(Kinds))]
    public void Gradients_are_those_of_central_differences_of_the_exact_model(PixelLevelKind kind, bool post)
    {
        const int side = 4, directions = 4;
        // Curvature costs h² and rounding of doubles 1e-16/h of a loss near 1.
        const double h = 1e-4;
        using var small = new SmallModel(_device, Config(kind, post, pixelDepth: 1), 2, side, side).Fill();
        float[] gradients = small.Step().Gradients;
        var parameters = small.Model.Parameters.All;
        double[] x = Doubles(small.X), t = Doubles(small.T), target = Doubles(small.Target);
        var values = parameters.ToDictionary(parameter => parameter.Name, parameter => Doubles(parameter.Value));
        var random = new Random(7);
        for (int i = 0; i < directions; i++)
        {
            var direction = values.ToDictionary(entry => entry.Key, entry => Draw(random, entry.Value.Length));
            double[] ofImage = Draw(random, x.Length);
            double difference = (Loss(h) - Loss(-h)) / (2 * h);
            double[] along = [.. parameters.SelectMany(parameter => direction[parameter.Name]), .. ofImage];
            double product = gradients.Zip(along, (gradient, step) => gradient * step).Sum(), scale = Math.Sqrt(gradients.Sum(gradient => (double)gradient * gradient));
            Assert.That(product, Is.EqualTo(difference).Within(Rounding * scale));

            double Loss(double step)
            {
                var model = new ExactModel(small.Model.Config, name => [.. values[name].Zip(direction[name], (value, slope) => value + (step * slope))]);
                double[] output = model.Forward([.. x.Zip(ofImage, (value, slope) => value + (step * slope))], t, [0, 1], side, side);
                return output.Zip(target, (value, wanted) => (value - wanted) * (value - wanted)).Average();
            }
        }
    }

    [TestCaseSource(nameof(Kinds))]
    public void Both_CPU_back_ends_give_the_same_bits(PixelLevelKind kind, bool post)
    {
        using var other = Device.Open("ilgpu-cpu");
        using SmallModel here = new SmallModel(_device, Config(kind, post, pixelDepth: 1), 2, 4, 4).Fill(), there = new SmallModel(other, Config(kind, post, pixelDepth: 1), 2, 4, 4).Fill();
        var (output, loss, gradients) = here.Step();
        var again = there.Step();
        Assert.That(Distance.SameBits(output, again.Output) && Distance.SameBits(gradients, again.Gradients) && loss == again.Loss);
    }

    [TestCaseSource(nameof(Kinds))]
    public void Steps_are_reported_in_an_order_that_names_tell_and_change_nothing_beyond_rounding(PixelLevelKind kind, bool post)
    {
        using var small = new SmallModel(_device, Config(kind, post)).Fill();
        var fused = small.Step();
        var seen = new List<string>();
        var traced = small.Step(tape => (tape.Traces, tape.Observer) = (_ => true, (name, _) => seen.Add(name)));
        Assert.That(Distance.Largest(traced.Output, fused.Output), Is.LessThan(Rounding));
        Assert.That(Distance.Largest(traced.Gradients, fused.Gradients), Is.LessThan(Rounding));
        Assert.That(seen.Order(StringComparer.Ordinal).Select(step => $"act.{step}").OrderBy(ExecutionOrder.Of), Is.EqualTo(seen.Select(step => $"act.{step}")));
        Assert.That(small.Model.Parameters.All.All(parameter => ExecutionOrder.Knows($"grad.param.{parameter.Name}")));
        if (kind == PixelLevelKind.None) Assert.That(seen.TakeLast(4), Is.EqualTo((string[])["final_layer.modulation", "final_layer.norm", "final_layer.modulated", "final_layer"]));
    }

    [TestCaseSource(nameof(Kinds))]
    public void The_first_output_is_zero_and_blocks_are_identities(PixelLevelKind kind, bool post)
    {
        using var small = new SmallModel(_device, Config(kind, post));
        Initialization.Draw(small.Model, 1);
        var stages = new Dictionary<string, float[]>();
        var (output, _, _) = small.Step(tape => tape.Observer = (name, value) => stages[name] = value.Value.ToArray());
        Assert.That(output, Has.All.Zero);
        Assert.That(Distance.SameBits(stages["patch_blocks.0"], stages["s_embedder"]));
        if (kind != PixelLevelKind.None) Assert.That(Distance.SameBits(stages["pixel_blocks.1"], stages["pixel_embedder"]), Is.EqualTo(!post), "post-modulation has no gates");
    }

    [Test, Combinatorial]
    public void Every_precision_moves_the_output_by_its_own_rounding([Values] PixelLevelKind kind, [Values] bool post, [Values(Precision.TensorFloat32, Precision.BFloat16)] Precision precision)
    {
        if (kind == PixelLevelKind.None && post) return;
        using var small = new SmallModel(_device, Config(kind, post)).Fill();
        var exact = small.Step();
        small.Model.Precision = precision;
        var rounded = small.Step();
        // Eleven bits of an operand, or eight, through some twenty products.
        double most = precision == Precision.BFloat16 ? 0.1 : 1e-2;
        Assert.That(Distance.Largest(rounded.Output, exact.Output), Is.GreaterThan(1e-6).And.LessThan(most));
        Assert.That(Distance.Largest(rounded.Gradients, exact.Gradients), Is.GreaterThan(1e-6).And.LessThan(most));
    }

    [Test]
    public void A_text_models_output_is_the_exact_models([Values] PixelLevelKind kind)
    {
        const int side = 8, words = 3;
        var config = (Presets.Get("micro-text") with { PatchDepth = 1, PixelAttention = 32, PixelHeads = 2 }).With(kind);
        using var model = new TextToImageModel(config, _device);
        Initialization.Draw(model, 3, nonzero: true);
        // A sine of a large time is that of its rounded angle.
        var random = new Random(5);
        float[] images = Singles(Draw(random, 2 * 3 * side * side)), states = Singles(Draw(random, 2 * words * config.TextWidth)), times = [0.3f, 0.8f];
        using Tensor x = _device.Upload(images, [2, 3, side, side]), t = _device.Upload(times, [2]), text = _device.Upload(states, [2, words, config.TextWidth]);
        using var tape = new Tape(_device, recording: false);
        float[] output = model.Forward(tape, tape.Input(x), t, tape.Input(text)).Value.ToArray();
        var exact = new ExactTextModel(config, name => Doubles(model.Parameters[name].Value));
        Assert.That(Distance.Largest(output, exact.Forward(Array.ConvertAll(images, v => (double)v), Array.ConvertAll(times, v => (double)v), Array.ConvertAll(states, v => (double)v), side, side)), Is.LessThan(Rounding));
    }

    [Test]
    public void A_rotary_table_in_patch_order_is_that_of_the_pixel_grid()
    {
        const int height = 4, width = 6, head = 8;
        using var table = RotaryTable.Create(_device, height, width, head, 2);
        double[] exact = Reference.Oracle.Exact.PatchOrder(Reference.Oracle.Exact.RopeTable(head, height, width), head, height, width, 2);
        // Cosines of each pair twice beside (cos, sin) of each pair. Angles up to 16 are rounded to float32.
        Assert.That(Distance.Largest(table.Cos.ToArray().Where((_, i) => i % 2 == 0), exact.Where((_, i) => i % 2 == 0)), Is.LessThan(2e-6));
        Assert.That(Distance.Largest(table.Sin.ToArray().Where((_, i) => i % 2 == 1), exact.Where((_, i) => i % 2 == 1)), Is.LessThan(2e-6));
        Assert.That(() => RotaryTable.Create(_device, 3, 4, head, 2), Throws.TypeOf<ShapeException>().With.Message.Contains("3×4"));
        Assert.That(() => RotaryTable.Create(_device, 32768, 32768, head, 2), Throws.TypeOf<DeviceMemoryException>().With.Message.Contains("32768×32768"));
    }

    [TestCaseSource(nameof(Kinds))]
    public void A_config_and_the_shapes_say_the_kind(PixelLevelKind kind, bool post)
    {
        foreach (var config in (ModelConfig[])[Config(kind, post), Config(kind, post, channels: 1), (Presets.Get("micro-text") with { PostModulation = post }).With(kind), (Presets.Get("XL") with { PostModulation = post }).With(kind)])
        {
            Assert.That(ModelConfig.FromJson(config.ToJson(), "test"), Is.EqualTo(config));
            Assert.That(config.ToJson().Contains("pixel_level"), Is.EqualTo(kind != PixelLevelKind.Full), "the paper's model is written as it always was");
            Assert.That(ConfigInference.Infer(ModelCost.Shapes(config), "test"), Is.EqualTo(config));
        }
    }

    [Test]
    public void A_config_without_the_key_is_the_papers_model_and_an_unknown_kind_is_refused()
    {
        var micro = Presets.Get("micro");
        Assert.That(micro.PixelLevel, Is.EqualTo(PixelLevelKind.Full));
        string json = micro.ToJson();
        Assert.That(json, Does.Not.Contain("pixel_level"));
        Assert.That(() => ModelConfig.FromJson(json.Replace("{", "{\"pixel_level\":\"half\","), "a.json"), Throws.TypeOf<ConfigurationException>().With.Message.Contains("a.json").And.Message.Contains("pixel_level").And.Message.Contains("half").And.Message.Contains("no-compaction"));
        Assert.That(() => ModelConfig.FromJson(json.Replace("{", "{\"pixel_level\":2,"), "a.json"), Throws.TypeOf<ConfigurationException>().With.Message.Contains("pixel_level"));
        Assert.That(PixelLevelNames.All.Select(PixelLevelNames.Parse), Is.EqualTo(Enum.GetValues<PixelLevelKind>()));
        Assert.That(() => PixelLevelNames.Parse("half"), Throws.TypeOf<ConfigurationException>().With.Message.Contains("full, patch-adaln, no-compaction, none"));
    }

    private static readonly ModelConfig[] s_wrong =
    [
        SmallModel.Config() with { PixelLevel = PixelLevelKind.None }, SmallModel.Config().With(PixelLevelKind.None) with { PixelHidden = 4 }, SmallModel.Config().With(PixelLevelKind.None) with { PixelAttention = 8 },
        SmallModel.Config().With(PixelLevelKind.None) with { PostModulation = true }, SmallModel.Config() with { PixelDepth = 0 }, SmallModel.Config() with { PixelLevel = (PixelLevelKind)9 }
    ];

    [TestCaseSource(nameof(s_wrong))]
    public void Sizes_of_a_pixel_level_that_is_not_there_are_refused(ModelConfig config) => Assert.That(config.Validate, Throws.TypeOf<ConfigurationException>().With.Message.Contains("pixel").Or.Message.Contains("post-modulation"));

    [Test]
    public void Shapes_of_two_ablations_at_once_are_refused()
    {
        var shapes = ModelCost.Shapes(Config(PixelLevelKind.NoCompaction)).ToDictionary();
        var shared = ModelCost.Shapes(Config(PixelLevelKind.PatchAdaLN));
        foreach (string name in shared.Keys.Where(name => name.StartsWith("pixel_blocks.", StringComparison.Ordinal) && name.Contains("adaLN"))) shapes[name] = shared[name];
        Assert.That(() => ConfigInference.Infer(shapes, "both.safetensors"), Throws.TypeOf<FileFormatException>().With.Message.Contains("both.safetensors"));
    }

    private static double[] Exact(SmallModel small, int height, int width)
        => new ExactModel(small.Model.Config, name => Doubles(small.Model.Parameters[name].Value)).Forward(Doubles(small.X), Doubles(small.T), [0, 1, 2], height, width);

    private static double[] Doubles(Tensor tensor) => Array.ConvertAll(tensor.ToArray(), value => (double)value);

    private static float[] Singles(double[] values) => Array.ConvertAll(values, value => (float)value);

    private static double[] Draw(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextDouble()) - 1)];
}

using System.Globalization;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>The whole model against the golden tensors, and the exactness that its design promises.</summary>
internal sealed class ExactModelTests
{
    /// <summary>
    /// Golden tensors are float32 results of float32 arithmetic: the rounding of each layer (6e-8 an operation) is carried on.
    /// The largest deviation measured is 2.4e-6, of the head's output; the stages before it stay below 9e-7.
    /// </summary>
    private const double Tolerance = 5e-6;

    [TestCase("c2i")]
    [TestCase("c2i_rect_post")]
    public void Every_stage_and_the_output_equal_the_golden_tensors(string name)
    {
        var golden = new GoldenFile($"{name}/forward_backward");
        int[] shape = golden.Shape("in.x");
        var seen = new List<string>();

        double[] output = Model(name).Forward(
            golden.Doubles("in.x"), golden.Doubles("in.t"), golden.Integers("in.y"), shape[2], shape[3], (stage, value) =>
            {
                seen.Add($"act.{stage}");
                Deviation.Check(stage, value, golden.Doubles($"act.{stage}"), Tolerance);
            });

        Deviation.Check("out", output, golden.Doubles("out"), Tolerance);
        double loss = golden.Doubles("loss")[0];
        Assert.That(Exact.MeanSquaredError(output, golden.Doubles("target.v")), Is.EqualTo(loss).Within(1e-6 * loss));
        Assert.That(seen, Is.EquivalentTo(golden.Names.Where(tensor => tensor.StartsWith("act.", StringComparison.Ordinal))));
    }

    [TestCase("c2i")]
    [TestCase("c2i_rect_post")]
    public void The_first_training_loss_equals_the_golden_one(string name)
    {
        var train = new GoldenFile($"{name}/train");
        int[] shape = train.Shape("step.0.x0");
        double[] x = train.Doubles("step.0.x0"), noise = train.Doubles("step.0.noise"), drop = train.Doubles("step.0.drop_u");
        double shift = double.Parse(train.Metadata("time_shift"), CultureInfo.InvariantCulture);
        double[] t = Exact.TrainingTimes(train.Doubles("step.0.normal_t"), shift);
        int[] y = [.. train.Integers("step.0.y").Select((label, b) => drop[b] < 0.1 ? Config(name).NullClass : label)];

        double[] output = Model(name).Forward(Exact.Interpolate(x, noise, t), t, y, shape[2], shape[3]);

        double loss = train.Doubles("loss")[0];
        Assert.That(Exact.MeanSquaredError(output, Exact.Velocity(x, noise)), Is.EqualTo(loss).Within(1e-6 * loss));
    }

    /// <summary>The slope of the oracle's loss along a direction is the golden gradient times it: so other gradients are tested.</summary>
    [TestCase("c2i")]
    [TestCase("c2i_rect_post")]
    public void Central_differences_give_the_golden_gradients(string name)
    {
        const double step = 1e-6;
        var golden = new GoldenFile($"{name}/forward_backward");
        var weights = new GoldenFile($"{name}/weights");
        int[] shape = golden.Shape("in.x"), y = golden.Integers("in.y");
        double[] target = golden.Doubles("target.v");

        double Loss(double along)
        {
            double[] Moved(string name, double[] start) => [.. start.Zip(Draw(name, start.Length), (value, d) => value + along * d)];
            var model = new ExactModel(Config(name), parameter => Moved(parameter, weights.Doubles(parameter)));
            double[] output = model.Forward(Moved("in.x", golden.Doubles("in.x")), golden.Doubles("in.t"), y, shape[2], shape[3]);
            return Exact.MeanSquaredError(output, target);
        }
        double slope = (Loss(step) - Loss(-step)) / (2 * step), expected = 0, squares = 0;
        foreach (string tensor in golden.Names.Where(tensor => tensor.StartsWith("grad.", StringComparison.Ordinal)))
        {
            double[] gradient = golden.Doubles(tensor);
            double[] direction = Draw(tensor == "grad.in.x" ? "in.x" : tensor["grad.param.".Length..], gradient.Length);
            expected += gradient.Zip(direction, (g, d) => g * d).Sum();
            squares += gradient.Sum(g => g * g);
        }

        TestContext.Out.WriteLine($"{name}: {slope:e7}, expected {expected:e7}, norm {Math.Sqrt(squares):e3}");

        // Golden gradients are good to 9e-6 of each tensor's largest.
        Assert.That(slope, Is.EqualTo(expected).Within(1e-5 * Math.Sqrt(squares)));
    }

    [Test]
    public void Gray_images_and_a_narrow_pixel_level_with_heads_of_its_own()
    {
        var config = new ModelConfig
        {
            Hidden = 16,
            Heads = 2,
            Patch = 2,
            PatchDepth = 1,
            PixelDepth = 2,
            PixelHidden = 4,
            Classes = 3,
            Channels = 1,
            PixelAttention = 12,
            PixelHeads = 3
        };
        double[] output = new ExactModel(config, Drawn(config)).Forward(Draw("x", 2 * 4 * 6), [0.2, 0.7], [0, config.NullClass], 4, 6);
        Assert.That(output, Has.Length.EqualTo(2 * 4 * 6));
        Assert.That(output, Has.All.Matches<double>(double.IsFinite));
    }

    [Test]
    public void An_image_does_not_depend_on_the_others_of_its_batch()
    {
        const string name = "c2i_rect_post";
        var golden = new GoldenFile($"{name}/forward_backward");
        double[] x = golden.Doubles("in.x"), t = golden.Doubles("in.t");
        int[] shape = golden.Shape("in.x"), y = golden.Integers("in.y");
        int perImage = x.Length / t.Length;

        double[] together = Model(name).Forward(x, t, y, shape[2], shape[3]);
        double[] alone = Model(name).Forward(x[perImage..(2 * perImage)], t[1..2], y[1..2], shape[2], shape[3]);

        Assert.That(alone, Is.EqualTo(together[perImage..(2 * perImage)]), "to the bit: an element is always summed in one order");
    }

    /// <summary>SPEC §3, Initialisation: zero adaLN layers make blocks exact identities, a zero head makes the output exactly 0.</summary>
    [Test]
    public void Zero_modulation_makes_blocks_identities_and_a_zero_head_the_output_zero()
    {
        var golden = new GoldenFile("c2i/forward_backward");
        var weights = new GoldenFile("c2i/weights");
        double[] Initial(string parameter)
        {
            double[] values = weights.Doubles(parameter);
            bool modulation = parameter.Contains("adaLN_modulation", StringComparison.Ordinal);
            bool head = parameter.StartsWith("final_layer.linear", StringComparison.Ordinal);
            return modulation || head ? new double[values.Length] : values;
        }
        var stages = new Dictionary<string, double[]>();

        double[] output = new ExactModel(Config("c2i"), Initial).Forward(
            golden.Doubles("in.x"), golden.Doubles("in.t"), golden.Integers("in.y"), 16, 16, (stage, value) => stages[stage] = value);

        Assert.That(stages["patch_blocks.1"], Is.EqualTo(stages["s_embedder"]));
        Assert.That(stages["pixel_blocks.1"], Is.EqualTo(stages["pixel_embedder"]));
        Assert.That(output, Has.All.Zero);
    }

    [Test]
    public void Inputs_that_do_not_fit_are_named()
    {
        var model = Model("c2i");
        double[] x = new double[3 * 16 * 16];
        Assert.That(() => model.Forward(x, [0.5], [0, 1], 16, 16), Throws.TypeOf<ShapeException>().With.Message.Contains("y 2"));
        Assert.That(() => model.Forward(x, [0.5, 0.5], [0, 1], 16, 16), Throws.TypeOf<ShapeException>().With.Message.Contains("x has 768"));
        Assert.That(() => model.Forward(x, [0.5], [11], 16, 16), Throws.TypeOf<ShapeException>().With.Message.Contains("row 11"));
        Assert.That(() => model.Forward(x, [0.5], [0], 32, 8), Throws.Nothing);
        Assert.That(() => model.Forward(x, [0.5], [0], 128, 2), Throws.TypeOf<ShapeException>().With.Message.Contains("128x2"));
    }

    private static ModelConfig Config(string name) => ModelConfig.FromJson(new GoldenFile($"{name}/weights").Metadata("config"), name);

    private static ExactModel Model(string name) => new(Config(name), new GoldenFile($"{name}/weights").Doubles);

    /// <summary>Parameters of any configuration, of the lengths that SPEC §3 lists, drawn so that equal names have equal values.</summary>
    private static Func<string, double[]> Drawn(ModelConfig config) => name =>
    {
        int C = config.Channels, D = config.Hidden, d = config.PixelHidden, P = config.PatchPixels, F = config.FeedForward;
        bool pixelLevel = name.StartsWith("pixel_blocks", StringComparison.Ordinal);
        int width = pixelLevel ? d : D, A = pixelLevel ? config.PixelAttentionWidth : D;
        int heads = pixelLevel ? config.PixelAttentionHeads : config.Heads;
        int modulation = pixelLevel ? config.PixelModulation * P : 6 * D;
        (string End, int Length)[] lengths =
        [
            ("pixel_embedder.proj.weight", d * C), ("pixel_embedder.proj.bias", d), ("s_embedder.proj.weight", D * C * P),
            ("s_embedder.proj.bias", D), ("t_embedder.mlp.0.weight", D * 256), ("t_embedder.mlp.0.bias", D),
            ("t_embedder.mlp.2.weight", D * D), ("t_embedder.mlp.2.bias", D), ("embedding_table.weight", (config.Classes + 1) * D),
            ("final_layer.norm.weight", d), ("final_layer.linear.weight", C * d), ("final_layer.linear.bias", C),
            ("norm1.weight", width), ("norm2.weight", width), ("attn.qkv.weight", 3 * A * A), ("q_norm.weight", A / heads),
            ("k_norm.weight", A / heads), ("attn.proj.weight", A * A), ("attn.proj.bias", A), ("w1.weight", F * D), ("w2.weight", D * F),
            ("w3.weight", F * D), ("adaLN_modulation.0.weight", modulation * D), ("adaLN_modulation.0.bias", modulation),
            ("compress_to_attn.weight", A * P * d), ("compress_to_attn.bias", A), ("expand_from_attn.weight", P * d * A),
            ("expand_from_attn.bias", P * d), ("fc1.weight", 4 * d * d), ("fc1.bias", 4 * d), ("fc2.weight", d * 4 * d), ("fc2.bias", d)
        ];
        return Draw(name, lengths.First(entry => name.EndsWith(entry.End, StringComparison.Ordinal)).Length);
    };

    private static double[] Draw(string name, int length)
    {
        var random = new Random(name.Sum(letter => letter));
        return [.. Enumerable.Range(0, length).Select(_ => random.NextDouble() - 0.5)];
    }
}

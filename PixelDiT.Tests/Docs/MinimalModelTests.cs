using System.Globalization;
using System.Text.RegularExpressions;
using NUnit.Framework;
using PixelDiT.Minimal;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Docs;

/// <summary>docs/minimal/PixelDiT.cs, the model in one file, is the model: its forward, gradients, training and sampler are held to the oracle, to differences and to the golden tensors.</summary>
internal sealed partial class MinimalModelTests
{
    /// <summary>Both are double precision and differ by the order of sums and by the formula of Φ; about 2e-15 of the largest value was measured.</summary>
    private const double Exactly = 1e-12;

    /// <summary>What golden tensors carry: the rounding of float32 through the whole model. Up to 5e-6 was measured.</summary>
    private const double Golden = 1e-5;

    private static Model GoldenModel(string name = "weights")
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "weights.safetensors");
        using (var from = typeof(ExactModel).Assembly.GetManifestResourceStream($"golden/c2i/{name}.safetensors")!)
        {
            using var to = File.Create(file);
            from.CopyTo(to);
        }
        return Model.Load(file);
    }

    private static double[] Forward(Model model, double[] x, double[] t, int[] y, int height, int width)
        => model.Forward(new Tape(), new Tensor(x.Length / t.Length, x), t, y, height, width).Data;

    /// <summary>A model in which nothing is zero or one by rule.</summary>
    private static Model Drawn(Random random)
    {
        var model = Model.Create(C: 2, classes: 3, p: 2, D: 16, heads: 2, patchBlocks: 2, d: 4, pixelBlocks: 2, random);
        foreach (var parameter in model.Parameters.Values)
        {
            for (int i = 0; i < parameter.Data.Length; i++) parameter.Data[i] += ((2 * random.NextDouble()) - 1) / Math.Sqrt(parameter.Width);
        }
        return model;
    }

    private static double[] Draw(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextDouble()) - 1)];

    [Test]
    public void The_forward_of_released_names_equals_the_exact_model()
    {
        var model = GoldenModel();
        var golden = new GoldenFile("c2i/forward_backward");
        double[] x = golden.Doubles("in.x"), t = golden.Doubles("in.t");
        int[] y = golden.Integers("in.y"), shape = golden.Shape("in.x");
        var exact = new ExactModel(ModelConfig.FromJson(new GoldenFile("c2i/weights").Metadata("config"), "c2i"), name => model.Parameters[name].Data);
        double[] output = Forward(model, x, t, y, shape[2], shape[3]);
        Deviation.Check("out", output, exact.Forward(x, t, y, shape[2], shape[3]), Exactly);
        Deviation.Check("out", output, golden.Doubles("out"), Golden);
    }

    [Test]
    public void The_forward_of_any_sizes_equals_the_exact_model()
    {
        var random = new Random(1);
        var model = Drawn(random);
        var config = new ModelConfig { Hidden = 16, Heads = 2, Patch = 2, PatchDepth = 2, PixelDepth = 2, PixelHidden = 4, Classes = 3, Channels = 2 };
        double[] x = Draw(random, 2 * 2 * 4 * 6), t = [0.25, 0.75];
        int[] y = [1, config.NullClass];
        Assert.That(model.Parameters.Keys, Is.EquivalentTo(ModelCost.Shapes(config).Keys));
        Deviation.Check("out", Forward(model, x, t, y, 4, 6), new ExactModel(config, name => model.Parameters[name].Data).Forward(x, t, y, 4, 6), Exactly);
        Deviation.Check("one row of patches", Forward(model, x, t, y, 2, 12), new ExactModel(config, name => model.Parameters[name].Data).Forward(x, t, y, 2, 12), Exactly);
    }

    /// <summary>A difference of double numbers at a distance of 1e-5 is good to about 1e-10 of the loss; with the curvature it leaves out, to 1e-7 of the norm.</summary>
    [Test]
    public void Every_gradient_equals_central_differences()
    {
        const double step = 1e-5;
        var random = new Random(2);
        var model = Drawn(random);
        double[] x = Draw(random, 2 * 2 * 4 * 6), noise = Draw(random, x.Length), t = [0.3, 0.6];
        double Loss() => Flow.Loss(model, x, noise, t, [0, 2], 4, 6);
        Loss();
        var gradients = model.Parameters.ToDictionary(parameter => parameter.Key, parameter => (double[])parameter.Value.Gradient.Clone());
        foreach (var (name, parameter) in model.Parameters)
        {
            double[] start = [.. parameter.Data], direction = Draw(random, start.Length);
            double At(double along)
            {
                for (int i = 0; i < start.Length; i++) parameter.Data[i] = start[i] + (along * direction[i]);
                return Loss();
            }
            double difference = (At(step) - At(-step)) / (2 * step), gradient = gradients[name].Zip(direction, (g, d) => g * d).Sum();
            At(0);
            Assert.That(gradient, Is.EqualTo(difference).Within(1e-7 * (1 + Math.Sqrt(gradients[name].Sum(g => g * g)))), name);
            Assert.That(gradients[name], Has.Some.Not.Zero, name);
        }
    }

    [Test]
    public void Gradients_equal_those_of_the_authors_code()
    {
        var model = GoldenModel();
        var golden = new GoldenFile("c2i/forward_backward");
        double[] x = golden.Doubles("in.x");
        int[] shape = golden.Shape("in.x");
        var (tape, input) = (new Tape(), new Tensor(x.Length / shape[0], x));
        var loss = tape.MeanSquaredError(model.Forward(tape, input, golden.Doubles("in.t"), golden.Integers("in.y"), shape[2], shape[3]), golden.Doubles("target.v"));
        tape.Backward(loss);
        Deviation.Check("x", input.Gradient, golden.Doubles("grad.in.x"), Golden);
        foreach (var (name, parameter) in model.Parameters) Deviation.Check(name, parameter.Gradient, golden.Doubles($"grad.param.{name}"), Golden);
    }

    /// <summary>AdamW divides by the root of what may be rounding alone, so weights drift apart where gradients vanish; losses agree to 1e-5 all the same.</summary>
    [Test]
    public void Ten_steps_of_training_give_the_losses_of_the_authors_code()
    {
        var model = GoldenModel();
        var golden = new GoldenFile("c2i/train");
        double Setting(string key) => double.Parse(golden.Metadata(key), CultureInfo.InvariantCulture);
        var optimizer = new AdamW(model, Setting("lr"), clip: Setting("clip_norm"), averageDecay: Setting("ema_decay"));
        double[] losses = golden.Doubles("loss");
        for (int s = 0; s < losses.Length; s++)
        {
            double[] dropped = golden.Doubles($"step.{s}.drop_u"), t = [.. golden.Doubles($"step.{s}.normal_t").Select(normal => Flow.Shift(Tape.Sigmoid(normal), Setting("time_shift")))];
            int[] y = [.. golden.Integers($"step.{s}.y").Select((label, b) => dropped[b] < Setting("class_drop") ? model.NullClass : label)], shape = golden.Shape($"step.{s}.x0");
            double loss = Flow.Loss(model, golden.Doubles($"step.{s}.x0"), golden.Doubles($"step.{s}.noise"), t, y, shape[2], shape[3]);
            optimizer.Step();
            Assert.That(loss, Is.EqualTo(losses[s]).Within(1e-5 * losses[s]), $"step {s}");
        }
        const string head = "final_layer.linear.bias";
        Deviation.Check(head, model.Parameters[head].Data, golden.Doubles($"final.param.{head}"), 1e-4);
        Deviation.Check(head, optimizer.Average.Parameters[head].Data, golden.Doubles($"final.ema.{head}"), 1e-4);
    }

    [TestCase("euler", 8, 2.5, 1, 0.1, 0.9), TestCase("euler_shift", 7, 1.75, 3, 0, 1)]
    public void Samples_equal_those_of_the_authors_code(string run, int steps, double guidance, double shift, double min, double max)
    {
        var golden = new GoldenFile("c2i/sample");
        double[] noise = golden.Doubles("in.noise"), states = golden.Doubles($"{run}.x");
        int[] shape = golden.Shape("in.noise");
        double[] images = Flow.Sample(GoldenModel("sample_weights"), noise, golden.Integers("in.y"), shape[2], shape[3], steps, guidance, shift, min, max);
        Deviation.Check(run, images, states[^images.Length..], Golden);
    }

    [Test]
    public void A_model_learns_drawings()
    {
        var losses = new List<double>();
        Drawings.Train(200, new Random(1), (_, loss) => losses.Add(loss));
        Assert.That(losses[0], Is.EqualTo(2).Within(0.3), "before the first step the output is zero, and the loss that of E[x²] + 1");
        Assert.That(losses[^20..].Average(), Is.LessThan(0.6), "0.45 was measured; a constant velocity for each pixel leaves more than 1");
    }

    [Test]
    public void The_file_is_short_and_names_files_that_exist()
    {
        string root = Repository.Root ?? throw new IgnoreException("the tests do not run in their repository");
        string[] lines = File.ReadAllLines(Path.Combine(root, "docs", "minimal", "PixelDiT.cs"));
        string[] names = [.. lines.SelectMany(line => Named().Matches(line)).Select(match => match.Value).Distinct()];
        Assert.That(lines, Has.Length.LessThanOrEqualTo(400));
        Assert.That(names, Has.Length.GreaterThan(25), "files were found at all");
        Assert.That(names.Where(name => !File.Exists(Path.Combine(root, name))), Is.Empty);
    }

    [GeneratedRegex(@"(PixelDiT\.\w+|docs)/[\w/.-]+\.(cs|md)")]
    private static partial Regex Named();
}

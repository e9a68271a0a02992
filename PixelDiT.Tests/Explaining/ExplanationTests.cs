using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Explaining;
using PixelDiT.Reference.Measuring.Distributions;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Tests.Docs;

namespace PixelDiT.Tests.Explaining;

/// <summary>What an explanation says is what the model and the sampler computed.</summary>
internal sealed class ExplanationTests
{
    [TestCaseSource(typeof(ExplainedModels), nameof(ExplainedModels.Kinds))]
    public void The_way_ends_where_sampling_ends_and_each_traced_velocity_is_that_of_its_step(string kind)
    {
        using var device = Device.Open("cpu", 1);
        using var model = ExplainedModels.Create(device, kind);
        var request = ExplainedModels.Request(model.Config);
        var it = Explanation.Make(model, request);
        float[] sampled = model is TextToImageModel text
            ? new TextSampler(text, request.Sampling).Sample([request.Condition.States!.Value.Condition], request.Condition.States!.Value.Null, [request.Seed], 8, 12)
            : new ClassSampler((PixelDiTModel)model, request.Sampling).Sample([3], [request.Seed], 8, 12);
        Assert.That(it.Frames[^1].State, Is.EqualTo(sampled), "to the bit");
        Assert.That(it.Frames.Select(frame => frame.Step), Is.EqualTo((int[])[0, 1, 2, 3]));
        foreach (var (step, forward) in it.Forwards)
        {
            var frame = it.Frames.Single(frame => frame.Step == step);
            float[] guided = it.Path.Guide(frame.Time, forward.Velocities[0], forward.Velocities[1]);
            // A traced pass runs fused steps one by one: the last digits differ, and guidance doubles that.
            Assert.That(guided.Zip(frame.Velocity!, (a, b) => Math.Abs(a - b)).Max(), Is.LessThan(1e-4 * frame.Velocity!.Max(Math.Abs)), $"step {step}");
            float length = model.Config.IsText ? -frame.Time : 1 - frame.Time;
            Assert.That(frame.Estimate, Is.EqualTo(frame.State.Zip(frame.Velocity!, (x, v) => x + (length * v))));
            Assert.That(forward.Stages[^1].Name, Is.EqualTo("out"));
            Assert.That(forward.Stages.Select(stage => stage.Name), Is.Unique);
            Assert.That(forward.PatchTokens, Has.Count.EqualTo(model.Config.PatchDepth + 1));
            Assert.That(forward.PixelTokens, Has.Count.EqualTo(model.Config.HasPixelLevel ? model.Config.PixelDepth + 1 : 0));
            Assert.That(forward.Compactions, Has.Count.EqualTo(model.Config.PixelLevel is PixelLevelKind.Full or PixelLevelKind.PatchAdaLN ? 1 : 0));
        }
    }

    [TestCase(Sampler.Euler), TestCase(Sampler.Heun), TestCase(Sampler.HeunExact), TestCase(Sampler.FlowDpm)]
    public void Every_sampler_has_a_velocity_for_each_step(Sampler sampler)
    {
        using var device = Device.Open("cpu", 1);
        using var model = ExplainedModels.Create(device, "full");
        var request = ExplainedModels.Request(model.Config) with { Sampling = new SamplingConfig { Sampler = sampler, Steps = 4, Guidance = 3, Interval = (0.3f, 1) } };
        var it = Explanation.Make(model, request);
        Assert.That(it.Frames.Take(4).Select(frame => frame.Velocity), Has.None.Null);
        Assert.That(it.Frames[4].Velocity, Is.Null);
        if (sampler == Sampler.Euler) Assert.That(it.Frames[1].State, Is.EqualTo(it.Frames[0].State.Zip(it.Frames[0].Velocity!, (x, v) => x + (0.25f * v))).Within(1e-6));
    }

    [TestCase("full"), TestCase("text")]
    public void A_picture_is_noised_to_each_time_by_one_noise(string kind)
    {
        using var device = Device.Open("cpu", 1);
        using var model = ExplainedModels.Create(device, kind);
        float[] picture = [.. Enumerable.Range(0, 3 * 8 * 12).Select(i => MathF.Sin(i))], noise = new TorchRandom(5).Normal(picture.Length);
        var it = Explanation.Make(model, ExplainedModels.Request(model.Config) with { Picture = picture });
        foreach (var frame in it.Frames)
        {
            float share = model.Config.IsText ? frame.Time : 1 - frame.Time;
            Assert.That(frame.State, Is.EqualTo(picture.Zip(noise, (data, random) => ((1 - share) * data) + (share * random))));
        }
        Assert.That(it.Frames[^1].State, Is.EqualTo(picture));
        Assert.That(it.Frames.Select(frame => frame.Velocity is null), Is.EqualTo((bool[])[false, false, false, true]));
    }

    [TestCaseSource(typeof(ExplainedModels), nameof(ExplainedModels.Kinds))]
    public void Every_stage_has_its_equation_and_the_line_that_computes_it(string kind)
    {
        using var device = Device.Open("cpu", 1);
        using var model = ExplainedModels.Create(device, kind);
        var forward = Explanation.Make(model, ExplainedModels.Request(model.Config, steps: 1)).Forwards[0];
        Assert.Multiple(() =>
        {
            foreach (var stage in forward.Stages)
            {
                var line = StageSource.LineOf(stage.Name, model.Config);
                Assert.That(StageSource.EquationOf(stage.Name, model.Config), Is.Not.Null.And.Not.Empty, stage.Name);
                if (Repository.Root is { } root) Assert.That(File.ReadAllLines(Path.Combine(root, "PixelDiT.Reference", line.File))[line.Line - 1], Does.Contain(line.Code), stage.Name);
            }
        });
    }

    [TestCase("full"), TestCase("no-compaction"), TestCase("text")]
    public void Weights_of_attention_times_values_are_what_attention_gave(string kind)
    {
        using var device = Device.Open("cpu", 1);
        using var model = ExplainedModels.Create(device, kind);
        var config = model.Config;
        var steps = new Dictionary<string, float[]>();
        Trace.Watch(model, TraceInputs.Draw(config, 1, new(8, 12), 3), _ => true, (name, tensor) => steps[name] = tensor.ToArray());
        string block = kind == "no-compaction" ? "pixel_blocks.0" : "patch_blocks.1", x = kind == "text" ? "_x" : "", y = "_y";
        int heads = config.Heads, width = config.HeadWidth;
        float[] q = steps[$"{block}.attn.q{x}"], o = steps[$"{block}.attn.out{x}"], keys = [.. kind == "text" ? steps[$"{block}.attn.k{y}"] : [], .. steps[$"{block}.attn.k{x}"]], qkv = [.. kind == "text" ? steps[$"{block}.attn.qkv{y}"] : [], .. steps[$"{block}.attn.qkv{x}"]];
        double[] weights = new double[keys.Length / config.Hidden];
        for (int token = 0; token < 4; token++)
        {
            for (int head = 0; head < heads; head++)
            {
                int at = ((token * heads) + head) * width;
                AttentionRecord.Softmax(q.AsSpan(at, width), keys, head, heads, weights);
                Assert.That(weights.Sum(), Is.EqualTo(1).Within(1e-12));
                for (int c = 0; c < width; c++)
                {
                    double expected = weights.Select((weight, j) => weight * qkv[(((j * 3) + 2) * config.Hidden) + (head * width) + c]).Sum();
                    // The kernel sums in float32.
                    Assert.That(o[at + c], Is.EqualTo(expected).Within(1e-5));
                }
            }
        }
    }

    [Test]
    public void A_mean_over_a_patch_and_what_lies_inside_patches_are_those_of_the_pixels()
    {
        using var device = Device.Open("cpu", 1);
        using var model = ExplainedModels.Create(device, "full");
        var block = Explanation.Make(model, ExplainedModels.Request(model.Config, steps: 1)).Forwards[0].Modulations.Single();
        Assert.That(block.Kinds.Select(kind => kind.Name), Is.EqualTo((string[])["shift1", "scale1", "gate1", "shift2", "scale2", "gate2"]));
        foreach (var channel in block.Kinds.SelectMany(kind => kind.Channels))
        {
            byte[] pixels = channel.Maps[0].Bytes, means = channel.Means[0].Bytes;
            double[] patches = [.. Enumerable.Range(0, 6).Select(token => Enumerable.Range(0, 16).Average(i => (double)pixels[(((token / 3 * 4) + (i / 4)) * 12) + (token % 3 * 4) + (i % 4)]))];
            // Each is rounded to a byte.
            Assert.That(patches, Is.EqualTo(means.Select(value => (double)value)).Within(1));
            // The same parts of the picture in bytes: nearly those of its numbers.
            double mean = pixels.Average(value => (double)value), total = pixels.Sum(value => (value - mean) * (value - mean));
            double[] places = [.. Enumerable.Range(0, 16).Select(i => Enumerable.Range(0, 6).Average(token => (double)pixels[(((token / 3 * 4) + (i / 4)) * 12) + (token % 3 * 4) + (i % 4)]))];
            Assert.That(channel.Parts.Patch, Is.EqualTo(16 * patches.Sum(value => (value - mean) * (value - mean)) / total).Within(0.02));
            Assert.That(channel.Parts.Place, Is.EqualTo(6 * places.Sum(value => (value - mean) * (value - mean)) / total).Within(0.02));
            Assert.That(channel.Parts.Patch + channel.Parts.Place + channel.Parts.Both, Is.EqualTo(1).Within(1e-9));
        }
        using var shared = ExplainedModels.Create(device, "patch-adaln");
        var one = Explanation.Make(shared, ExplainedModels.Request(shared.Config, steps: 1)).Forwards[0].Modulations.Single();
        Assert.That(one.IsOfPixels, Is.False);
        Assert.That(one.Kinds.Select(kind => kind.Parts.Patch), Is.All.EqualTo(1).Within(1e-9));
        Assert.That(one.Kinds[0].Channels[0].Maps[0].Bytes, Is.EqualTo(one.Kinds[0].Channels[0].Means[0].Bytes).And.Length.EqualTo(6));
    }

    [Test]
    public void Colours_are_the_three_directions_of_most_variance()
    {
        const int count = 90, width = 70;
        var random = new Random(3);
        float[] rows = [.. Enumerable.Range(0, count * width).Select(i => (float)((random.NextDouble() - 0.5) * 10 / (1 + (i % width))))];
        var colours = PrincipalColours.Of(rows, width);
        double[] mean = [.. Enumerable.Range(0, width).Select(c => Enumerable.Range(0, count).Average(i => (double)rows[(i * width) + c]))], covariance = new double[width * width];
        for (int i = 0; i < count; i++)
        {
            for (int a = 0; a < width; a++)
            {
                for (int b = 0; b < width; b++) covariance[(a * width) + b] += (rows[(i * width) + a] - mean[a]) * (rows[(i * width) + b] - mean[b]);
            }
        }
        double[] values = SymmetricEigen.Values(covariance, width);
        // A dozen turns of the power method leave a share that is right to a thousandth.
        Assert.That(colours.Shares, Is.EqualTo(values.OrderDescending().Take(3).Select(value => value / values.Sum())).Within(1e-3));
        Assert.That(PrincipalColours.Of(new float[8 * width], width).Colours, Is.All.EqualTo(127), "rows that are all equal are gray");
    }

    [Test]
    public void What_is_chosen_fits_at_256_and_wishes_come_first()
    {
        foreach (string preset in (string[])["small", "B", "L", "XL"])
        {
            var choice = ExplainChoice.Make(Presets.Get(preset), 256, 50, new());
            // Base64 takes a third more; 6 MB are left for the pictures of the way and of velocities.
            Assert.That(choice.BytesOf(Presets.Get(preset), 256) * 4 / 3, Is.LessThan(14_000_000), preset);
            Assert.That(choice.Steps, Is.Not.Empty, preset);
        }
        var wished = ExplainChoice.Make(Presets.Get("small"), 256, 50, new() { Steps = [7, 3, 7], PatchBlocks = [0], PixelBlocks = [1], Channels = 2 });
        Assert.That((wished.Steps, wished.PatchBlocks, wished.PixelBlocks, wished.Channels), Is.EqualTo(((int[])[3, 7], (int[])[0], (int[])[1], 2)));
        Assert.That(wished.Frames, Is.SupersetOf((int[])[0, 3, 7, 50]));
        var huge = ExplainChoice.Make(Presets.Get("T2I"), 1024, 50, new());
        Assert.That(huge.Stride, Is.GreaterThan(8), "few rows of attention of a large picture");
        Assert.That(() => ExplainChoice.Make(Presets.Get("small"), 256, 50, new() { Steps = [50] }), Throws.TypeOf<ConfigurationException>().With.Message.Contains("trace-steps names 50; the sampler's steps are 0 to 49"));
        Assert.That(() => ExplainChoice.Make(Presets.Get("small"), 256, 50, new() { PatchBlocks = [12] }), Throws.TypeOf<ConfigurationException>().With.Message.Contains("blocks names 12"));
    }
}

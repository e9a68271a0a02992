using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Models;
using PixelDiT.Tests.Operations;

namespace PixelDiT.Tests.Models;

/// <summary>What SPEC says of the first steps: the output is zero, blocks are identities, and gradients reach the model from its end.</summary>
internal sealed class InitializationTests
{
    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = Device.Open("cpu", 2);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    private SmallModel Drawn(bool post, ulong seed = 1, int batch = 2, int size = 8)
    {
        var small = new SmallModel(_device, SmallModel.Config(post: post), batch, size, size);
        Initialization.Draw(small.Model, seed);
        return small;
    }

    [TestCase(false), TestCase(true)]
    public void The_first_output_is_exactly_zero_and_blocks_are_identities(bool post)
    {
        using var small = Drawn(post);
        var stages = new Dictionary<string, float[]>();
        var (output, _, _) = small.Step(tape => tape.Observer = (name, value) => stages[name] = value.Value.ToArray());
        Assert.That(output, Has.All.Zero);
        Assert.That(Distance.SameBits(stages["patch_blocks.1"], stages["s_embedder"]));
        Assert.That(stages["s_embedder"], Has.Some.Not.Zero);
        Assert.That(Distance.SameBits(stages["pixel_blocks.1"], stages["pixel_embedder"]), Is.EqualTo(!post), "post-modulation has no gates, so its blocks are no identities");
    }

    [Test]
    public void The_first_loss_is_the_mean_square_of_the_data_and_one()
    {
        using var small = Drawn(false, batch: 16, size: 32);
        // x uniform in (-1, 1): E[x²] = 1/3; v = x − ε.
        using var noise = _device.Allocate(small.X.Shape);
        Noise.Fill(noise, 1, 1);
        Combine.Forward(1, small.X, -1, noise, small.Target);
        double n = small.X.Count;
        // Five standard errors of a mean of squares of variance below 4.
        Assert.That(small.Step().Loss, Is.EqualTo(1 + (1 / 3.0)).Within(5 * Math.Sqrt(4 / n)));
    }

    [TestCase(false, new[] { 2, 9, 49, 70 }), TestCase(true, new[] { 2, 39, 49, 70 })]
    public void Gradients_reach_so_many_tensors_on_the_first_steps(bool post, int[] expected)
    {
        using var small = Drawn(post);
        var parameters = small.Model.Parameters;
        Assert.That(parameters.All, Has.Count.EqualTo(70));
        using Tensor first = parameters.NewLike(), second = parameters.NewLike(), norm = _device.Allocate([1]);
        var reached = new List<int>();
        for (int step = 1; step <= expected.Length; step++)
        {
            small.Step();
            reached.Add(parameters.All.Count(parameter => parameter.Gradient!.ToArray().Any(value => value != 0)));
            GradientNorm.Forward(parameters.Gradients!, norm);
            AdamW.Step(parameters.Values!, parameters.Gradients!, first, second, null, norm, new AdamWStep(1e-3, 0.9, 0.999, 1e-8, 0, 1, 0, step));
            parameters.MarkChanged();
        }
        Assert.That(reached, Is.EqualTo(expected));
    }

    [Test]
    public void A_seed_gives_the_same_parameters_again_and_another_seed_gives_others()
    {
        using SmallModel one = Drawn(false), same = Drawn(false), other = Drawn(false, seed: 2);
        Assert.That(Distance.SameBits(one.Model.Parameters.Values!.ToArray(), same.Model.Parameters.Values!.ToArray()));
        Assert.That(Distance.SameBits(one.Model.Parameters.Values!.ToArray(), other.Model.Parameters.Values!.ToArray()), Is.False);
    }

    [Test]
    public void Each_tensor_has_the_spread_that_the_authors_give_it()
    {
        using var model = new PixelDiTModel(Presets.Get("micro"), _device);
        Initialization.Draw(model, 3);
        Spread("s_embedder.proj.weight", Math.Sqrt(6.0 / (64 + 48)), uniform: true);
        Spread("y_embedder.embedding_table.weight", 0.02, uniform: false);
        Spread("t_embedder.mlp.0.weight", 0.02, uniform: false);
        Spread("t_embedder.mlp.2.weight", 0.02, uniform: false);
        Spread("patch_blocks.0.attn.qkv.weight", 1 / Math.Sqrt(64), uniform: true);
        Spread("patch_blocks.1.mlp.w2.weight", 1 / Math.Sqrt(170), uniform: true);
        Spread("pixel_blocks.0.expand_from_attn.bias", 1 / Math.Sqrt(64), uniform: true);
        foreach (var parameter in model.Parameters.All)
        {
            float[] values = parameter.Value.ToArray();
            if (parameter.Name.Contains("norm")) Assert.That(values, Has.All.EqualTo(1), parameter.Name);
            else if (parameter.Name.Contains("adaLN") || parameter.Name.StartsWith("final_layer.linear") || parameter.Name == "s_embedder.proj.bias") Assert.That(values, Has.All.Zero, parameter.Name);
            else Assert.That(values, Has.Some.Not.Zero, parameter.Name);
        }

        void Spread(string name, double bound, bool uniform)
        {
            float[] values = model.Parameters[name].Value.ToArray();
            double deviation = Math.Sqrt(values.Average(value => (double)value * value)), expected = uniform ? bound / Math.Sqrt(3) : bound;
            // Five standard errors; the fourth moment makes that of a normal's deviation the larger: 1/√(2n) of it.
            Assert.That(deviation, Is.EqualTo(expected).Within(5 * expected / Math.Sqrt(2.0 * values.Length)), name);
            if (uniform) Assert.That(values.Max(Math.Abs), Is.LessThanOrEqualTo((float)bound).And.GreaterThan(0.9 * bound), name);
        }
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Tests.Models;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Diffusion;

/// <summary>Where images begin, and that each is drawn as if it were alone.</summary>
internal sealed class ClassSamplerTests
{
    private static readonly SamplingConfig s_config = new() { Steps = 3, Guidance = 2, Interval = (0.1f, 0.9f) };

    [Test]
    public void Image_k_begins_with_the_noise_that_torch_draws_from_seed_plus_k()
    {
        const ulong seed = 4998;
        using var device = Device.Open("cpu", 1);
        using var small = new SmallModel(device, SmallModel.Config());
        var starts = new List<float>();
        new ClassSampler(small.Model, s_config).Sample([0, 1, 2], 16, 16, seed, batch: 2, observe: (_, step, state) =>
        {
            if (step != 0) return;
            Assert.That(state.Shape.ToArray()[1..], Is.EqualTo((int[])[3, 16, 16]));
            starts.AddRange(state.ToArray());
        });

        Assert.That(starts, Is.EqualTo(Enumerable.Range(0, 3).SelectMany(k => new TorchRandom(seed + (ulong)k).Normal(3 * 16 * 16))));
        // The third image has seed 5000, whose noise torch itself has drawn; its logarithm differs in the last two units (TorchRandomTests).
        Deviation.Check("seed5000", Array.ConvertAll([.. starts[^768..]], value => (double)value), new GoldenFile("torch_randn").Doubles("seed5000.n768"), 5e-7);
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(5)]
    public void An_image_is_the_same_bits_in_a_batch_of_any_size(int batch)
    {
        using var device = Device.Open("cpu", 2);
        using var small = new SmallModel(device, SmallModel.Config()).Fill();
        int[] labels = [0, 0, 1, 2, 1, 0, 2];
        var sampler = new ClassSampler(small.Model, s_config);
        Assert.That(sampler.Sample(labels, 8, 8, 7, batch), Is.EqualTo(sampler.Sample(labels, 8, 8, 7, labels.Length)));
    }

    [Test]
    public void Seeds_of_a_list_may_be_in_any_order()
    {
        using var device = Device.Open("cpu", 1);
        using var small = new SmallModel(device, SmallModel.Config()).Fill();
        var sampler = new ClassSampler(small.Model, s_config);
        float[] forth = sampler.Sample([1, 2], [30ul, 4ul], 8, 8), back = sampler.Sample([2, 1], [4ul, 30ul], 8, 8);
        Assert.That(forth[..192], Is.EqualTo(back[192..]));
        Assert.That(forth[192..], Is.EqualTo(back[..192]));
    }

    [Test]
    public void Every_image_needs_a_seed()
    {
        using var device = Device.Open("cpu", 1);
        using var small = new SmallModel(device, SmallModel.Config());
        Assert.That(() => new ClassSampler(small.Model, s_config).Sample([1, 2], [4ul], 8, 8), Throws.TypeOf<ShapeException>().With.Message.Contains("2 labels and 1 seeds"));
    }
}

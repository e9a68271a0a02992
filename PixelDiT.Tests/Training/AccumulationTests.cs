using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>A batch in parts is the step of the whole batch, in less memory.</summary>
internal sealed class AccumulationTests
{
    private static readonly TrainingConfig s_config = new() { Batch = 12, Steps = 4, Size = 16, Seed = 3, Optimizer = new() { LearningRate = 1e-3 } };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private (float[] Losses, float[] Norms, float[] Weights, long Peak) Train(string name, int parts, bool isText = false, bool isCame = false, int threads = 1, int steps = 4, ExistingRun existing = ExistingRun.Refuse)
    {
        using var device = Device.Open("cpu", threads);
        var sizes = isText ? SmallRun.Texts : SmallRun.Classes;
        var config = s_config with { Accumulate = parts, Steps = steps, Came = isCame ? new CameConfig { LearningRate = 1e-3 } : null };
        using var run = TrainingRun.Create(Path.Combine(_folder.Path, name), device, SmallRun.Data(sizes), sizes, config, existing);
        var (losses, norms) = (new List<float>(), new List<float>());
        run.Run(0, report =>
        {
            losses.Add(report.Loss);
            norms.Add(report.GradientNorm);
        });
        return ([.. losses], [.. norms], run.Trainer.Model.Parameters.Values!.ToArray(), device.Arena.PeakBytes);
    }

    [TestCase(false, false), TestCase(true, false), TestCase(true, true)]
    public void Parts_give_the_step_of_the_whole_batch(bool isText, bool isCame)
    {
        var whole = Train("whole", 1, isText, isCame);
        foreach (int parts in (int[])[2, 3, 12])
        {
            var split = Train($"parts{parts}", parts, isText, isCame);
            // A mean of means of twelve float32 numbers; norms and the weights of four steps of AdamW move with the rounding of gradients.
            Assert.That(split.Losses, Is.EqualTo(whole.Losses).Within(2e-4).Percent);
            Assert.That(split.Norms, Is.EqualTo(whole.Norms).Within(0.1).Percent);
            double moved = whole.Weights.Zip(split.Weights, (a, b) => (double)(a - b) * (a - b)).Sum(), all = whole.Weights.Sum(value => (double)value * value);
            Assert.That(Math.Sqrt(moved / all), Is.LessThan(2e-4));
        }
    }

    [Test]
    public void Parts_take_less_memory_and_it_is_counted()
    {
        var sizes = SmallRun.Classes with { PatchDepth = 6 };
        long Counted(int parts) => StepMemory.OfTraining(sizes, s_config with { Batch = 48, Accumulate = parts }, 32, 32);
        Assert.That(Counted(4), Is.LessThan(Counted(1) * 0.45));
        // The count is that of a run: the images on the host are counted besides.
        long images = 3L * s_config.Batch * 3 * 16 * 16 * sizeof(float);
        Assert.That(StepMemory.OfTraining(SmallRun.Classes, s_config with { Accumulate = 3 }, 16, 16) - images, Is.EqualTo(Train("run", 3).Peak).Within(2).Percent);
    }

    [Test]
    public void Bits_do_not_depend_on_threads_or_on_an_interruption()
    {
        var whole = Train("whole", 3, threads: 2);
        Assert.That(Train("one", 3, threads: 1).Weights, Is.EqualTo(whole.Weights));
        Train("parts", 3, steps: 2);
        Assert.That(Train("parts", 3, existing: ExistingRun.Resume).Weights, Is.EqualTo(whole.Weights));
    }

    [TestCase(0), TestCase(5)]
    public void Parts_that_do_not_divide_the_batch_are_refused(int parts)
        => Assert.That(() => Train("run", parts), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo($"accumulate is {parts}; it must be 1 or above and divide the batch, 12"));
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Training.Alignment;

namespace PixelDiT.Tests.Training;

/// <summary>A learning rate that falls at epochs.</summary>
internal sealed class EpochScheduleTests
{
    private static readonly TrainingConfig s_config = new() { Batch = 4, Steps = 10, Size = 16, Warmup = 2, Decay = LearningRateDecay.Step, DecayEpochs = [1, 2.8], DecayFactor = 0.1, Optimizer = new() { LearningRate = 1e-3 } };

    [Test]
    public void It_falls_with_the_first_step_that_begins_behind_the_epoch()
    {
        // Ten images in batches of four: steps begin at epochs 0, 0.4, 0.8, 1.2 …
        using var folder = new TemporaryFolder();
        using var device = Device.Open("cpu", 1);
        var rates = new List<double>();
        using (var run = TrainingRun.Create(Path.Combine(folder.Path, "run"), device, new ClassData(new FewImages()), SmallRun.Classes, s_config, ExistingRun.Refuse)) run.Run(0, step => rates.Add(step.LearningRate));
        Assert.That(rates, Is.EqualTo((double[])[5e-4, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5]).Within(1e-12));
        Assert.That(() => TrainingRun.Create(Path.Combine(folder.Path, "run"), device, new ClassData(new FewImages()), SmallRun.Classes, s_config with { Steps = 12, DecayEpochs = [1] }, ExistingRun.Resume),
            Throws.TypeOf<ConfigurationException>().With.Message.StartsWith("lr-decay is by 0.1 at epochs 1 here and by 0.1 at epochs 1 2.8"));
    }

    [Test]
    public void Images_without_end_have_no_epochs()
    {
        using var folder = new TemporaryFolder();
        using var device = Device.Open("cpu", 1);
        foreach (var sizes in new[] { SmallRun.Classes, SmallRun.Texts })
        {
            Assert.That(() => TrainingRun.Create(Path.Combine(folder.Path, "run"), device, SmallRun.Data(sizes), sizes, s_config, ExistingRun.Refuse),
                Throws.TypeOf<ConfigurationException>().With.Message.EqualTo("lr-decay is step, and shapes is drawn without end, so that no epoch ends; constant or cosine was expected"));
        }
    }

    [Test]
    public void Numbers_out_of_range_are_refused()
    {
        Assert.That(() => (s_config with { DecayEpochs = [] }).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("no epoch is said"));
        Assert.That(() => (s_config with { DecayEpochs = [2, 2] }).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo("lr-decay-epochs is 2, 2; numbers above 0 in rising order were expected"));
        Assert.That(() => (s_config with { DecayFactor = 1 }).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo("lr-decay-factor is 1; it must be above 0 and below 1"));
    }
}

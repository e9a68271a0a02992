using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>Blocks that run again in the backward: the same bits in less memory, which is counted.</summary>
internal sealed class ActivationCheckpointTests
{
    private static readonly ModelConfig s_classes = SmallRun.Classes with { PatchDepth = 4, PixelDepth = 2 };
    private static readonly ModelConfig s_text = SmallRun.Texts with { PatchDepth = 3 };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private SmallRun Train(string name, ModelConfig sizes, TrainingConfig config, ExistingRun existing = ExistingRun.Refuse, string device = "cpu")
        => SmallRun.Train(Path.Combine(_folder.Path, name), SmallRun.Data(sizes), sizes, config, threads: 2, device, existing, checkpointEvery: 0);

    private static IEnumerable<TestCaseData> Kinds()
    {
        foreach (var precision in (Precision[])[Precision.Single, Precision.BFloat16])
        {
            yield return new TestCaseData(s_classes, precision, 1, "cpu").SetArgDisplayNames("classes", $"{precision}");
            yield return new TestCaseData(s_classes with { PostModulation = true }, precision, 1, "cpu").SetArgDisplayNames("post-modulation", $"{precision}");
            yield return new TestCaseData(s_text, precision, 1, "cpu").SetArgDisplayNames("text", $"{precision}");
            foreach (var kind in (PixelLevelKind[])[PixelLevelKind.PatchAdaLN, PixelLevelKind.NoCompaction, PixelLevelKind.None])
                yield return new TestCaseData((s_classes with { PatchDepth = 2 }).With(kind), precision, 1, "cpu").SetArgDisplayNames(kind.Name, $"{precision}");
        }
        yield return new TestCaseData(s_text, Precision.Single, 3, "cpu").SetArgDisplayNames("text in parts");
        yield return new TestCaseData(s_classes, Precision.Single, 1, "ilgpu-cpu").SetArgDisplayNames("classes on ILGPU's accelerator");
    }

    [TestCaseSource(nameof(Kinds))]
    public void Losses_and_weights_are_the_same_to_the_bit(ModelConfig sizes, Precision precision, int parts, string device)
    {
        var config = new TrainingConfig { Batch = 6, Accumulate = parts, Steps = 4, Size = 16, Seed = 3, Precision = precision, TimeShift = 2, Optimizer = new() { LearningRate = 1e-3 } };
        var kept = Train("kept", sizes, config, device: device);
        var again = Train("again", sizes, config with { CheckpointActivations = true }, device: device);
        Assert.That(again.Losses, Is.EqualTo(kept.Losses));
        Assert.That(again.Model, Is.EqualTo(kept.Model));
    }

    [Test]
    public void It_may_be_switched_on_and_off_within_a_run()
    {
        var config = new TrainingConfig { Batch = 6, Steps = 4, Size = 16, Seed = 3 };
        var whole = Train("whole", s_classes, config);
        Train("parts", s_classes, config with { Steps = 2, CheckpointActivations = true });
        Assert.That(Train("parts", s_classes, config, ExistingRun.Resume).Model, Is.EqualTo(whole.Model));
    }

    [Test]
    public void It_takes_the_activations_of_one_block_and_that_is_counted()
    {
        var sizes = s_classes with { PatchDepth = 12 };
        var config = new TrainingConfig { Batch = 32, Steps = 2, Size = 16, Seed = 3 };
        var (kept, again) = (Train("kept", sizes, config), Train("again", sizes, config with { CheckpointActivations = true }));
        Assert.That(again.Peak, Is.LessThan(kept.Peak / 2));
        // The images on the host are counted besides.
        long images = 3L * config.Batch * 3 * 16 * 16 * sizeof(float);
        Assert.That(StepMemory.OfTraining(sizes, config with { CheckpointActivations = true }, 16, 16) - images, Is.EqualTo(again.Peak).Within(2).Percent);
        // A block more costs its weights, with gradients, moments and average, and one input.
        long deeper = StepMemory.OfTraining(sizes with { PatchDepth = 13 }, config with { CheckpointActivations = true }, 16, 16) - StepMemory.OfTraining(sizes, config with { CheckpointActivations = true }, 16, 16);
        long weights = ModelCost.Parameters(sizes with { PatchDepth = 13 }) - ModelCost.Parameters(sizes), input = 32 * 16 * sizes.Hidden;
        Assert.That(deeper, Is.LessThan(((7 * weights) + (2 * input)) * sizeof(float)));
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.HeldOut;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>Runs of the ablations' models: saved, loaded, gone on with, and not confused with one another.</summary>
internal sealed class PixelLevelTrainingTests
{
    private static readonly TrainingConfig s_config = new() { Batch = 4, Steps = 4, Size = 16, Seed = 3, Optimizer = new() { LearningRate = 1e-3 } };
    private static readonly PixelLevelKind[] s_ablations = [PixelLevelKind.PatchAdaLN, PixelLevelKind.NoCompaction, PixelLevelKind.None];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private static ModelConfig Sizes(PixelLevelKind kind) => (SmallRun.Classes with { PatchDepth = 1 }).With(kind);

    private SmallRun Train(string name, PixelLevelKind kind, int threads = 2, ExistingRun existing = ExistingRun.Refuse, long stopAfter = long.MaxValue)
        => SmallRun.Train(Path.Combine(_folder.Path, name), SmallRun.Data(Sizes(kind)), Sizes(kind), s_config, threads, existing: existing, stopAfter: stopAfter);

    [TestCaseSource(nameof(s_ablations))]
    public void A_resumed_run_equals_one_that_never_stopped(PixelLevelKind kind)
    {
        var whole = Train("whole", kind);
        Train("parts", kind, stopAfter: 2);
        Assert.That(Train("parts", kind, 1, ExistingRun.Resume).Model, Is.EqualTo(whole.Model));
        Assert.That(whole.Losses, Has.Length.EqualTo(4).And.All.LessThan(2.5f));
    }

    [TestCaseSource(nameof(s_ablations))]
    public void A_stored_model_is_the_one_that_was_trained(PixelLevelKind kind)
    {
        Train("run", kind);
        using var device = Device.Open("cpu", 1);
        using var stored = StoredModel.Open(Path.Combine(_folder.Path, "run"));
        Assert.That(stored.Info.Config, Is.EqualTo(Sizes(kind)));
        Assert.That(stored.Info.SaysConfig);
        using var model = stored.Load(device);
        Assert.That(HeldOutMeasure.Loss((PixelDiTModel)model, new Shapes(16, part: ImagePart.HeldOut), 0, 5, 4, 1), Is.InRange(0.1, 2.5));
        Assert.That(device.Arena.BytesInUse, Is.GreaterThan(0));
    }

    [Test]
    public void A_run_does_not_go_on_with_another_pixel_level()
    {
        Train("run", PixelLevelKind.Full, stopAfter: 2);
        Assert.That(() => Train("run", PixelLevelKind.PatchAdaLN, existing: ExistingRun.Resume), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith("pixel-level is patch-adaln here and full in "));
    }

    [Test]
    public void A_held_out_loss_is_of_its_images_and_the_same_again()
    {
        using var device = Device.Open("cpu", 2);
        using var model = new PixelDiTModel(Sizes(PixelLevelKind.Full), device);
        var source = new Shapes(16, part: ImagePart.HeldOut);
        Initialization.Draw(model, 1);
        // A new model's output is zero: the loss is E[x²] + 1.
        double loss = HeldOutMeasure.Loss(model, source, 0, 40, 16, 1);
        float[] images = new float[3 * 16 * 16];
        double square = Enumerable.Range(0, 40).Average(i =>
        {
            source.Read(i, images);
            return images.Average(value => (double)value * value);
        });
        // The mean of 30,720 squares of normal draws, and of products with x: a standard error of 0.009.
        Assert.That(loss, Is.EqualTo(1 + square).Within(0.05));
        Assert.That(HeldOutMeasure.Loss(model, source, 0, 40, 16, 1), Is.EqualTo(loss));
        Assert.That(HeldOutMeasure.Loss(model, source, 40, 40, 16, 1), Is.Not.EqualTo(loss));
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Training;

/// <summary>Whole runs: equal bits from equal seeds, at any thread count, and across an interruption.</summary>
public sealed class TrainingTests
{
    private static readonly TrainingConfig s_config = new() { Batch = 6, Steps = 8, Size = 16, Seed = 3, Warmup = 2, Decay = LearningRateDecay.Cosine, Optimizer = new() { LearningRate = 1e-3 } };

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private SmallRun Train(string name, int threads, string device = "cpu", ulong seed = 3, long stopAfter = long.MaxValue, ExistingRun existing = ExistingRun.Refuse)
        => SmallRun.Train(Path.Combine(_folder, name), SmallRun.Data(SmallRun.Classes), SmallRun.Classes, s_config with { Seed = seed }, threads, device, existing, stopAfter: stopAfter);

    [Test]
    public void One_seed_gives_one_result_at_any_thread_count()
    {
        var (losses, model, _) = Train("one", 1);
        foreach (int threads in (int[])[1, 2, 3])
        {
            var again = Train($"threads{threads}", threads);
            Assert.That(again.Losses, Is.EqualTo(losses));
            Assert.That(again.Model, Is.EqualTo(model));
        }
    }

    [Test]
    public void Ilgpus_accelerator_gives_the_same_bits()
    {
        var direct = Train("direct", 2);
        var ilgpu = Train("ilgpu", 2, "ilgpu-cpu");
        Assert.That(ilgpu.Losses, Is.EqualTo(direct.Losses));
        Assert.That(ilgpu.Model, Is.EqualTo(direct.Model));
    }

    [Test]
    public void Another_seed_gives_another_result() => Assert.That(Train("a", 1).Model, Is.Not.EqualTo(Train("b", 1, seed: 4).Model));

    [Test]
    public void A_resumed_run_equals_one_that_never_stopped()
    {
        var whole = Train("whole", 2);
        var first = Train("parts", 2, stopAfter: 5);
        var second = Train("parts", 1, existing: ExistingRun.Resume);
        Assert.That((float[])[.. first.Losses, .. second.Losses], Is.EqualTo(whole.Losses));
        Assert.That(second.Model, Is.EqualTo(whole.Model));
        Assert.That(File.ReadLines(Path.Combine(_folder, "parts", "loss.csv")).Skip(1).Select(line => int.Parse(line.Split(',')[0])), Is.EqualTo(Enumerable.Range(1, 8)));
    }

    [Test]
    public void The_first_loss_is_that_of_a_zero_output()
    {
        // At step 0 the output is zero, so the loss is the mean of (x − ε)² over the batch: near E[x²] + 1, and certainly above 1 for images that are not noise.
        float loss = Train("start", 1, stopAfter: 1).Losses[0];
        Assert.That(loss, Is.InRange(1.0f, 2.0f));
    }

    [Test]
    public void A_state_of_other_settings_is_refused_by_name()
    {
        Train("run", 1, stopAfter: 2);
        var error = Assert.Throws<ConfigurationException>(() => Train("run", 1, seed: 9, existing: ExistingRun.Resume));
        Assert.That(error!.Message, Does.StartWith("seed is 9 here and 3 in "));
    }

    [Test]
    public void A_run_in_the_way_is_refused_and_left_alone()
    {
        byte[] model = Train("run", 1).Model;
        Assert.Throws<ConfigurationException>(() => Train("run", 1));
        Assert.That(File.ReadAllBytes(Path.Combine(_folder, "run", Checkpoint.ModelFile)), Is.EqualTo(model));
    }

    [Test]
    public void Data_with_other_channels_is_refused()
    {
        using var device = Device.Open("cpu", 1);
        var error = Assert.Throws<DataException>(() => TrainingRun.Create(Path.Combine(_folder, "x"), device, new ClassData(new Shapes(16, 1)), SmallRun.Classes, s_config, ExistingRun.Refuse));
        Assert.That(error!.Message, Does.Contain("1 channels"));
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }

    [Test]
    public void The_learning_rate_rises_and_falls()
    {
        var config = s_config with { Steps = 100, Warmup = 10, Optimizer = new() { LearningRate = 1e-2 } };
        Assert.That(config.LearningRateAt(0), Is.EqualTo(1e-3).Within(1e-12));
        Assert.That(config.LearningRateAt(10), Is.EqualTo(1e-2).Within(1e-12));
        Assert.That(config.LearningRateAt(55), Is.EqualTo(5e-3).Within(1e-12));
        Assert.That(config.LearningRateAt(100), Is.Zero.Within(1e-12));
    }

    [Test]
    public void The_average_warms_up()
    {
        using var device = Device.Open("cpu", 1);
        using var model = new PixelDiTModel(SmallRun.Classes, device);
        using var optimizer = new Optimizer(model.Parameters, new OptimizerConfig { EmaDecay = 0.9999 });
        Assert.That(optimizer.DecayAt(0), Is.EqualTo(0.1));
        Assert.That(optimizer.DecayAt(1_000_000), Is.EqualTo(0.9999));
    }
}

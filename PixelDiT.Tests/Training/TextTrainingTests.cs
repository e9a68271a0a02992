using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Drawings;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>Whole runs of the text model: equal bits from equal seeds, at any thread count, and across an interruption.</summary>
public sealed class TextTrainingTests
{
    private static readonly TrainingConfig s_adam = new()
    {
        Batch = 6,
        Steps = 7,
        Size = 16,
        Seed = 3,
        Warmup = 2,
        ConditionDrop = 0.3,
        TimeShift = 2,
        Decay = LearningRateDecay.Cosine,
        Optimizer = new() { LearningRate = 1e-3 }
    };

    private static readonly TrainingConfig s_came = s_adam with { Came = new CameConfig { LearningRate = 1e-3, EmaDecay = 0.9 } };

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private SmallRun Train(string name, int threads, TrainingConfig config, long stopAfter = long.MaxValue, ExistingRun existing = ExistingRun.Refuse, string device = "cpu", ICaptionedSource? source = null)
        => SmallRun.Train(Path.Combine(_folder, name), SmallRun.Data(SmallRun.Texts, source), SmallRun.Texts, config, threads, device, existing, stopAfter: stopAfter);

    [Test]
    public void One_seed_gives_one_result_at_any_thread_count()
    {
        var (losses, model, _) = Train("one", 1, s_adam);
        foreach (int threads in (int[])[2, 3])
        {
            var again = Train($"threads{threads}", threads, s_adam);
            Assert.That(again.Losses, Is.EqualTo(losses));
            Assert.That(again.Model, Is.EqualTo(model));
        }
    }

    [Test]
    public void Ilgpus_accelerator_gives_the_same_bits()
    {
        var direct = Train("direct", 2, s_came);
        var ilgpu = Train("ilgpu", 2, s_came, device: "ilgpu-cpu");
        Assert.That(ilgpu.Losses, Is.EqualTo(direct.Losses));
        Assert.That(ilgpu.Model, Is.EqualTo(direct.Model));
    }

    [TestCase(false, TestName = "With AdamW a resumed run equals one that never stopped"), TestCase(true, TestName = "With CAME a resumed run equals one that never stopped")]
    public void Resumed(bool isCame)
    {
        var config = isCame ? s_came : s_adam;
        var whole = Train("whole", 2, config);
        var first = Train("parts", 2, config, stopAfter: 5);
        var second = Train("parts", 1, config, existing: ExistingRun.Resume);
        Assert.That((float[])[.. first.Losses, .. second.Losses], Is.EqualTo(whole.Losses));
        Assert.That(second.Model, Is.EqualTo(whole.Model));
    }

    [Test]
    public void Images_of_several_sizes_resume_between_batches_of_them()
    {
        using var pictures = new TemporaryFolder();
        for (int i = 0; i < 16; i++)
        {
            pictures.Write($"{i}.png", i % 2 == 0 ? ImageFolderTests.Png(16, 8, (byte)(10 * i), 2, 3) : ImageFolderTests.Png(8, 16, 1, (byte)(10 * i), 3));
            pictures.Write($"{i}.txt", Encoding.UTF8.GetBytes($"picture {i}"));
        }
        var source = CaptionedSources.Open(pictures.Path, 16, new AspectBuckets([new("0.5", 8, 16), new("2.0", 16, 8)]));
        var whole = Train("whole", 2, s_adam, source: source);
        Train("parts", 2, s_adam, stopAfter: 4, source: source);
        Assert.That(Train("parts", 1, s_adam, existing: ExistingRun.Resume, source: source).Model, Is.EqualTo(whole.Model));
        using var model = StoredModel.Open(Path.Combine(_folder, "whole", Checkpoint.ModelFile));
        Assert.That((model.Info.Size, model.Info.TextEncoder, model.Info.TimeShift), Is.EqualTo(((ImageSize?)null, "words", (double?)2)));
    }

    [Test]
    public void The_first_loss_is_that_of_a_zero_output() => Assert.That(Train("start", 1, s_adam, stopAfter: 1).Losses[0], Is.InRange(1.0f, 2.0f));

    [Test]
    public void Another_optimizer_is_refused_by_name()
    {
        Train("run", 1, s_adam, stopAfter: 2);
        var error = Assert.Throws<ConfigurationException>(() => Train("run", 1, s_came, existing: ExistingRun.Resume));
        Assert.That(error!.Message, Does.StartWith("optimizer is came here and adamw in "));
    }

    [Test]
    public void States_of_another_width_are_refused_by_both_names()
    {
        using var device = Device.Open("cpu", 1);
        var data = new CaptionedData(new CaptionedShapes(16), new WordsEncoder(20, SmallRun.Texts.TextTokens));
        var error = Assert.Throws<ConfigurationException>(() => TrainingRun.Create(Path.Combine(_folder, "x"), device, data, SmallRun.Texts, s_adam, ExistingRun.Refuse));
        Assert.That(error!.Message, Does.Contain("20 channels").And.Contain("the model takes 12"));
        Assert.That(device.Arena.BytesInUse, Is.Zero);
        Assert.That(Path.Combine(_folder, "x"), Does.Not.Exist);
    }

    [Test]
    public void Another_encoder_is_refused_on_resume()
    {
        Train("run", 1, s_adam, stopAfter: 2);
        using var device = Device.Open("cpu", 1);
        var data = new CaptionedData(new CaptionedShapes(16), new WordsEncoder(SmallRun.Texts.TextWidth, SmallRun.Texts.TextTokens + 1));
        var error = Assert.Throws<ConfigurationException>(() => TrainingRun.Create(Path.Combine(_folder, "run"), device, data, SmallRun.Texts, s_adam, ExistingRun.Resume));
        Assert.That(error!.Message, Does.Contain("encoder"));
    }
}

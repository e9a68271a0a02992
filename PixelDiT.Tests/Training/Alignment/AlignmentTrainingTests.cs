using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Alignment;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Vision;

namespace PixelDiT.Tests.Training.Alignment;

/// <summary>Whole runs with representation alignment: the loss falls, bits are repeated, stored tokens are the network's own, and nothing of it is in the model file.</summary>
internal sealed class AlignmentTrainingTests
{
    private static readonly AlignmentConfig s_alignment = new() { Block = 1, Inner = 24 };
    private static readonly TrainingConfig s_config = new() { Batch = 6, Steps = 4, Size = 16, Seed = 5, Optimizer = new() { LearningRate = 2e-3 }, Alignment = s_alignment };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private sealed record Result(StepReport[] Steps, float[] Weights, byte[] Model, long Peak);

    private static DinoTeacher Network(Device device, ModelConfig sizes)
    {
        using var weights = SmallTeacher.Open();
        return new DinoTeacher(device, weights, sizes.IsText ? null : sizes.Patch, default);
    }

    private Result Train(string name, TrainingConfig config, bool isText = false, Func<Device, ITeacher>? open = null, int threads = 1, ExistingRun existing = ExistingRun.Refuse, IImageSource? images = null, string on = "cpu")
    {
        var sizes = isText ? SmallRun.Texts : SmallRun.Classes with { Classes = images?.Classes ?? SmallRun.Classes.Classes };
        using var device = Device.Open(on, threads);
        var steps = new List<StepReport>();
        Result result;
        using (var teacher = config.Alignment is null ? null : open?.Invoke(device) ?? Network(device, sizes))
        {
            using var run = TrainingRun.Create(Path.Combine(_folder.Path, name), device, images is null ? SmallRun.Data(sizes) : new ClassData(images), sizes, config, existing, teacher: teacher);
            run.Run(0, steps.Add);
            result = new([.. steps], run.Trainer.Model.Parameters.Values!.ToArray(), File.ReadAllBytes(run.ModelPath), device.Arena.PeakBytes);
        }
        Assert.That(device.Arena.BytesInUse, Is.Zero, "all device memory is back");
        return result;
    }

    [TestCase(false), TestCase(true)]
    public void Tokens_turn_towards_the_teacher(bool isText)
    {
        var result = Train("run", s_config with { Steps = 40 }, isText);
        float[] losses = [.. result.Steps.Select(step => step.AlignmentLoss!.Value)];
        // Of classes 1 − cos, from about 1; of texts −cos, from about 0.
        Assert.That(losses[0], Is.EqualTo(isText ? 0 : 1).Within(0.5));
        Assert.That(losses[^5..].Average(), Is.LessThan(losses[..5].Average() - 0.3));
    }

    [Test]
    public void The_first_loss_and_the_model_file_are_those_of_a_run_without()
    {
        Result with = Train("with", s_config with { Steps = 1 }), without = Train("without", s_config with { Steps = 1, Alignment = null });
        Assert.That(with.Steps[0].Loss, Is.EqualTo(without.Steps[0].Loss));
        Assert.That(without.Steps[0].AlignmentLoss, Is.Null);
        Assert.That(with.Model, Has.Length.EqualTo(without.Model.Length), "no projector");
        // At the first step the head is zero and keeps the flow's gradient from every block; only the alignment moves them.
        Assert.That(with.Steps[0].GradientNorm, Is.GreaterThan(without.Steps[0].GradientNorm));
    }

    [TestCase(false), TestCase(true)]
    public void Bits_do_not_depend_on_threads_back_ends_or_interruptions(bool isText)
    {
        var whole = Train("whole", s_config, isText, threads: 2);
        Assert.That(Train("one", s_config, isText).Weights, Is.EqualTo(whole.Weights));
        if (!isText) Assert.That(Train("ilgpu", s_config, on: "ilgpu-cpu").Weights, Is.EqualTo(whole.Weights));
        Train("parts", s_config with { Steps = 2 }, isText);
        var resumed = Train("parts", s_config, isText, existing: ExistingRun.Resume);
        Assert.That(resumed.Weights, Is.EqualTo(whole.Weights));
        Assert.That(resumed.Model, Is.EqualTo(whole.Model));
        Assert.That(Train("checkpointed", s_config with { CheckpointActivations = true }, isText).Weights, Is.EqualTo(whole.Weights));
    }

    [Test]
    public void A_resumed_run_keeps_its_alignment()
    {
        Train("run", s_config with { Steps = 2 });
        Assert.That(() => Train("run", s_config with { Alignment = s_alignment with { Weight = 0.25 } }, existing: ExistingRun.Resume), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith("repa is weight 0.25, block 1"));
        Assert.That(() => Train("run", s_config with { Alignment = null }, existing: ExistingRun.Resume), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith("repa is none here and weight 0.5"));
        Train("plain", s_config with { Steps = 2, Alignment = null });
        Assert.That(() => Train("plain", s_config, existing: ExistingRun.Resume), Throws.TypeOf<ConfigurationException>().With.Message.Contains("here and none in"));
    }

    [TestCase(false), TestCase(true)]
    public void Parts_of_a_batch_give_its_step(bool isText)
    {
        Result whole = Train("whole", s_config, isText), parts = Train("parts", s_config with { Accumulate = 3 }, isText);
        // Means of means of six float32 numbers.
        Assert.That(parts.Steps.Select(step => step.AlignmentLoss!.Value), Is.EqualTo(whole.Steps.Select(step => step.AlignmentLoss!.Value)).Within(2e-4));
        Assert.That(parts.Steps.Select(step => step.GradientNorm), Is.EqualTo(whole.Steps.Select(step => step.GradientNorm)).Within(0.1).Percent);
    }

    [TestCase(false), TestCase(true)]
    public void Stored_tokens_are_those_of_the_network(bool flips)
    {
        var images = new FewImages();
        string folder = Path.Combine(_folder.Path, "features");
        var config = s_config with { Flip = flips };
        using (var device = Device.Open("cpu", 1))
        using (var network = Network(device, SmallRun.Classes))
        {
            var described = new FeatureFolder(images.ListingHash, "16x16", images.Count, network.Identity, network.TokensOf(16, 16), network.Width, "F32", flips, ImagesAFile: 4);
            Assert.That(FeatureWriter.Write(folder, described, images, network, device, batch: 3), Is.Zero);
            Assert.That(FeatureWriter.Write(folder, described, images, network, device, batch: 3), Is.EqualTo(images.Count));
        }
        var online = Train("online", config, images: images);
        var stored = Train("stored", config, images: images, open: device => new StoredTeacher(device, folder, images.ListingHash, images.Count, 16, 16, flips));
        Assert.That(stored.Weights, Is.EqualTo(online.Weights));
        Assert.That(() => Train("mirrored", config with { Flip = true }, images: images, open: device => new StoredTeacher(device, folder, images.ListingHash, images.Count, 16, 16, true)),
            flips ? Throws.Nothing : Throws.TypeOf<ConfigurationException>().With.Message.Contains("features --flip makes them"));
    }

    [Test]
    public void Features_of_other_images_and_damaged_ones_are_refused()
    {
        var images = new FewImages();
        string folder = Path.Combine(_folder.Path, "features");
        using var device = Device.Open("cpu", 1);
        using var network = Network(device, SmallRun.Classes);
        var described = new FeatureFolder(images.ListingHash, "16x16", images.Count, network.Identity, network.TokensOf(16, 16), network.Width, "BF16", Mirrored: false, ImagesAFile: 4);
        using var stop = new CancellationTokenSource();
        Assert.That(() => FeatureWriter.Write(folder, described, images, network, device, 2, (done, _) => { if (done >= 6) stop.Cancel(); }, stop.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(File.Exists(FeatureFolder.FileOf(folder, 0)), "what was finished stays");
        Assert.That(() => Open(images.ListingHash, 10, 16), Throws.TypeOf<FileFormatException>().With.Message.Contains("features-00001.safetensors: is missing; 3 files were expected"));
        Assert.That(FeatureWriter.Write(folder, described, images, network, device, 2), Is.EqualTo(4));
        Assert.That(() => Open(new string('0', 64), 10, 16), Throws.TypeOf<ConfigurationException>().With.Message.Contains("are not those of --data"));
        Assert.That(() => Open(images.ListingHash, 10, 32), Throws.TypeOf<ConfigurationException>().With.Message.Contains("of images of 16x16 (height by width); the run trains on 32x16"));
        using (var teacher = Open(images.ListingHash, 10, 16)) Assert.That(teacher.Identity, Does.EndWith(" in BF16"));
        File.Copy(FeatureFolder.FileOf(folder, 0), FeatureFolder.FileOf(folder, 1), overwrite: true);
        using (var teacher = Open(images.ListingHash, 10, 16))
        using (var x = device.Allocate([1, 3, 16, 16]))
        {
            Assert.That(() => teacher.Encode(x, [(5, false)]), Throws.TypeOf<FileFormatException>().With.Message.Contains("features-00001.safetensors: metadata first is \"0\"; \"4\" was expected"));
        }
        File.WriteAllText(Path.Combine(folder, FeatureFolder.IndexFile), "{\"images\": 3}");
        Assert.That(() => Open(images.ListingHash, 10, 16), Throws.TypeOf<FileFormatException>().With.Message.Contains("does not describe features"));

        StoredTeacher Open(string listing, long count, int height) => new(device, folder, listing, count, height, 16, false);
    }

    [Test]
    public void A_text_models_batches_of_sizes_without_square_grids_have_no_alignment()
    {
        // 16×24 has 4·6 tokens, 16×16 has 4·4; the teacher's 224×224 are 16·16.
        var source = new TwoSizes();
        using var device = Device.Open("cpu", 1);
        using var teacher = Network(device, SmallRun.Texts);
        var data = SmallRun.Data(SmallRun.Texts, source);
        var aligned = new List<bool>();
        using (var run = TrainingRun.Create(Path.Combine(_folder.Path, "run"), device, data, SmallRun.Texts, s_config with { Batch = 2, Steps = 8 }, ExistingRun.Refuse, teacher: teacher)) run.Run(0, step => aligned.Add(step.AlignmentLoss is not null));
        Assert.That(aligned, Does.Contain(true).And.Contain(false));
        var config = s_config with { Batch = 2, Size = new(16, 24) };
        Assert.That(() => TrainingRun.Create(Path.Combine(_folder.Path, "other"), device, SmallRun.Data(SmallRun.Texts, new TwoSizes(only: 1)), SmallRun.Texts, config, ExistingRun.Refuse, teacher: teacher),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains("at 24×16 24 tokens are to be aligned with a teacher's 256; both must be squares"));
    }

    [Test]
    public void Memory_is_counted_with_the_teacher()
    {
        using var device = Device.Open("cpu", 1);
        using var teacher = Network(device, SmallRun.Classes);
        long images = 3L * s_config.Batch * 3 * 16 * 16 * sizeof(float), counted = StepMemory.OfTraining(SmallRun.Classes, s_config, 16, 16, teacher) - images;
        // Both peaks are counted as if they came together; in a run the teacher's activations are gone before the model's are made.
        Assert.That(Train("run", s_config).Peak, Is.LessThanOrEqualTo(counted).And.GreaterThan(counted * 0.6));
    }

    [Test]
    public void A_block_that_is_not_there_is_refused()
        => Assert.That(() => Train("run", s_config with { Alignment = s_alignment with { Block = 3 } }), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo("tokens are to be projected behind patch block 3; the model has 2"));
}

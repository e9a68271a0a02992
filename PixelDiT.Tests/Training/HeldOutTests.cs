using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.HeldOut;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Training.Alignment;

namespace PixelDiT.Tests.Training;

/// <summary>Images that are not trained on: which they are, what their loss is, and that measuring it changes nothing.</summary>
internal sealed class HeldOutTests
{
    private static readonly TrainingConfig s_config = new() { Batch = 4, Steps = 8, Size = 16, Seed = 2, Optimizer = new() { LearningRate = 2e-3 } };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase(2, 1), TestCase(10, 3), TestCase(1000, 1), TestCase(1000, 999), TestCase(100_000, 5000)]
    public void Every_image_is_in_one_part_and_those_that_are_trained_on_keep_their_order(int count, int heldOut)
    {
        var split = new HeldOutSplit("some", count, heldOut);
        long[] held = Indices(ImagePart.HeldOut), trained = Indices(ImagePart.Training);
        Assert.That(held, Has.Length.EqualTo(heldOut).And.Ordered.And.Unique);
        Assert.That(trained, Is.Ordered.And.Unique);
        Assert.That(held.Concat(trained).Order(), Is.EqualTo(Enumerable.Range(0, count).Select(index => (long)index)));

        long[] Indices(ImagePart part) => [.. Enumerable.Range(0, (int)split.CountOf(part)).Select(index => split.IndexOf(part, index))];
    }

    [TestCase(0), TestCase(10), TestCase(11)]
    public void More_than_there_are_or_none_is_refused(int heldOut)
        => Assert.That(() => PartOfImages.Cut(new FewImages(), heldOut), Throws.TypeOf<DataException>().With.Message.EqualTo($"few: {heldOut} images are to be held out of 10; at least 1, and fewer than all, were expected"));

    [Test]
    public void Parts_know_their_classes_and_are_other_data_than_the_whole()
    {
        var whole = new FewImages();
        var (trained, held) = PartOfImages.Cut(whole, 3);
        Assert.That(trained.ClassCounts.Zip(held.ClassCounts, (a, b) => a + b), Is.EqualTo(whole.ClassCounts));
        Assert.That((string[])[trained.ListingHash, held.ListingHash, whole.ListingHash, PartOfImages.Cut(whole, 4).Training.ListingHash], Is.Unique);
        float[] image = new float[3 * 16 * 16], same = new float[image.Length];
        Assert.That(held.Read(1, image), Is.EqualTo(held.Label(1)));
        whole.Read(held.IndexInWhole(1), same);
        Assert.That(image, Is.EqualTo(same));
        Assert.That(() => held.Label(3), Throws.TypeOf<DataException>().With.Message.Contains("image 3 was asked for; there are 3"));
    }

    private (StepReport[] Steps, byte[] Model) Train(string name, TrainingData data, TrainingConfig config, WatchConfig? watch, bool isText = false, int threads = 1)
    {
        var sizes = isText ? SmallRun.Texts : SmallRun.Classes;
        using var device = Device.Open("cpu", threads);
        var steps = new List<StepReport>();
        byte[] model;
        using (var run = TrainingRun.Create(Path.Combine(_folder.Path, name), device, data, sizes, config, ExistingRun.Refuse, watch: watch))
        {
            run.Run(0, steps.Add);
            model = File.ReadAllBytes(run.ModelPath);
        }
        Assert.That(device.Arena.BytesInUse, Is.Zero, "all device memory is back");
        return ([.. steps], model);
    }

    [TestCase(false), TestCase(true)]
    public void Their_loss_is_measured_at_intervals_and_at_the_end_and_changes_no_bit(bool isText)
    {
        TrainingData data, held;
        if (isText)
        {
            var captioned = (CaptionedData)SmallRun.Data(SmallRun.Texts, new TwoSizes());
            var (trained, apart) = PartOfCaptions.Cut(captioned.Source, 3);
            (data, held) = (new CaptionedData(trained, captioned.Encoder), new CaptionedData(apart, captioned.Encoder));
        }
        else
        {
            var (trained, apart) = PartOfImages.Cut(new FewImages(), 3);
            (data, held) = (new ClassData(trained), new ClassData(apart));
        }
        var config = s_config with { Batch = 2 };
        var (steps, model) = Train("watched", data, config, new WatchConfig { HeldOut = held, HeldOutEvery = 3 }, isText);
        var (_, plain) = Train("plain", data, config, null, isText);
        Assert.That(model, Is.EqualTo(plain));
        Assert.That(steps.Where(step => step.HeldOut is not null).Select(step => step.Step), Is.EqualTo((long[])[3, 6, 8]));
        Assert.That(steps[2].HeldOut!.Value.Raw, Is.Not.EqualTo(steps[2].HeldOut!.Value.Averaged));
        Assert.That(Train("threads", data, config, new WatchConfig { HeldOut = held, HeldOutEvery = 3 }, isText, threads: 2).Steps[^1].HeldOut, Is.EqualTo(steps[^1].HeldOut));
        string[] rows = File.ReadAllLines(Path.Combine(_folder.Path, "watched", RunFolder.LogFile));
        int column = Array.IndexOf(rows[0].Split(','), "held_out");
        Assert.That(rows.Skip(1).Select(row => row.Split(',')[column].Length > 0), Is.EqualTo(Enumerable.Range(1, 8).Select(step => step is 3 or 6 or 8)));
    }

    [Test]
    public void A_model_of_zeros_has_the_loss_of_its_images()
    {
        // The head of a new model is zero, so that its loss is the mean square of x − ε, whatever the time: that of these images and of unit noise.
        var images = new FewImages();
        using var device = Device.Open("cpu", 1);
        using var run = TrainingRun.Create(Path.Combine(_folder.Path, "run"), device, new ClassData(images), SmallRun.Classes, s_config, ExistingRun.Refuse);
        double squares = 0;
        float[] image = new float[3 * 16 * 16];
        for (int i = 0; i < images.Count; i++)
        {
            images.Read(i, image);
            squares += image.Sum(value => (double)value * value) / image.Length;
        }
        // Of ten images' 7680 draws, the mean square is 1 to within a few hundredths, and so is what x and ε have in common.
        Assert.That(run.Trainer.LossOf(run.Trainer.Model, new ClassData(images)), Is.EqualTo((squares / images.Count) + 1).Within(0.06));
    }

    [Test]
    public void A_resumed_run_holds_out_the_same_images()
    {
        Train("run", new ClassData(PartOfImages.Cut(new FewImages(), 3).Training), s_config with { Steps = 2 }, null);
        using var device = Device.Open("cpu", 1);
        Assert.That(() => TrainingRun.Create(Path.Combine(_folder.Path, "run"), device, new ClassData(PartOfImages.Cut(new FewImages(), 2).Training), SmallRun.Classes, s_config, ExistingRun.Resume),
            Throws.TypeOf<DataException>().With.Message.Contains("is not the data of the run"));
    }
}

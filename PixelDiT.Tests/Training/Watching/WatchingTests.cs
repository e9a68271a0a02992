using System.Runtime.InteropServices;
using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.TensorBoard;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training.Watching;

/// <summary>A run that is watched is the run that it would be unwatched, to the bit.</summary>
public sealed class WatchingTests
{
    private static readonly TrainingConfig s_config = new() { Batch = 4, Steps = 7, Size = 16, Seed = 5, Warmup = 2, Optimizer = new() { LearningRate = 1e-3 } };

    private readonly TemporaryFolder _folder = new();

    [OneTimeTearDown]
    public void RemoveFolder() => _folder.Dispose();

    private static WatchConfig Watched(ModelConfig sizes, int every = 2)
        => new() { Sampling = new SamplingConfig { Sampler = sizes.IsText ? Sampler.DpmSolver : Sampler.FlowDpm, Steps = 2, Guidance = 2 }, SampleEvery = every, WritesEvents = true };

    private string Train(string name, ModelConfig sizes, WatchConfig? watch, bool late = false, int steps = 7, ExistingRun existing = ExistingRun.Refuse, Action<RunNews>? news = null, CancellationToken cancel = default)
    {
        string folder = Path.Combine(_folder.Path, name);
        using var device = Device.Open("cpu", 1);
        using (var run = TrainingRun.Create(folder, device, SmallRun.Data(sizes), sizes, s_config with { Steps = steps }, existing, watch: watch))
        {
            run.Trainer.ReadsLate = late;
            run.Run(3, _ => { }, cancel, warn: Assert.Fail, news: news);
        }
        Assert.That(device.Arena.BytesInUse, Is.Zero, "all device memory is back");
        return folder;
    }

    private static byte[][] Files(string folder) => [.. ((string[])[Checkpoint.StateFile, Checkpoint.ModelFile]).Select(name => File.ReadAllBytes(Path.Combine(folder, name)))];

    [TestCase(false, false), TestCase(false, true), TestCase(true, false)]
    public void Pictures_between_steps_change_no_bit(bool isText, bool late)
    {
        var sizes = isText ? SmallRun.Texts : SmallRun.Classes with { PatchDepth = 1 };
        string plain = Train($"plain {isText} {late}", sizes, null, late), watched = Train($"watched {isText} {late}", sizes, Watched(sizes), late);
        Assert.That(Files(watched), Is.EqualTo(Files(plain)));
        Assert.That(LossLog.Figures(Path.Combine(watched, "loss.csv")), Is.EqualTo(LossLog.Figures(Path.Combine(plain, "loss.csv"))));
        Assert.That(SampleGrids.Of(watched).Select(grid => grid.Step), Is.EqualTo((long[])[2, 4, 6]));
        Assert.That(File.ReadAllBytes(Path.Combine(watched, "samples.png")), Is.EqualTo(File.ReadAllBytes(SampleGrids.Of(watched)[^1].Path)), "samples.png is the newest");
        Assert.That(EventFile.Of(watched).Count(), Is.EqualTo(1));
        Assert.That(EventFile.Of(plain), Is.Empty);
        Assert.That(Directory.Exists(Path.Combine(plain, "samples")), Is.False);
    }

    [Test]
    public void A_run_that_goes_on_draws_the_same_pictures_and_forgets_those_ahead()
    {
        var sizes = SmallRun.Classes with { PatchDepth = 1 };
        string whole = Train("whole", sizes, Watched(sizes)), parts = Train("parts", sizes, Watched(sizes), steps: 3);
        Directory.CreateDirectory(Path.Combine(parts, "samples"));
        File.WriteAllText(Path.Combine(parts, "samples", "00000005.png"), "of a part of the run that does not count any more");
        File.WriteAllText(Path.Combine(parts, "samples", "mine.png"), "a person's");
        Train("parts", sizes, Watched(sizes), existing: ExistingRun.Resume);
        Assert.That(SampleGrids.Of(parts).Select(grid => Path.GetFileName(grid.Path)), Is.EqualTo(SampleGrids.Of(whole).Select(grid => Path.GetFileName(grid.Path))));
        foreach (var (mine, theirs) in SampleGrids.Of(parts).Zip(SampleGrids.Of(whole))) Assert.That(File.ReadAllBytes(mine.Path), Is.EqualTo(File.ReadAllBytes(theirs.Path)));
        Assert.That(File.Exists(Path.Combine(parts, "samples", "mine.png")));
        Assert.That(EventFile.Of(parts).Count(), Is.EqualTo(2));
        Assert.That(File.ReadLines(Path.Combine(parts, "loss.csv")).Skip(1).Select(row => row.Split(',')[^1]), Is.EqualTo((string[])["1", "1", "1", "2", "2", "2", "2"]));
    }

    [Test]
    public void A_run_that_is_stopped_while_it_draws_ends_at_once_and_goes_on_as_ever()
    {
        var sizes = SmallRun.Classes with { PatchDepth = 1 };
        string whole = Train("unstopped", sizes, Watched(sizes));
        using var stop = new CancellationTokenSource();
        int drawn = 0;
        string stopped = Train("stopped", sizes, Watched(sizes), cancel: stop.Token, news: news =>
        {
            if (news is not DrawingNews { Step: 4 }) return;
            drawn++;
            stop.Cancel();
        });
        Assert.That(drawn, Is.EqualTo(1));
        Assert.That(File.ReadAllLines(Path.Combine(stopped, "loss.csv")), Has.Length.EqualTo(5));
        Assert.That(SampleGrids.Of(stopped).Select(grid => grid.Step), Is.EqualTo((long[])[2]));
        Train("stopped", sizes, Watched(sizes), existing: ExistingRun.Resume);
        Assert.That(Files(stopped), Is.EqualTo(Files(whole)));
    }

    [Test]
    public void There_are_news_of_every_checkpoint_and_of_every_grid()
    {
        var sizes = SmallRun.Classes with { PatchDepth = 1 };
        var news = new List<RunNews>();
        Train("news", sizes, Watched(sizes, every: 3), news: news.Add);
        // A checkpoint is written beside training, so which of the two is told first is left open.
        Assert.That(news.OfType<CheckpointNews>().Select(item => item.Step).Where(step => step < 7), Is.EqualTo((long[])[3, 6]));
        Assert.That(news.OfType<GridNews>().Select(item => item.Step), Is.EqualTo((long[])[3, 6]));
        Assert.That(news.OfType<DrawingNews>().Last().Done, Is.EqualTo(72));
    }

    [TestCase(false, 1), TestCase(false, 2), TestCase(true, 1)]
    public void The_loss_by_time_is_that_of_the_images_whose_time_it_is(bool isText, int accumulate)
    {
        var sizes = isText ? SmallRun.Texts : SmallRun.Classes with { PatchDepth = 1 };
        var config = s_config with { Accumulate = accumulate, Batch = 8, Steps = 3 };
        using var device = Device.Open("cpu", 1);
        using var run = TrainingRun.Create(Path.Combine(_folder.Path, $"bands {isText} {accumulate}"), device, SmallRun.Data(sizes), sizes, config, ExistingRun.Refuse);
        run.Run(0, step =>
        {
            var batch = run.Trainer.BatchOf(step.Step - 1);
            float[] times = isText ? [.. Singles(batch, "in.levels").Skip(8).Take(8).Select(sigma => 1 - sigma)] : Singles(batch, "in.t");
            int[] images = [.. Enumerable.Range(0, LossBands.Count).Select(band => times.Count(t => Math.Min((int)(t * LossBands.Count), LossBands.Count - 1) == band))];
            double sum = 0;
            for (int band = 0; band < LossBands.Count; band++)
            {
                Assert.That(double.IsNaN(step.LossByTime[band]), Is.EqualTo(images[band] == 0));
                if (images[band] > 0) sum += images[band] * step.LossByTime[band];
            }
            // The mean of the images' means is the mean of all, but for the order of a few thousand single-precision additions.
            Assert.That(sum / 8, Is.EqualTo(step.Loss).Within(2e-6 * step.Loss));
        });
        Assert.That(run.Trainer.Optimizer.Steps, Is.EqualTo(3));

        static float[] Singles(IReadOnlyList<Reference.Formats.Safetensors.TensorData> batch, string name)
        {
            using var bytes = new MemoryStream();
            batch.Single(tensor => tensor.Spec.Name == name).WriteTo(bytes);
            return MemoryMarshal.Cast<byte, float>(bytes.ToArray()).ToArray();
        }
    }

    [Test]
    public void Bands_hold_every_time_once() => Gen.Select(Gen.Float[0f, 1f].Array[1, 40], Gen.Float[0f, 9f].Array[40]).Sample((times, losses) =>
    {
        double[] bands = LossBands.Of(losses.AsSpan(0, times.Length), image => times[image]);
        for (int band = 0; band < LossBands.Count; band++)
        {
            double low = (double)band / LossBands.Count, high = band == LossBands.Count - 1 ? 2 : (double)(band + 1) / LossBands.Count;
            double[] inside = [.. times.Zip(losses).Where(image => image.First >= low && image.First < high).Select(image => (double)image.Second)];
            if (inside.Length == 0 ? !double.IsNaN(bands[band]) : Math.Abs(bands[band] - inside.Average()) > 1e-9) return false;
        }
        return true;
    });

    [Test]
    public void Memory_for_pictures_is_counted_before_the_first_step()
    {
        var sizes = SmallRun.Classes;
        // Steps of one image take less than pictures of the most sides.
        var sheet = new StepMemory.Sheet(new SamplingConfig { Steps = 2, Guidance = 2 }, 64, 64, 64, 64);
        var (training, drawing) = StepMemory.OfRun(sizes, s_config with { Batch = 1 }, 16, 16, null, sheet);
        Assert.That(training, Is.EqualTo(StepMemory.OfTraining(sizes, s_config with { Batch = 1 }, 16, 16)));
        Assert.That(drawing, Is.GreaterThan(training).And.GreaterThan(StepMemory.OfSampling(sizes, default, sheet.Sampling, 64, 64, 64)));
        using var device = Device.Open("cpu", 1);
        var huge = sheet with { Pictures = 1 << 24, AtATime = 1, Height = 256, Width = 256 };
        Assert.That(() => StepMemory.RequireTraining(device, sizes, s_config, 16, 16, sheet: huge), Throws.TypeOf<DeviceMemoryException>().With.Message.Contains("--sample-steps 0"));
    }

    [Test]
    public void Pictures_without_a_way_to_draw_them_are_refused()
    {
        Assert.That(() => new WatchConfig { SampleEvery = 5 }.Validate(), Throws.TypeOf<ConfigurationException>());
        Assert.That(() => new WatchConfig { SampleEvery = -1 }.Validate(), Throws.TypeOf<ConfigurationException>());
    }
}

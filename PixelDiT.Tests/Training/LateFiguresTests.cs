using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Training;

/// <summary>
/// A step's figures may be read when the next step is queued, as on a GPU: the log, the bits and the checkpoints are those of figures read at once, and a steady
/// step waits for nothing.
/// </summary>
public sealed class LateFiguresTests
{
    private const int Batch = 4, Steps = 7, CheckpointEvery = 3;

    private static readonly ModelConfig s_sizes = new() { Hidden = 32, Heads = 2, Patch = 4, PatchDepth = 1, PixelDepth = 1, PixelHidden = 8, Classes = 9 };

    private static readonly TrainingConfig s_config = new() { Batch = Batch, Steps = Steps, Size = 16, Seed = 5, Warmup = 2, Optimizer = new() { LearningRate = 1e-3 } };

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private sealed record Outcome(string[] Log, Dictionary<long, byte[]> Checkpoints, byte[] Model, byte[] State, Exception? Error);

    /// <summary>Trains, and keeps the checkpoint that is there when a step is reported.</summary>
    private Outcome Train(bool late, IImageSource? source = null, long cancelAt = long.MaxValue)
    {
        string folder = Path.Combine(_folder, late ? "late" : "once"), state = Path.Combine(folder, Checkpoint.StateFile), model = Path.Combine(folder, Checkpoint.ModelFile);
        var checkpoints = new Dictionary<long, byte[]>();
        Exception? failure = null;
        using var device = Device.Open("cpu", 1);
        using (var run = TrainingRun.Create(folder, device, new ClassData(source ?? new Shapes(16)), s_sizes, s_config, ExistingRun.Replace))
        {
            run.Trainer.ReadsLate = late;
            using var stop = new CancellationTokenSource();
            try
            {
                run.Run(CheckpointEvery, report =>
                {
                    if (File.Exists(state)) checkpoints[report.Step] = File.ReadAllBytes(state);
                    if (report.Step == cancelAt) stop.Cancel();
                }, stop.Token);
            }
            catch (PixelDiTException error)
            {
                failure = error;
            }
        }
        Assert.That(device.Arena.BytesInUse, Is.Zero, "all device memory is back");
        // The last column is a speed.
        string[] log = [.. File.ReadLines(Path.Combine(folder, "loss.csv")).Select(line => line[..line.LastIndexOf(',')])];
        return new Outcome(log, checkpoints, File.Exists(model) ? File.ReadAllBytes(model) : [], File.Exists(state) ? File.ReadAllBytes(state) : [], failure);
    }

    private static void AssertEqual(Outcome late, Outcome once)
    {
        Assert.That(late.Log, Is.EqualTo(once.Log));
        Assert.That(late.Model, Is.EqualTo(once.Model));
        Assert.That(late.State, Is.EqualTo(once.State));
        Assert.That(late.Error?.Message, Is.EqualTo(once.Error?.Message));
    }

    [Test]
    public void Log_bits_and_checkpoints_are_those_of_figures_read_at_once()
    {
        Outcome once = Train(late: false), late = Train(late: true);
        AssertEqual(late, once);
        Assert.That(once.Log, Has.Length.EqualTo(1 + Steps));
        // A checkpoint is there from the step after it on, before that step's own.
        Assert.That(late.Checkpoints.Keys, Is.EqualTo(once.Checkpoints.Keys));
        foreach (var (step, bytes) in once.Checkpoints) Assert.That(late.Checkpoints[step], Is.EqualTo(bytes), $"at step {step}");
    }

    [Test]
    public void The_step_in_hand_at_an_interruption_is_in_the_log_and_in_the_checkpoint()
    {
        // Late, step 5 has been queued when step 4 is reported, so it is the step in hand.
        Outcome late = Train(late: true, cancelAt: 4), once = Train(late: false, cancelAt: 5);
        AssertEqual(late, once);
        Assert.That(late.Log[^1], Does.StartWith("5,"));
    }

    [TestCase(3), TestCase(4), TestCase(6), TestCase(7)]
    public void A_loss_that_is_not_finite_stops_the_run_before_a_checkpoint(int badStep)
    {
        Outcome once = Train(late: false, new Spoiled(badStep)), late = Train(late: true, new Spoiled(badStep));
        AssertEqual(late, once);
        Assert.That(late.Error, Is.TypeOf<ConfigurationException>().With.Message.StartsWith($"the loss of step {badStep} is NaN"));
        Assert.That(late.Log, Has.Length.EqualTo(badStep), "the rows of the good steps");
        // What is there is the checkpoint of the last multiple before the bad step.
        Assert.That(late.State.Length > 0, Is.EqualTo(badStep > CheckpointEvery));
    }

    [TestCase(false), TestCase(true)]
    public void Data_that_fails_does_not_lose_the_step_before(bool late)
    {
        var outcome = Train(late, new Spoiled(badStep: 5, fails: true));
        Assert.That(outcome.Error, Is.TypeOf<DataException>());
        Assert.That(outcome.Log[^1], Does.StartWith("4,"));
    }

    [TestCase(false), TestCase(true)]
    public void A_steady_step_waits_for_nothing_and_takes_no_memory(bool late)
    {
        using var device = Device.Open("cpu", 1);
        using var run = TrainingRun.Create(Path.Combine(_folder, "run"), device, new ClassData(new Shapes(16)), s_sizes, s_config, ExistingRun.Refuse);
        run.Trainer.ReadsLate = late;
        var seen = new List<(long Waits, long Reserved, long Peak)>();
        run.Trainer.Run(_ => seen.Add((device.Synchronizations, device.Arena.BytesReserved, device.Arena.PeakBytes)));
        Assert.That(seen, Has.Count.EqualTo(Steps));
        // The second step packs what the first one had to allocate; from there on nothing changes.
        Assert.That(seen.Skip(2), Is.All.EqualTo(seen[1]));
        Assert.That(seen[0].Waits, Is.Positive, "what is made once waits");
    }

    /// <summary>Drawn images that are no numbers, or cannot be read, from a step on. The batches are read in order.</summary>
    private sealed class Spoiled(int badStep, bool fails = false) : IImageSource
    {
        private readonly Shapes _shapes = new(16);
        private int _read;

        public string Name => _shapes.Name;

        public int Classes => _shapes.Classes;

        public IReadOnlyList<string> ClassNames => _shapes.ClassNames;

        public long Count => _shapes.Count;

        public int Channels => _shapes.Channels;

        public int Height => _shapes.Height;

        public int Width => _shapes.Width;

        public IReadOnlyList<SkippedImage> Skipped => _shapes.Skipped;

        public IReadOnlyList<long> ClassCounts => _shapes.ClassCounts;

        public string ListingHash => _shapes.ListingHash;

        public int Label(long index) => _shapes.Label(index);

        public int Read(long index, Span<float> image)
        {
            int label = _shapes.Read(index, image);
            if (Interlocked.Increment(ref _read) <= (badStep - 1) * Batch) return label;
            if (fails) throw new DataException("image gone");
            image.Fill(float.NaN);
            return label;
        }
    }
}

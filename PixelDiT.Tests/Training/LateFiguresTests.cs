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

    private static readonly ModelConfig s_sizes = SmallRun.Classes with { PatchDepth = 1 };

    private static readonly TrainingConfig s_config = new() { Batch = Batch, Steps = Steps, Size = 16, Seed = 5, Warmup = 2, Optimizer = new() { LearningRate = 1e-3 } };

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private sealed record Outcome(string[] Log, Dictionary<long, byte[]> Checkpoints, byte[] Model, byte[] State, Exception? Error);

    /// <summary>Trains, and keeps the checkpoint that is there when a step is reported.</summary>
    private Outcome Train(bool late, IImageSource? source = null, long cancelAt = long.MaxValue, int limit = 10)
    {
        string folder = Path.Combine(_folder, late ? "late" : "once"), state = Path.Combine(folder, Checkpoint.StateFile), model = Path.Combine(folder, Checkpoint.ModelFile);
        var checkpoints = new Dictionary<long, byte[]>();
        Exception? failure = null;
        using var device = Device.Open("cpu", 1);
        using (var run = TrainingRun.Create(folder, device, new ClassData(source ?? new Shapes(16)), s_sizes, s_config with { SkipLimit = limit }, ExistingRun.Replace))
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
        string[] log = LossLog.Figures(Path.Combine(folder, "loss.csv"));
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
        Outcome once = Train(late: false, new Spoiled(badStep), limit: 0), late = Train(late: true, new Spoiled(badStep), limit: 0);
        Assert.That(late.Log, Is.EqualTo(once.Log));
        Assert.That(late.State, Is.EqualTo(once.State));
        foreach (var outcome in (Outcome[])[late, once]) Assert.That(outcome.Error, Is.TypeOf<NotFiniteException>().With.Message.StartsWith($"the loss of step {badStep} is NaN").And.Message.Contains("failure.safetensors has its batch"));
        Assert.That(late.Log, Has.Length.EqualTo(badStep + 1), "the rows of the good steps, and that of the bad one");
        Assert.That(late.Log[^1], Does.StartWith($"{badStep},NaN,NaN,"));
        // What is there is the checkpoint of the last multiple before the bad step.
        Assert.That(late.State.Length > 0, Is.EqualTo(badStep > CheckpointEvery));
    }

    [TestCase(1, 1), TestCase(2, 1), TestCase(3, 1), TestCase(3, 2), TestCase(5, 3), TestCase(7, 1)]
    public void Steps_that_are_not_finite_update_nothing_and_are_not_counted_by_the_bias_corrections(int badStep, int count)
    {
        Outcome once = Train(late: false, new Spoiled(badStep, count: count)), late = Train(late: true, new Spoiled(badStep, count: count));
        AssertEqual(late, once);
        Assert.That(once.Error, Is.Null);
        Assert.That(once.Log.Count(row => row.Contains("NaN", StringComparison.Ordinal)), Is.EqualTo(count));
        using (var model = StoredModel.Open(Path.Combine(_folder, "once", Checkpoint.ModelFile))) Assert.That(model.Info.Step, Is.EqualTo(Steps));
        using var state = Reference.Formats.Safetensors.SafetensorsReader.Open(Path.Combine(_folder, "once", Checkpoint.StateFile));
        Assert.That(state.Metadata["updates"], Is.EqualTo($"{Steps - count}"));
        foreach (var tensor in state.Tensors) Assert.That(state.ReadSingles(tensor.Name), Is.All.Matches<float>(float.IsFinite), tensor.Name);
    }

    [Test]
    public void A_skipped_step_leaves_weights_and_moments_to_the_bit_as_they_were()
    {
        using var device = Device.Open("cpu", 1);
        using var run = TrainingRun.Create(Path.Combine(_folder, "run"), device, new ClassData(new Spoiled(4, count: 1)), s_sizes, s_config, ExistingRun.Refuse);
        var optimizer = (Optimizer)run.Trainer.Optimizer;
        var seen = new List<float[][]>();
        run.Run(0, _ => seen.Add([run.Trainer.Model.Parameters.Values!.ToArray(), optimizer.First.ToArray(), optimizer.Second.ToArray(), optimizer.Average.ToArray()]));
        Assert.That(seen[3], Is.EqualTo(seen[2]), "step 4 has changed nothing");
        Assert.That(seen[4][0], Is.Not.EqualTo(seen[3][0]), "and step 5 goes on");
        Assert.That((optimizer.Steps, optimizer.Updates), Is.EqualTo((7L, 6L)));
    }

    [TestCase(false), TestCase(true)]
    public void A_run_with_skipped_steps_goes_on_as_if_it_had_never_stopped(bool isCame)
    {
        byte[] Model(string name, params int[] parts)
        {
            var config = s_config with { Came = isCame ? new CameConfig() : null };
            foreach (int steps in parts)
            {
                using var device = Device.Open("cpu", 1);
                using var run = TrainingRun.Create(Path.Combine(_folder, name), device, new ClassData(new Spoiled(4, count: 1)), s_sizes, config with { Steps = steps }, steps == parts[0] ? ExistingRun.Refuse : ExistingRun.Resume);
                run.Run(0, _ => { });
                Assert.That(run.Trainer.Optimizer.Updates, Is.EqualTo(run.Trainer.Optimizer.Steps - (steps >= 4 ? 1 : 0)));
            }
            return File.ReadAllBytes(Path.Combine(_folder, name, Checkpoint.ModelFile));
        }
        byte[] whole = Model("whole", 7);
        Assert.That(Model("three", 3, 7), Is.EqualTo(whole));
        Assert.That(Model("four", 4, 7), Is.EqualTo(whole));
        Assert.That(Model("five", 5, 7), Is.EqualTo(whole));
    }

    [Test]
    public void What_a_run_was_stopped_by_can_be_looked_at()
    {
        Train(late: false, new Spoiled(5), limit: 1);
        using var failure = Reference.Formats.Safetensors.SafetensorsReader.Open(Path.Combine(_folder, "once", RunFolder.FailureFile));
        Assert.That(failure.Metadata["step"], Is.EqualTo("6"));
        Assert.That(failure.Metadata["gradient_norms"], Does.Contain("final_layer NaN"));
        Assert.That(failure.Tensors.Select(tensor => tensor.Name), Is.EquivalentTo((string[])["in.x", "in.noise", "in.t", "in.y"]));
        Assert.That(failure.ReadSingles("in.t"), Has.Length.EqualTo(Batch).And.All.InRange(0f, 1f));
    }

    [Test]
    public void A_loss_that_jumps_is_told_of_with_the_norms_of_its_blocks()
    {
        using var device = Device.Open("cpu", 1);
        using var run = TrainingRun.Create(Path.Combine(_folder, "run"), device, new ClassData(new Spoiled(130, count: 1, value: 60)), s_sizes, s_config with { Steps = 132 }, ExistingRun.Refuse);
        var told = new List<StepReport>();
        run.Run(0, step =>
        {
            if (step.SpikeOver is not null) told.Add(step);
        });
        Assert.That(told.Select(step => step.Step), Does.Contain(130L));
        var spike = told.Single(step => step.Step == 130);
        Assert.That(spike.Loss, Is.GreaterThan(100 * spike.SpikeOver!.Value));
        Assert.That(spike.BlockNorms.Select(block => block.Block), Is.EquivalentTo((string[])["t_embedder", "y_embedder", "s_embedder", "patch_blocks.0", "pixel_embedder", "pixel_blocks.0", "final_layer"]));
        Assert.That(Math.Sqrt(spike.BlockNorms.Sum(block => block.Norm * block.Norm)), Is.EqualTo(spike.GradientNorm).Within(1e-4 * spike.GradientNorm));
        Assert.That(spike.BlockNorms.Select(block => block.Norm), Is.Ordered.Descending);
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

    /// <summary>Drawn images that are no numbers, or another number, or cannot be read, for some steps. Several threads read ahead, so it goes by the places of images in the epoch and not by the order of reading.</summary>
    private sealed class Spoiled(int badStep, bool fails = false, int count = int.MaxValue / Batch / 2, float value = float.NaN) : IImageSource
    {
        private readonly Shapes _shapes = new(16);
        private readonly HashSet<long> _bad = Places((badStep - 1) * Batch, count);

        /// <summary>The images of some steps, as far as a run may read ahead.</summary>
        private static HashSet<long> Places(int first, int count)
        {
            var order = new Permutation(new Shapes(16).Count, CounterHash.Bits(s_config.Seed, 0));
            return [.. Enumerable.Range(first, Batch * Math.Min(count, 8 * Steps)).Select(place => order[place])];
        }

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
            if (!_bad.Contains(index)) return label;
            if (fails) throw new DataException("image gone");
            image.Fill(value);
            return label;
        }
    }
}

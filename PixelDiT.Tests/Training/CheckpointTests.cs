using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Checkpoints;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>A checkpoint is never lost: whatever instant a process ends at, and whatever becomes of the newest file, the run goes on and is the run that was.</summary>
[Parallelizable]
internal sealed class CheckpointTests
{
    private const int Steps = 6;

    private static readonly ModelConfig s_sizes = new() { Hidden = 8, Heads = 2, Patch = 4, PatchDepth = 1, PixelDepth = 1, PixelHidden = 4, Classes = 9 };
    private static readonly TrainingConfig s_config = new() { Batch = 2, Steps = Steps, Size = 8, Seed = 3, Optimizer = new() { LearningRate = 1e-3 } };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private sealed class Killed : Exception;

    private string At(params string[] parts) => Path.Combine([_folder.Path, .. parts]);

    private (float[] Losses, IReadOnlyList<string> Remarks) Train(string name, CheckpointPolicy? policy = null, ExistingRun existing = ExistingRun.Refuse, int steps = Steps, bool isCame = false)
    {
        using var device = Device.Open("cpu", 1);
        var losses = new List<float>();
        var config = s_config with { Steps = steps, Came = isCame ? new CameConfig() : null };
        using var run = TrainingRun.Create(At(name), device, new ClassData(new Shapes(8)), s_sizes, config, existing, settings: null, policy);
        run.Run(1, report => losses.Add(report.Loss));
        return ([.. losses], run.Remarks);
    }

    private byte[] Model(string name) => File.ReadAllBytes(At(name, Checkpoint.ModelFile));

    private string[] Kept(string name) => Directory.Exists(At(name, "checkpoints")) ? [.. Directory.GetDirectories(At(name, "checkpoints")).Select(place => Path.GetFileName(place)).Order(StringComparer.Ordinal)] : [];

    [TestCase(1, false)]
    [TestCase(2, false)]
    [TestCase(3, true)]
    public void A_process_that_ends_at_any_instant_of_saving_leaves_a_whole_checkpoint(int keep, bool isCame)
    {
        var whole = Train("whole", isCame: isCame);
        var instants = new List<string>();
        Train("counted", new CheckpointPolicy { Keep = keep, Instant = instants.Add }, isCame: isCame);
        Assert.That(instants, Has.Count.GreaterThan(50));
        for (int kill = 0; kill < instants.Count; kill++)
        {
            string name = $"killed{kill}";
            int left = kill;
            Assert.That(() => Train(name, new CheckpointPolicy { Keep = keep, Instant = _ => { if (left-- == 0) throw new Killed(); } }, isCame: isCame), Throws.TypeOf<Killed>());
            if (!CheckpointStore.HasState(At(name)))
            {
                Assert.That(kill, Is.LessThanOrEqualTo(1), "only before the first state is written there is none");
                continue;
            }
            if (kill < 5 && !File.Exists(At(name, Checkpoint.StateFile)))
            {
                // The first checkpoint was being written: it is no checkpoint, and is said to be none.
                Assert.That(() => Train(name, existing: ExistingRun.Resume, isCame: isCame), kill < 5 && !File.Exists(At(name, ".next", CheckpointMarker.FileName)) ? Throws.TypeOf<FileFormatException>().With.Message.Contains("it was not finished") : Throws.Nothing);
                continue;
            }
            var (losses, remarks) = Train(name, new CheckpointPolicy { Keep = keep }, ExistingRun.Resume, isCame: isCame);
            Assert.That(Model(name), Is.EqualTo(Model("whole")), $"killed {instants[kill]}, instant {kill}; {string.Join(' ', remarks)}");
            Assert.That(losses, Is.EqualTo(whole.Losses[^losses.Length..]), instants[kill]);
            Assert.That(Directory.Exists(At(name, ".next")), Is.False);
        }
    }

    [Test]
    public void As_many_are_kept_as_was_asked_for_and_those_of_every_so_many_steps()
    {
        Train("one", new CheckpointPolicy { Keep = 1 });
        Assert.That(Kept("one"), Is.Empty);
        Train("two");
        Assert.That(Kept("two"), Is.EqualTo((string[])["00000005"]));
        Train("three", new CheckpointPolicy { Keep = 3 });
        Assert.That(Kept("three"), Is.EqualTo((string[])["00000004", "00000005"]));
        Train("some", new CheckpointPolicy { Keep = 1, KeepEvery = 2 });
        Assert.That(Kept("some"), Is.EqualTo((string[])["00000002", "00000004"]));
        Train("both", new CheckpointPolicy { Keep = 2, KeepEvery = 3 });
        Assert.That(Kept("both"), Is.EqualTo((string[])["00000003", "00000005"]));
        foreach (string file in (string[])[Checkpoint.StateFile, Checkpoint.ModelFile, CheckpointMarker.FileName]) Assert.That(At("both", "checkpoints", "00000003", file), Does.Exist);
    }

    [TestCase("truncated", "bytes, and")]
    [TestCase("changed", "its bytes are not those that were written")]
    [TestCase("deleted", null)]
    public void The_newest_checkpoint_is_passed_over_if_it_is_damaged(string how, string? reason)
    {
        Train("whole");
        Train("run");
        string state = At("run", Checkpoint.StateFile);
        byte[] bytes = File.ReadAllBytes(state);
        if (how == "truncated") File.WriteAllBytes(state, bytes[..^8]);
        else if (how == "deleted") File.Delete(state);
        else
        {
            bytes[^100] ^= 1;
            File.WriteAllBytes(state, bytes);
        }
        var (losses, remarks) = Train("run", existing: ExistingRun.Resume);
        Assert.That(losses, Has.Length.EqualTo(1), "the last step again");
        Assert.That(Model("run"), Is.EqualTo(Model("whole")));
        if (reason is null) Assert.That(remarks, Is.Empty);
        else Assert.That(remarks, Has.Count.EqualTo(2).And.Some.Contains(reason).And.Some.EndsWith("goes on from step 5, its newest checkpoint that is whole"));
        Assert.That(Kept("run"), Is.EqualTo((string[])["00000005"]));
    }

    [Test]
    public void A_run_whose_every_state_is_damaged_says_why_and_is_left_alone()
    {
        Train("run", new CheckpointPolicy { Keep = 1 });
        string state = At("run", Checkpoint.StateFile);
        byte[] bytes = File.ReadAllBytes(state);
        bytes[^5] ^= 1;
        File.WriteAllBytes(state, bytes);
        Assert.That(() => Train("run", existing: ExistingRun.Resume), Throws.TypeOf<FileFormatException>().With.Message.EndsWith($"{Checkpoint.StateFile}: its bytes are not those that were written"));
        Assert.That(File.ReadAllBytes(state), Is.EqualTo(bytes));
    }

    [Test]
    public void A_run_without_markers_goes_on_and_gets_them()
    {
        Train("whole");
        Train("run", new CheckpointPolicy { Keep = 1 }, steps: 4);
        File.Delete(At("run", CheckpointMarker.FileName));
        Assert.That(Train("run", existing: ExistingRun.Resume).Remarks, Is.Empty);
        Assert.That(Model("run"), Is.EqualTo(Model("whole")));
        Assert.That(At("run", CheckpointMarker.FileName), Does.Exist);
    }

    [Test]
    public void What_lies_ahead_of_an_earlier_checkpoint_goes_when_the_run_has_passed_it()
    {
        Train("run", new CheckpointPolicy { Keep = 4 });
        File.Delete(At("run", Checkpoint.StateFile));
        Directory.Delete(At("run", "checkpoints", "00000005"), recursive: true);
        Train("run", new CheckpointPolicy { Keep = 2 }, ExistingRun.Resume);
        Assert.That(Kept("run"), Is.EqualTo((string[])["00000005"]));
    }

    [TestCase(0, 0, "keep is 0; it must be from 1 to 1000 checkpoints")]
    [TestCase(1, -1, "keep-every is -1; it must be 0 (none) or above")]
    public void A_policy_out_of_range_is_refused(int keep, int every, string message)
        => Assert.That(() => Train("run", new CheckpointPolicy { Keep = keep, KeepEvery = every }), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo(message));
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Ranks;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Distributed;

namespace PixelDiT.Tests.Training.Ranks;

/// <summary>Ranks give the bits of one process that trains the same parts of every batch; here they are threads, each with a device of its own.</summary>
internal sealed class RankTrainingTests
{
    private static readonly TrainingConfig s_config = new() { Batch = 12, Steps = 4, Size = 16, Seed = 3, Flip = true, Optimizer = new() { LearningRate = 1e-3 } };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private sealed record Result(float[] Losses, float[] Norms, double[][] Bands, float[] Weights, IReadOnlyList<string> Remarks);

    private Result Train(string name, ModelConfig sizes, TrainingConfig config, int ranks, ExistingRun existing = ExistingRun.Refuse, Action<ICommunicator, Trainer>? before = null, bool isByCards = false)
        => ThreadRanks.Run(ranks, threads =>
        {
            using var communicator = ranks == 1 ? null : isByCards ? NcclStandIn.Over(threads) : threads;
            return Train(name, sizes, config, communicator, existing, before);
        })[0];

    private Result Train(string name, ModelConfig sizes, TrainingConfig config, ICommunicator? ranks, ExistingRun existing, Action<ICommunicator, Trainer>? before)
    {
        using var device = Device.Open("cpu", 1);
        var data = SmallRun.Data(sizes);
        if (ranks is { Rank: > 0 })
        {
            using var second = RankRun.Create(device, data, sizes, config, ranks);
            RankStart.Share(ranks, second.Trainer, data);
            before?.Invoke(ranks, second.Trainer);
            second.Run(CancellationToken.None);
            return new([], [], [], second.Trainer.Model.Parameters.Values!.ToArray(), []);
        }
        using var run = TrainingRun.Create(Path.Combine(_folder.Path, name), device, data, sizes, config, existing, ranks: ranks);
        if (ranks is not null) RankStart.Share(ranks, run.Trainer, data);
        if (ranks is not null) before?.Invoke(ranks, run.Trainer);
        var reports = new List<StepReport>();
        run.Run(2, reports.Add);
        return new([.. reports.Select(report => report.Loss)], [.. reports.Select(report => report.GradientNorm)], [.. reports.Select(report => report.LossByTime.ToArray())], run.Trainer.Model.Parameters.Values!.ToArray(), run.Remarks);
    }

    private byte[] Bytes(string run, string file) => File.ReadAllBytes(Path.Combine(_folder.Path, run, file));

    [TestCase(false, false, 2, 2), TestCase(false, false, 3, 6), TestCase(true, false, 2, 4), TestCase(true, true, 3, 3), TestCase(false, false, 2, 4, true), TestCase(true, false, 3, 3, true), TestCase(false, false, 3, 6, false, true), TestCase(true, false, 2, 4, true, true)]
    public void Ranks_give_the_bits_of_one_process(bool isText, bool isCame, int ranks, int parts, bool isSharded = false, bool isByCards = false)
    {
        var sizes = isText ? SmallRun.Texts : SmallRun.Classes;
        var config = s_config with { Accumulate = parts, Flip = !isText, Came = isCame ? new CameConfig { LearningRate = 1e-3, EmaDecay = 0.9 } : null };
        var one = Train("one", sizes, config, 1);
        var many = Train("many", sizes, config with { ShardOptimizer = isSharded }, ranks, isByCards: isByCards);
        Assert.That(many.Losses, Is.EqualTo(one.Losses));
        Assert.That(many.Norms, Is.EqualTo(one.Norms));
        Assert.That(many.Bands, Is.EqualTo(one.Bands));
        foreach (string file in (string[])[Checkpoint.ModelFile, Checkpoint.StateFile]) Assert.That(Bytes("many", file), Is.EqualTo(Bytes("one", file)), file);
    }

    [Test]
    public void A_run_goes_on_with_another_number_of_ranks_and_says_where_its_bits_are_others()
    {
        var config = s_config with { Accumulate = 6, Steps = 6 };
        var whole = Train("whole", SmallRun.Classes, config, 1);
        Train("parts", SmallRun.Classes, config with { Steps = 2 }, 2);
        Train("parts", SmallRun.Classes, config with { Steps = 4, ShardOptimizer = true }, 3, ExistingRun.Resume);
        var last = Train("parts", SmallRun.Classes, config, 1, ExistingRun.Resume);
        Assert.That(last.Losses, Is.EqualTo(whole.Losses[4..]));
        Assert.That(last.Remarks, Is.Empty);
        Assert.That(Bytes("parts", Checkpoint.StateFile), Is.EqualTo(Bytes("whole", Checkpoint.StateFile)));

        var other = Train("parts", SmallRun.Classes, config with { Accumulate = 2, Steps = 7 }, 2, ExistingRun.Resume);
        Assert.That(other.Remarks, Has.Count.EqualTo(1));
        Assert.That(other.Remarks[0], Does.Contain("a batch is trained in 2 parts here and was in 6; gradients are summed in another order"));
    }

    [Test]
    public void Parts_that_ranks_cannot_share_are_refused()
    {
        var error = Assert.Throws<ConfigurationException>(() => Train("run", SmallRun.Classes, s_config with { Accumulate = 3 }, 2));
        Assert.That(error!.Message, Is.EqualTo("accumulate is 3, and 2 ranks share these parts of a batch; a multiple of 2 that divides the batch, 12, was expected"));
        Assert.That(Directory.Exists(Path.Combine(_folder.Path, "run")), Is.False);
    }

    [Test]
    public void Weights_that_differ_are_noticed()
    {
        var error = Assert.Throws<DistributedException>(() => Train("run", SmallRun.Classes, s_config with { Accumulate = 2 }, 2, before: (ranks, trainer) =>
        {
            // A bit of one weight, as memory that forgets would change it.
            var place = trainer.Model.Parameters.Values!.Slice(7, [1]);
            if (ranks.Rank == 1) place.Upload([BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(place.ToArray()[0]) ^ 1)]);
        }));
        Assert.That(error!.Message, Does.Match("the weights of rank 1 are not those of rank 0 after step 4: their hashes are [0-9a-f]{12} and [0-9a-f]{12}"));
    }

    [Test]
    public void All_ranks_stop_after_the_step_in_which_one_is_told_to()
    {
        using var stop = new CancellationTokenSource();
        long[] steps = ThreadRanks.Run(3, ranks =>
        {
            using var device = Device.Open("cpu", 1);
            var data = SmallRun.Data(SmallRun.Classes);
            using var run = RankRun.Create(device, data, SmallRun.Classes, s_config with { Accumulate = 3, Steps = 100_000 }, ranks);
            RankStart.Share(ranks, run.Trainer, data);
            if (ranks.Rank == 1) stop.CancelAfter(100);
            Assert.That(run.Run(ranks.Rank == 1 ? stop.Token : CancellationToken.None), Is.False);
            return run.Trainer.Optimizer.Steps;
        });
        Assert.That(steps, Is.All.EqualTo(steps[0]).And.All.LessThan(100_000));
    }

    [Test]
    public void What_fails_on_one_rank_fails_on_all_and_is_said_once()
    {
        bool[] said = ThreadRanks.Run(3, ranks =>
        {
            try
            {
                RankStart.Agree<IDisposable>(ranks, () => ranks.Rank == 0 ? new TemporaryFolder() : throw new DataException("there is none"));
                return false;
            }
            catch (DistributedException error)
            {
                Assert.That(error.Message, Is.EqualTo("rank 1: there is none"));
                Assert.That(error.IsSaidElsewhere && ranks.HasLeft);
                return false;
            }
            catch (DataException)
            {
                return ranks.HasLeft;
            }
        });
        Assert.That(said, Is.EqualTo((bool[])[false, true, false]));
    }

    [Test]
    public void Ranks_that_would_train_something_else_are_named()
    {
        string[] errors = ThreadRanks.Run(2, ranks =>
        {
            var data = SmallRun.Data(SmallRun.Classes);
            var other = s_config with { Seed = ranks.Rank == 1 ? 9u : 3u, Optimizer = new() { LearningRate = ranks.Rank == 1 ? 2e-3 : 1e-3 } };
            return Assert.Throws<DistributedException>(() => RankStart.RequireSame(ranks, SmallRun.Classes, other, data))!.Message;
        });
        Assert.That(errors, Is.All.StartsWith("rank 1 is to train something else than rank 0: seed is \"9\" there and \"3\" on rank 0; optimizer.LearningRate is \"0.002\" there and \"0.001\" on rank 0"));
    }

    [Test]
    public void Buckets_leave_while_the_backward_runs()
    {
        var early = ThreadRanks.Run(2, ranks =>
        {
            using var device = Device.Open("cpu", 1);
            using var model = PixelTransformer.Create(SmallRun.Classes, device);
            Initialization.Draw(model, 1);
            using var sum = new RankSum(model.Parameters, new BatchShare(4, 4, ranks.Rank, 2), ranks, ranks, bucket: 5000);
            using var optimizer = new Optimizer(model.Parameters, new OptimizerConfig());
            var step = new TrainingStep((PixelDiTModel)model, optimizer, sum);
            using Tensor x = device.Allocate([2, 3, 16, 16]), t = device.Upload([0.25f, 0.5f], [2]), y = device.Allocate([2], ElementType.Int32);
            x.Clear();
            y.Clear();
            var early = new List<int>();
            for (int i = 0; i < 2; i++)
            {
                step.Run(x, x, t, y);
                early.Add(sum.EarlyBuckets);
            }
            return (Buckets: sum.Buckets.Count, Early: early);
        })[0];
        Assert.That(early.Buckets, Is.GreaterThan(4));
        // The first backward of all learns when gradients are finished; the second of the first step knows.
        Assert.That(early.Early, Is.All.GreaterThan(early.Buckets / 2));
    }
}

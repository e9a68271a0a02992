using System.Runtime.InteropServices;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Distributed.Nccl;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Ranks;
using PixelDiT.Tests.Training;
using PixelDiT.Tests.Training.Ranks;

namespace PixelDiT.Tests.Distributed;

/// <summary>The calls of NCCL, held against a library that stands in for it: it notes what it is asked for, and of one rank every sum is what is there.</summary>
internal sealed unsafe class NcclTests
{
    [SetUp]
    public void Forget()
    {
        NcclStandIn.Calls.Clear();
        NcclStandIn.Failure = 0;
    }

    [Test]
    public void A_rank_joins_by_the_id_of_rank_0_and_sums_in_a_group_on_the_stream()
    {
        string[][] calls = ThreadRanks.Run(2, ranks =>
        {
            float[] numbers = [.. Enumerable.Range(0, 107).Select(i => (float)(i * (ranks.Rank + 1)))];
            using (var cards = new NcclGroup(NcclStandIn.Library, ranks, new NcclStandIn.Side()))
            {
                fixed (float* start = numbers) cards.AllReduce(((long)start, 100), ((long)(start + 100), 7)).Wait();
            }
            Assert.That(numbers, Is.EqualTo(Enumerable.Range(0, 107).Select(i => 3f * i)));
            return NcclStandIn.Calls.ToArray();
        });
        string[] same = ["fork", "begin", "sum 100 of type 7 by 0 on 77 in place", "sum 7 of type 7 by 0 on 77 in place", "end", "join", "leave"];
        Assert.That(calls[0], Is.EqualTo((string[])["id", "join 0 of 2 by 1…128", .. same]));
        Assert.That(calls[1], Is.EqualTo((string[])["join 1 of 2 by 1…128", .. same]));
    }

    [Test]
    public void Buckets_are_summed_beside_the_backward_and_the_step_of_one_rank_is_that_without_NCCL()
    {
        var (plain, cards) = (Train(useCards: false), Train(useCards: true));
        Assert.That(cards.Weights, Is.EqualTo(plain.Weights));
        // Of both steps: each bucket, and then the losses, wait for the kernels before them, and the kernels after all of them for the last bucket and for the losses.
        string[] sums = [.. cards.Calls.Where(call => call.StartsWith("sum", StringComparison.Ordinal))];
        Assert.That(sums, Has.Length.GreaterThan(8).And.All.EndsWith($" on {NcclStandIn.StreamHandle} in place"));
        Assert.That(cards.Calls.Count(call => call == "fork"), Is.EqualTo(sums.Length + 2));
        Assert.That(cards.Calls.Count(call => call == "join"), Is.EqualTo(4));
        Assert.That(cards.Calls.SkipWhile(call => call != "fork").Take(4).ToArray(), Is.EqualTo((string[])["fork", "begin", sums[0], "end"]));
    }

    private static (float[] Weights, string[] Calls) Train(bool useCards) => ThreadRanks.Run(1, ranks =>
    {
        using var device = Device.Open("cpu", 1);
        using var model = PixelTransformer.Create(SmallRun.Classes, device);
        Initialization.Draw(model, 1);
        using var cards = useCards ? new NcclGroup(NcclStandIn.Library, ranks, new NcclStandIn.Side()) : null;
        using GradientSum sum = cards is null ? new GradientSum(model.Parameters, 2) : new CardSum(model.Parameters, new BatchShare(4, 2, 0, 1), ranks, cards, bucket: 5000);
        using var optimizer = new Optimizer(model.Parameters, new OptimizerConfig());
        using Tensor x = device.Allocate([4, 3, 16, 16]), t = device.Upload([0.25f, 0.5f, 0.1f, 0.9f], [4]), y = device.Allocate([4], ElementType.Int32);
        Noise.Fill(x, 1, 1);
        y.Clear();
        for (int i = 0; i < 2; i++) new TrainingStep((PixelDiTModel)model, optimizer, sum).Run(x, x, t, y);
        return (model.Parameters.Values!.ToArray(), NcclStandIn.Calls.ToArray());
    })[0];

    [Test]
    public void What_fails_is_said_by_name()
    {
        NcclStandIn.Failure = 2;
        Assert.That(() => NcclStandIn.Library.NewId(), Throws.TypeOf<Reference.Distributed.DistributedException>().With.Message.EqualTo("ncclGetUniqueId: unhandled system error"));
        Assert.That(() => new NcclLibrary(_ => 0), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo("libnccl.so.2 has no ncclGetUniqueId; NCCL 2 was expected"));
        if (!NativeLibrary.TryLoad("libnccl.so.2", out _)) Assert.That(NcclLibrary.Load, Throws.TypeOf<ConfigurationException>().With.Message.Contains("libnccl2"));
    }

    [TestCase(2), TestCase(3)]
    public void Ranks_without_MPI_tell_each_other_by_their_cards(int size) => ThreadRanks.Run(size, threads =>
    {
        using var device = Device.Open("cpu", 1);
        using var ranks = new NcclCommunicator(new Launcher(LauncherKind.Torch, threads.Rank, size));
        byte[] own = [.. Enumerable.Range(0, 5 * threads.Rank).Select(i => (byte)(i + threads.Rank))];
        Assert.That(ranks.Gather(own)[threads.Rank], Is.EqualTo(own), "before they meet a rank knows of itself");
        Assert.That(ranks.Gather(own).Where((_, rank) => rank != threads.Rank), Is.All.Empty);
        ranks.Join(device, new NcclStandIn.Side(), NcclStandIn.Library, threads.Gather(threads.Rank == 0 ? NcclStandIn.Library.NewId() : [])[0]);
        byte[][] all = ranks.Gather(own);
        for (int rank = 0; rank < size; rank++) Assert.That(all[rank], Is.EqualTo(Enumerable.Range(0, 5 * rank).Select(i => (byte)(i + rank))));
        Assert.That(ranks.Gather([]), Has.Length.EqualTo(size).And.All.Empty);
        Assert.That(((ICommunicator)ranks).FromFirst(threads.Rank + 40), Is.EqualTo(40));
        float[] numbers = [.. Enumerable.Range(0, 1000).Select(i => i + (0.5f * threads.Rank))];
        fixed (float* start = numbers) ranks.Broadcast((long)start, numbers.Length);
        Assert.That(numbers, Is.EqualTo(Enumerable.Range(0, 1000).Select(i => (float)i)));
        ranks.Leave();
        Assert.That(NcclStandIn.Calls[^1], Is.EqualTo("leave"));
        return true;
    });

    [Test]
    public void Who_fails_leaves_without_the_others() => ThreadRanks.Run(2, threads =>
    {
        using var device = Device.Open("cpu", 1);
        using (var ranks = new NcclCommunicator(new Launcher(LauncherKind.Torch, threads.Rank, 2))) ranks.Join(device, new NcclStandIn.Side(), NcclStandIn.Library, threads.Gather(threads.Rank == 0 ? NcclStandIn.Library.NewId() : [])[0]);
        Assert.That(NcclStandIn.Calls[^1], Is.EqualTo("abort"));
        return true;
    });
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
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
    private const nint Group = 0x1234, StreamHandle = 77;

    [ThreadStatic]
    private static List<string>? s_calls;

    [ThreadStatic]
    private static int s_failure;

    private static List<string> Calls => s_calls ??= [];

    [SetUp]
    public void Forget()
    {
        Calls.Clear();
        s_failure = 0;
    }

    private static NcclLibrary Library => new(name => name switch
    {
        "ncclGetUniqueId" => (nint)(delegate* unmanaged<byte*, int>)&NewId,
        "ncclCommInitRank" => (nint)(delegate* unmanaged<nint*, int, Id, int, int>)&Join,
        "ncclCommDestroy" => (nint)(delegate* unmanaged<nint, int>)&Leave,
        "ncclGroupStart" => (nint)(delegate* unmanaged<int>)&Begin,
        "ncclGroupEnd" => (nint)(delegate* unmanaged<int>)&End,
        "ncclAllReduce" => (nint)(delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)&AllReduce,
        "ncclGetErrorString" => (nint)(delegate* unmanaged<int, byte*>)&Reason,
        _ => 0
    });

    [StructLayout(LayoutKind.Sequential, Size = NcclLibrary.IdBytes)]
    private struct Id
    {
        public fixed byte Bytes[NcclLibrary.IdBytes];
    }

    [UnmanagedCallersOnly]
    private static int NewId(byte* id)
    {
        for (int i = 0; i < NcclLibrary.IdBytes; i++) id[i] = (byte)(i + 1);
        Calls.Add("id");
        return s_failure;
    }

    [UnmanagedCallersOnly]
    private static int Join(nint* group, int size, Id id, int rank)
    {
        *group = Group;
        Calls.Add($"join {rank} of {size} by {id.Bytes[0]}…{id.Bytes[NcclLibrary.IdBytes - 1]}");
        return s_failure;
    }

    [UnmanagedCallersOnly]
    private static int Leave(nint group)
    {
        Calls.Add($"leave {group:x}");
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Begin()
    {
        Calls.Add("begin");
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int End()
    {
        Calls.Add("end");
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int AllReduce(nint send, nint receive, nuint count, int type, int operation, nint group, nint stream)
    {
        Calls.Add($"sum {count} of type {type} by {operation} in {group:x} on {stream}{(send == receive ? " in place" : "")}");
        return s_failure;
    }

    [UnmanagedCallersOnly]
    private static byte* Reason(int code) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference("unhandled system error\0"u8));

    private sealed class Side : ISideStream
    {
        public nint Handle => StreamHandle;

        public void Fork() => Calls.Add("fork");

        public void Join() => Calls.Add("join");

        public void Dispose()
        {
        }
    }

    [Test]
    public void A_rank_joins_by_the_id_of_rank_0_and_sums_in_a_group_on_the_stream()
    {
        string[][] calls = ThreadRanks.Run(2, ranks =>
        {
            using (var cards = new NcclGroup(Library, ranks)) cards.AllReduce([(4096, 100), (8192, 7)], StreamHandle);
            return Calls.ToArray();
        });
        string[] same = ["begin", "sum 100 of type 7 by 0 in 1234 on 77 in place", "sum 7 of type 7 by 0 in 1234 on 77 in place", "end", "leave 1234"];
        Assert.That(calls[0], Is.EqualTo((string[])["id", "join 0 of 2 by 1…128", .. same]));
        Assert.That(calls[1], Is.EqualTo((string[])["join 1 of 2 by 1…128", .. same]));
    }

    [Test]
    public void Buckets_are_summed_beside_the_backward_and_the_step_of_one_rank_is_that_without_NCCL()
    {
        var (plain, cards) = (Train(useCards: false), Train(useCards: true));
        Assert.That(cards.Weights, Is.EqualTo(plain.Weights));
        // Of both steps: each bucket waits for the kernels before it, and the kernels after all of them for the last.
        string[] sums = [.. cards.Calls.Where(call => call.StartsWith("sum", StringComparison.Ordinal))];
        Assert.That(sums, Has.Length.GreaterThan(8).And.All.EndsWith($"in 1234 on {StreamHandle} in place"));
        Assert.That(cards.Calls.Count(call => call == "fork"), Is.EqualTo(sums.Length));
        Assert.That(cards.Calls.Count(call => call == "join"), Is.EqualTo(2));
        Assert.That(cards.Calls.SkipWhile(call => call != "fork").Take(4).ToArray(), Is.EqualTo((string[])["fork", "begin", sums[0], "end"]));
    }

    private static (float[] Weights, string[] Calls) Train(bool useCards) => ThreadRanks.Run(1, ranks =>
    {
        using var device = Device.Open("cpu", 1);
        using var model = PixelTransformer.Create(SmallRun.Classes, device);
        Initialization.Draw(model, 1);
        using var cards = useCards ? new NcclGroup(Library, ranks) : null;
        using GradientSum sum = cards is null ? new GradientSum(model.Parameters, 2) : new CardSum(model.Parameters, new BatchShare(4, 2, 0, 1), ranks, cards, new Side(), bucket: 5000);
        using var optimizer = new Optimizer(model.Parameters, new OptimizerConfig());
        using Tensor x = device.Allocate([4, 3, 16, 16]), t = device.Upload([0.25f, 0.5f, 0.1f, 0.9f], [4]), y = device.Allocate([4], ElementType.Int32);
        Noise.Fill(x, 1, 1);
        y.Clear();
        for (int i = 0; i < 2; i++) new TrainingStep((PixelDiTModel)model, optimizer, sum).Run(x, x, t, y);
        return (model.Parameters.Values!.ToArray(), Calls.ToArray());
    })[0];

    [Test]
    public void What_fails_is_said_by_name()
    {
        s_failure = 2;
        Assert.That(() => Library.NewId(), Throws.TypeOf<Reference.Distributed.DistributedException>().With.Message.EqualTo("ncclGetUniqueId: unhandled system error"));
        Assert.That(() => new NcclLibrary(_ => 0), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo("libnccl.so.2 has no ncclGetUniqueId; NCCL 2 was expected"));
        if (!NativeLibrary.TryLoad("libnccl.so.2", out _)) Assert.That(NcclLibrary.Load, Throws.TypeOf<ConfigurationException>().With.Message.Contains("libnccl2"));
    }
}

using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Distributed.Nccl;
using PixelDiT.Tests.Training.Ranks;

namespace PixelDiT.Tests.Distributed;

/// <summary>
/// A library that stands in for NCCL: it notes what a thread asks for, and does it, between ranks that are threads of this process and have their numbers in host memory. What a rank gives is copied when its call ends; what it takes is waited
/// for there.
/// </summary>
internal static unsafe class NcclStandIn
{
    public const nint StreamHandle = 77;

    private static readonly ConcurrentDictionary<string, Board> s_boards = new();
    private static readonly ConcurrentDictionary<nint, Member> s_members = new();
    private static long s_ids;
    private static long s_handles = 0x1000;

    [ThreadStatic]
    private static List<string>? s_calls;

    [ThreadStatic]
    private static List<(Action Give, Action Take)>? s_together;

    /// <summary>What every function of this thread returns, where it is not 0.</summary>
    [field: ThreadStatic]
    public static int Failure { get; set; }

    /// <summary>What this thread has asked for.</summary>
    public static List<string> Calls => s_calls ??= [];

    /// <summary>The library.</summary>
    public static NcclLibrary Library => new(name => name switch
    {
        "ncclGetUniqueId" => (nint)(delegate* unmanaged<byte*, int>)&NewId,
        "ncclCommInitRank" => (nint)(delegate* unmanaged<nint*, int, Id, int, int>)&Join,
        "ncclCommDestroy" => (nint)(delegate* unmanaged<nint, int>)&Leave,
        "ncclCommAbort" => (nint)(delegate* unmanaged<nint, int>)&Abort,
        "ncclGroupStart" => (nint)(delegate* unmanaged<int>)&Begin,
        "ncclGroupEnd" => (nint)(delegate* unmanaged<int>)&End,
        "ncclAllReduce" => (nint)(delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)&AllReduce,
        "ncclSend" => (nint)(delegate* unmanaged<nint, nuint, int, int, nint, nint, int>)&Send,
        "ncclRecv" => (nint)(delegate* unmanaged<nint, nuint, int, int, nint, nint, int>)&Receive,
        "ncclBroadcast" => (nint)(delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)&Broadcast,
        "ncclAllGather" => (nint)(delegate* unmanaged<nint, nint, nuint, int, nint, nint, int>)&AllGather,
        "ncclGetErrorString" => (nint)(delegate* unmanaged<int, byte*>)&Reason,
        _ => 0
    });

    /// <summary>Ranks that are threads, of which all that is said and exchanged goes over the library.</summary>
    public static ICommunicator Over(ThreadRanks ranks)
    {
        var device = Device.Open("cpu", 1);
        var launcher = new Launcher(LauncherKind.Torch, ranks.Rank, ranks.Size);
        var control = new NcclCommunicator(launcher);
        control.Join(device, new Side(), Library, ranks.Gather(ranks.Rank == 0 ? Library.NewId() : [])[0]);
        return new Joined(control, new NcclGroup(Library, control, new Side()), device);
    }

    private sealed class Joined(NcclCommunicator control, NcclGroup cards, Device device) : ICommunicator, IExchange
    {
        public int Rank => control.Rank;

        public int Size => control.Size;

        public string Description => control.Description;

        public byte[][] Gather(ReadOnlySpan<byte> own) => control.Gather(own);

        public void Broadcast(long start, long count) => control.Broadcast(start, count);

        public ITransfer AllToAll(Pieces send, Pieces receive) => cards.AllToAll(send, receive);

        public ITransfer AllGather(Pieces line) => cards.AllGather(line);

        public void NoteStep(long step) => control.NoteStep(step);

        public void Stop() => control.Stop();

        public void Leave() => control.Leave();

        public void Dispose()
        {
            cards.Dispose();
            control.Dispose();
            device.Dispose();
        }
    }

    /// <summary>A stream beside the kernels that notes when it is waited for.</summary>
    public sealed class Side : ISideStream
    {
        public nint Handle => StreamHandle;

        public void Fork() => Calls.Add("fork");

        public void Join() => Calls.Add("join");

        public void Dispose()
        {
        }
    }

    [StructLayout(LayoutKind.Sequential, Size = NcclLibrary.IdBytes)]
    private struct Id
    {
        public fixed byte Bytes[NcclLibrary.IdBytes];
    }

    private sealed record Board(int Size)
    {
        private readonly ConcurrentDictionary<string, Place> _places = new();

        public Place At(string key, int givers) => _places.GetOrAdd(key, _ => new Place(givers));
    }

    private sealed class Place(int givers)
    {
        private readonly float[][] _given = new float[givers][];
        private readonly CountdownEvent _missing = new(givers);

        public void Give(int giver, float[] numbers)
        {
            _given[giver] = numbers;
            _missing.Signal();
        }

        public float[][] Take() => _missing.Wait(TimeSpan.FromSeconds(60)) ? _given : throw new TimeoutException("a rank did not come");
    }

    private sealed record Member(Board Board, int Rank)
    {
        private readonly Dictionary<string, int> _calls = [];

        public Place Next(string kind, int givers) => Board.At($"{kind} {_calls[kind] = _calls.GetValueOrDefault(kind) + 1}", givers);
    }

    [UnmanagedCallersOnly]
    private static int NewId(byte* id)
    {
        for (int i = 0; i < NcclLibrary.IdBytes; i++) id[i] = (byte)(i + 1);
        *(long*)(id + 8) = Interlocked.Increment(ref s_ids);
        Calls.Add("id");
        return Failure;
    }

    [UnmanagedCallersOnly]
    private static int Join(nint* group, int size, Id id, int rank)
    {
        *group = (nint)Interlocked.Add(ref s_handles, 16);
        s_members[*group] = new Member(s_boards.GetOrAdd(Convert.ToHexString(new ReadOnlySpan<byte>(id.Bytes, NcclLibrary.IdBytes)), _ => new Board(size)), rank);
        Calls.Add($"join {rank} of {size} by {id.Bytes[0]}…{id.Bytes[NcclLibrary.IdBytes - 1]}");
        return Failure;
    }

    [UnmanagedCallersOnly]
    private static int Leave(nint group)
    {
        Calls.Add(s_members.TryRemove(group, out _) ? "leave" : "leave a group that is none");
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Abort(nint group)
    {
        Calls.Add(s_members.TryRemove(group, out _) ? "abort" : "abort a group that is none");
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Begin()
    {
        Calls.Add("begin");
        s_together = [];
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int End()
    {
        Calls.Add("end");
        var calls = s_together!;
        s_together = null;
        foreach (var (give, _) in calls) give();
        foreach (var (_, take) in calls) take();
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int AllReduce(nint send, nint receive, nuint count, int type, int operation, nint group, nint stream)
    {
        Calls.Add($"sum {count} of type {type} by {operation} on {stream}{(send == receive ? " in place" : "")}");
        var member = s_members[group];
        var place = member.Next("sum", member.Board.Size);
        return Do(() => place.Give(member.Rank, Line(send, count).ToArray()), () =>
        {
            float[][] all = place.Take();
            var line = Line(receive, count);
            for (int i = 0; i < line.Length; i++)
            {
                line[i] = all[0][i];
                for (int rank = 1; rank < all.Length; rank++) line[i] += all[rank][i];
            }
        });
    }

    [UnmanagedCallersOnly]
    private static int Send(nint from, nuint count, int type, int peer, nint group, nint stream)
    {
        Calls.Add(string.Create(CultureInfo.InvariantCulture, $"send {count} of type {type} to {peer} on {stream}"));
        var member = s_members[group];
        var place = member.Next($"{member.Rank} to {peer}", 1);
        return Do(() => place.Give(0, Line(from, count).ToArray()), () => { });
    }

    [UnmanagedCallersOnly]
    private static int Receive(nint to, nuint count, int type, int peer, nint group, nint stream)
    {
        Calls.Add(string.Create(CultureInfo.InvariantCulture, $"receive {count} of type {type} from {peer} on {stream}"));
        var member = s_members[group];
        var place = member.Next($"{peer} to {member.Rank}", 1);
        return Do(() => { }, () => place.Take()[0].CopyTo(Line(to, count)));
    }

    [UnmanagedCallersOnly]
    private static int Broadcast(nint send, nint receive, nuint count, int type, int root, nint group, nint stream)
    {
        Calls.Add(string.Create(CultureInfo.InvariantCulture, $"broadcast {count} of type {type} from {root} on {stream}"));
        var member = s_members[group];
        var place = member.Next($"from {root}", 1);
        return Do(
            () =>
            {
                if (member.Rank == root) place.Give(0, Line(send, count).ToArray());
            },
            () => place.Take()[0].CopyTo(Line(receive, count)));
    }

    [UnmanagedCallersOnly]
    private static int AllGather(nint send, nint receive, nuint count, int type, nint group, nint stream)
    {
        Calls.Add(string.Create(CultureInfo.InvariantCulture, $"gather {count} of type {type} on {stream}"));
        var member = s_members[group];
        var place = member.Next("gather", member.Board.Size);
        return Do(() => place.Give(member.Rank, Line(send, count).ToArray()), () =>
        {
            float[][] all = place.Take();
            for (int rank = 0; rank < all.Length; rank++) all[rank].CopyTo(Line(receive + (rank * (nint)count * sizeof(float)), count));
        });
    }

    [UnmanagedCallersOnly]
    private static byte* Reason(int code) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference("unhandled system error\0"u8));

    private static Span<float> Line(nint address, nuint count) => new((float*)address, checked((int)count));

    private static int Do(Action give, Action take)
    {
        if (s_together is { } together)
        {
            together.Add((give, take));
        }
        else
        {
            give();
            take();
        }
        return Failure;
    }
}

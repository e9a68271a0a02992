using System.Runtime.InteropServices;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Distributed.Nccl;

/// <summary>The functions of NCCL that sum numbers over cards, found at run time.</summary>
internal sealed unsafe class NcclLibrary
{
    /// <summary>Bytes of what ranks find each other by.</summary>
    public const int IdBytes = 128;

    private const string Name = "libnccl.so.2";

    // ncclFloat32 and ncclSum of NCCL's header.
    private const int Single = 7, Sum = 0;

    private readonly delegate* unmanaged<byte*, int> _id;
    private readonly delegate* unmanaged<nint*, int, UniqueId, int, int> _join;
    private readonly delegate* unmanaged<nint, int> _leave, _abort;
    private readonly delegate* unmanaged<int> _begin, _end;
    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged<nint, nuint, int, int, nint, nint, int> _send, _receive;
    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> _broadcast;
    private readonly delegate* unmanaged<nint, nint, nuint, int, nint, nint, int> _allGather;
    private readonly delegate* unmanaged<int, byte*> _reason;

    /// <summary>Passed by value, as ncclCommInitRank takes it.</summary>
    [StructLayout(LayoutKind.Sequential, Size = IdBytes)]
    private struct UniqueId
    {
        public fixed byte Bytes[IdBytes];
    }

    /// <summary>The functions of a library.</summary>
    /// <param name="find">The address of a function by its name; 0 where there is none.</param>
    /// <exception cref="ConfigurationException">One is missing.</exception>
    public NcclLibrary(Func<string, nint> find)
    {
        _id = (delegate* unmanaged<byte*, int>)Find("ncclGetUniqueId");
        _join = (delegate* unmanaged<nint*, int, UniqueId, int, int>)Find("ncclCommInitRank");
        _leave = (delegate* unmanaged<nint, int>)Find("ncclCommDestroy");
        _abort = (delegate* unmanaged<nint, int>)Find("ncclCommAbort");
        _begin = (delegate* unmanaged<int>)Find("ncclGroupStart");
        _end = (delegate* unmanaged<int>)Find("ncclGroupEnd");
        _allReduce = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)Find("ncclAllReduce");
        _send = (delegate* unmanaged<nint, nuint, int, int, nint, nint, int>)Find("ncclSend");
        _receive = (delegate* unmanaged<nint, nuint, int, int, nint, nint, int>)Find("ncclRecv");
        _broadcast = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)Find("ncclBroadcast");
        _allGather = (delegate* unmanaged<nint, nint, nuint, int, nint, nint, int>)Find("ncclAllGather");
        _reason = (delegate* unmanaged<int, byte*>)Find("ncclGetErrorString");

        nint Find(string name) => find(name) is var address and not 0 ? address : throw new ConfigurationException($"{Name} has no {name}; NCCL 2 was expected");
    }

    /// <summary>Loads NCCL.</summary>
    /// <exception cref="ConfigurationException">There is none; the message says which package brings it.</exception>
    public static NcclLibrary Load() => NativeLibrary.TryLoad(Name, out nint library)
        ? new NcclLibrary(name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0)
        : throw new ConfigurationException($"{Name} was not found; NVIDIA's package libnccl2 brings it");

    /// <summary>What the ranks of a new group find each other by.</summary>
    public byte[] NewId()
    {
        byte[] id = new byte[IdBytes];
        fixed (byte* start = id) Check(_id(start), "ncclGetUniqueId");
        return id;
    }

    /// <summary>Joins a group; returns when all ranks have.</summary>
    public nint Join(byte[] id, int rank, int size)
    {
        UniqueId passed;
        id.AsSpan(0, IdBytes).CopyTo(new Span<byte>(passed.Bytes, IdBytes));
        nint group = 0;
        Check(_join(&group, size, passed, rank), "ncclCommInitRank");
        return group;
    }

    /// <summary>Leaves a group.</summary>
    public void Leave(nint group) => Check(_leave(group), "ncclCommDestroy");

    /// <summary>Queues the sum of float32 numbers over all ranks, each in its place.</summary>
    public void AllReduce(nint group, long address, long count, nint stream) => Check(_allReduce((nint)address, (nint)address, (nuint)count, Single, Sum, group, stream), "ncclAllReduce");

    /// <summary>Ends a group without the others, because this rank has failed; what is queued in it ends too.</summary>
    public void Abort(nint group) => Check(_abort(group), "ncclCommAbort");

    /// <summary>Queues what follows as one call, so that no rank waits for another's order.</summary>
    public void Together(Action calls)
    {
        Check(_begin(), "ncclGroupStart");
        try
        {
            calls();
        }
        finally
        {
            Check(_end(), "ncclGroupEnd");
        }
    }

    /// <summary>Queues float32 numbers for another rank.</summary>
    public void Send(nint group, long address, long count, int rank, nint stream) => Check(_send((nint)address, (nuint)count, Single, rank, group, stream), "ncclSend");

    /// <summary>Queues the place of float32 numbers of another rank.</summary>
    public void Receive(nint group, long address, long count, int rank, nint stream) => Check(_receive((nint)address, (nuint)count, Single, rank, group, stream), "ncclRecv");

    /// <summary>Queues a rank's float32 numbers for all, each in its place.</summary>
    public void Broadcast(nint group, long address, long count, int rank, nint stream) => Check(_broadcast((nint)address, (nint)address, (nuint)count, Single, rank, group, stream), "ncclBroadcast");

    /// <summary>Queues all ranks' float32 numbers for all: a line of as many of each, with a rank's own in their place.</summary>
    public void AllGather(nint group, long line, long count, int rank, nint stream)
        => Check(_allGather((nint)(line + (rank * count * sizeof(float))), (nint)line, (nuint)count, Single, group, stream), "ncclAllGather");

    private void Check(int code, string call)
    {
        if (code != 0) throw new DistributedException($"{call}: {Marshal.PtrToStringUTF8((nint)_reason(code))}");
    }
}

using PixelDiT.Kernels.Devices;

namespace PixelDiT.Reference.Distributed.Nccl;

/// <summary>The cards of all ranks, which exchange and sum numbers of their own memory without the host, on a stream beside the kernels.</summary>
internal sealed class NcclGroup : IExchange, IDisposable
{
    private readonly NcclLibrary _library;
    private readonly ISideStream _stream;
    private readonly int _rank, _size;
    private readonly nint _group;

    /// <summary>Joins the cards of ranks that know of each other already; every rank calls it, with its card already chosen.</summary>
    /// <param name="library">NCCL.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="stream">Where all is queued; stays its owner's.</param>
    public NcclGroup(NcclLibrary library, ICommunicator ranks, ISideStream stream) : this(library, ranks.Gather(ranks.Rank == 0 ? library.NewId() : [])[0], ranks.Rank, ranks.Size, stream)
    {
    }

    /// <summary>Joins cards that share nothing but what they find each other by.</summary>
    /// <param name="library">NCCL.</param>
    /// <param name="id">What rank 0's <see cref="NcclLibrary.NewId"/> gave.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="size">All of them.</param>
    /// <param name="stream">Where all is queued; stays its owner's.</param>
    public NcclGroup(NcclLibrary library, byte[] id, int rank, int size, ISideStream stream)
    {
        (_library, _rank, _size, _stream) = (library, rank, size, stream);
        _group = library.Join(id, rank, size);
    }

    /// <summary>Queues the sum over all ranks of stretches of float32 numbers of the card, each in its place, after the kernels that are queued now.</summary>
    /// <param name="stretches">Address and count of each.</param>
    public ITransfer AllReduce(params (long Address, long Count)[] stretches) => Queue(() =>
    {
        foreach (var (address, count) in stretches) _library.AllReduce(_group, address, count, _stream.Handle);
    });

    /// <inheritdoc/>
    public ITransfer AllToAll(Pieces send, Pieces receive) => Queue(() =>
    {
        for (int rank = 0; rank < _size; rank++)
        {
            if (send.Counts[rank] > 0) _library.Send(_group, AddressOf(send, rank), send.Counts[rank], rank, _stream.Handle);
            if (receive.Counts[rank] > 0) _library.Receive(_group, AddressOf(receive, rank), receive.Counts[rank], rank, _stream.Handle);
        }
    });

    /// <inheritdoc/>
    public ITransfer AllGather(Pieces line) => Queue(() =>
    {
        for (int rank = 0; rank < _size; rank++)
        {
            if (line.Counts[rank] > 0) _library.Broadcast(_group, AddressOf(line, rank), line.Counts[rank], rank, _stream.Handle);
        }
    });

    /// <summary>Queues all ranks' numbers for all: a line of as many of each, with a rank's own in their place.</summary>
    /// <param name="line">The address of the line.</param>
    /// <param name="count">Numbers of a rank.</param>
    public ITransfer AllGather(long line, long count) => Queue(() => _library.AllGather(_group, line, count, _rank, _stream.Handle));

    /// <summary>Queues rank 0's numbers for all, each in its place.</summary>
    /// <param name="address">The first.</param>
    /// <param name="count">How many.</param>
    public ITransfer Broadcast(long address, long count) => Queue(() => _library.Broadcast(_group, address, count, 0, _stream.Handle));

    /// <summary>Leaves without the others.</summary>
    public void Abort() => _library.Abort(_group);

    /// <summary>Leaves the group.</summary>
    public void Dispose() => _library.Leave(_group);

    private static long AddressOf(Pieces pieces, int rank) => pieces.Start + ((long)pieces.Places[rank] * sizeof(float));

    private Queued Queue(Action calls)
    {
        _stream.Fork();
        _library.Together(calls);
        return new Queued(_stream);
    }

    /// <summary>What is queued: kernels wait for it, not the host. They wait for all that is queued until then.</summary>
    private sealed class Queued(ISideStream stream) : ITransfer
    {
        public bool IsDone => true;

        public void Wait() => stream.Join();
    }
}

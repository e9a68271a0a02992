namespace PixelDiT.Reference.Distributed.Nccl;

/// <summary>The cards of all ranks, which sum numbers among each other without the host. What ranks tell each other besides goes over the ranks' own communicator, by which they also find each other.</summary>
internal sealed class NcclGroup : IDisposable
{
    private readonly NcclLibrary _library;
    private readonly nint _group;

    /// <summary>Joins the cards of all ranks; every rank calls it, with its card already chosen.</summary>
    /// <param name="library">NCCL.</param>
    /// <param name="ranks">The ranks.</param>
    public NcclGroup(NcclLibrary library, ICommunicator ranks)
    {
        _library = library;
        byte[] id = ranks.Gather(ranks.Rank == 0 ? library.NewId() : [])[0];
        _group = library.Join(id, ranks.Rank, ranks.Size);
    }

    /// <summary>Queues on a stream the sum over all ranks of stretches of float32 numbers of the card, each in its place.</summary>
    /// <param name="stretches">Address and count of each.</param>
    /// <param name="stream">The stream, as the driver knows it.</param>
    public void AllReduce(ReadOnlySpan<(long Address, long Count)> stretches, nint stream) => _library.AllReduce(_group, stretches, stream);

    /// <summary>Leaves the group.</summary>
    public void Dispose() => _library.Leave(_group);
}

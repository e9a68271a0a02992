using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>
/// The sum of gradients over ranks, to the bit that of one process which computes all parts itself. The line of all gradients is cut into buckets, and each bucket into a piece for every rank. In each round every rank sends each other
/// rank its piece (all-to-all); a rank adds the pieces that it owns in the order of parts, with the arithmetic of <see cref="GradientSum"/>; after the last round all pieces go to all (all-gather). Buckets leave as soon as the backward has
/// finished their gradients (<see cref="BucketSchedule"/>).
/// </summary>
internal sealed class RankSum : SharedSum
{
    private readonly Bucket[] _buckets;
    private readonly BucketSchedule _schedule;
    private readonly Tensor _sums, _received;
    private int _round = -1;

    /// <summary>Buffers for a model's gradients.</summary>
    /// <param name="parameters">The model's parameters.</param>
    /// <param name="share">What this rank computes.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="exchange">What carries gradients.</param>
    /// <param name="bucket">The numbers of a bucket.</param>
    public RankSum(ParameterSet parameters, BatchShare share, ICommunicator ranks, IExchange exchange, long bucket = Bucket.UsualLength) : base(parameters, share, ranks, exchange)
    {
        _buckets = Bucket.Cut(parameters, ranks.Rank, ranks.Size, bucket);
        _schedule = new BucketSchedule(parameters, _buckets);
        var device = parameters.Values!.Device;
        long own = _buckets.Sum(bucket => bucket.OwnLength);
        _sums = device.Allocate([checked((int)Math.Max(1, own))]);
        _received = device.Allocate([checked((int)Math.Max(1, own * (ranks.Size - 1)))]);
    }

    /// <summary>The buckets into which the line of gradients is cut.</summary>
    public IReadOnlyList<Bucket> Buckets => _buckets;

    /// <summary>How many of them left before the end of the last backward.</summary>
    public int EarlyBuckets => _schedule.Early;

    /// <summary>Whether a rank keeps the sums of its own pieces, and nobody gets the others: where each updates its own part.</summary>
    public bool IsSharded { get; init; }

    internal override void Begin(int part, Tape tape)
    {
        // The gradients of the round before are still being sent, and are written again from here on.
        Settle();
        _round = part;
        _schedule.Watch(tape, Send);
    }

    internal override void Add(int part, ParameterSet parameters) => _schedule.SendRest();

    internal override void Put(Tensor gradients, Readback figures)
    {
        Settle();
        var gathered = new List<ITransfer>(_buckets.Length);
        foreach (var bucket in _buckets)
        {
            if (bucket.OwnLength > 0) Combine.Copy(bucket.Own(_sums), bucket.OwnOf(gradients));
            if (!IsSharded) gathered.Add(Exchange.AllGather(bucket.Line(gradients)));
        }
        PutFigures(figures);
        foreach (var transfer in gathered) Wait(transfer);
    }

    /// <summary>The exchange of a step without the step: what the gradients hold is sent, added and given to all.</summary>
    public void Rehearse(Readback figures)
    {
        for (int round = 0; round < Parts; round++)
        {
            Settle();
            _round = round;
            foreach (var bucket in _schedule.InOrder) Send(bucket);
        }
        Put(Parameters.AllGradients, figures);
    }

    /// <summary>Begins to send a bucket whose gradients are finished.</summary>
    private void Send(Bucket bucket)
    {
        var (send, receive) = bucket.Exchange(Parameters.AllGradients, _received, Ranks.Size);
        bucket.Transfer = Exchange.AllToAll(send, receive);
    }

    /// <summary>Adds the pieces of the round in hand in the order of ranks, which is that of their parts.</summary>
    private void Settle()
    {
        if (_round < 0) return;
        int first = _round * Ranks.Size;
        foreach (var bucket in _schedule.InOrder)
        {
            Wait(bucket.Transfer!);
            bucket.Transfer = null;
            if (bucket.OwnLength == 0) continue;
            for (int rank = 0; rank < Ranks.Size; rank++)
            {
                AddTo(first + rank, rank == Ranks.Rank ? bucket.OwnOf(Parameters.AllGradients) : bucket.Received(_received, rank), bucket.Own(_sums));
            }
        }
        _round = -1;
    }

    /// <summary>Frees the buffers. Nothing may be on its way any more, or the process is ending.</summary>
    public override void Dispose()
    {
        _sums.Dispose();
        _received.Dispose();
        base.Dispose();
    }
}

using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Distributed.Nccl;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>
/// The sum of gradients over the cards of ranks, which NCCL makes without the host. A rank adds its own parts first; in its last one each bucket goes to a stream beside the kernels as soon as the backward has finished it. The order in
/// which NCCL adds is its own: a run of one number of ranks repeats, and differs in rounding from one of another number.
/// </summary>
internal sealed class CardSum : SharedSum
{
    private readonly Bucket[] _buckets;
    private readonly BucketSchedule _schedule;
    private readonly NcclGroup _cards;
    private readonly Tensor _sum;
    private ITransfer? _last;
    private int _part;

    /// <summary>A buffer for a model's gradients.</summary>
    /// <param name="parameters">The model's parameters.</param>
    /// <param name="share">What this rank computes.</param>
    /// <param name="ranks">The ranks, which tell each other of losses.</param>
    /// <param name="cards">Their cards; stays its owner's.</param>
    /// <param name="bucket">The numbers of a bucket.</param>
    public CardSum(ParameterSet parameters, BatchShare share, ICommunicator ranks, NcclGroup cards, long bucket = Bucket.UsualLength) : base(parameters, share, ranks, cards)
    {
        _cards = cards;
        _buckets = Bucket.Cut(parameters, rank: 0, ranks: 1, bucket);
        _schedule = new BucketSchedule(parameters, _buckets);
        _sum = parameters.NewLike();
    }

    internal override void Begin(int part, Tape tape)
    {
        _part = part;
        if (part == Parts - 1) _schedule.Watch(tape, Send);
    }

    internal override void Add(int part, ParameterSet parameters)
    {
        if (part == Parts - 1) _schedule.SendRest();
        else AddTo(part, parameters.Gradients!, _sum);
    }

    internal override void Put(Tensor gradients, Readback figures)
    {
        _last?.Wait();
        Combine.Copy(_sum, gradients);
        PutFigures(figures);
    }

    /// <summary>Adds the last part's gradients of a bucket to this rank's sum, and queues its sum over cards.</summary>
    private void Send(Bucket bucket)
    {
        var own = bucket.OwnOf(_sum);
        AddTo(_part, bucket.OwnOf(Parameters.AllGradients), own);
        _last = _cards.AllReduce((own.Address, own.Count));
    }

    /// <summary>Frees the buffer.</summary>
    public override void Dispose()
    {
        _sum.Dispose();
        base.Dispose();
    }
}

using System.Diagnostics;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>
/// The sum of gradients over ranks, to the bit that of one process which computes all parts itself. The line of all gradients is cut into buckets, and each bucket into a piece for every rank. In each round every rank sends each other
/// rank its piece (all-to-all); a rank adds the pieces that it owns in the order of parts, with the arithmetic of <see cref="GradientSum"/>; after the last round all pieces go to all (all-gather). Buckets leave as soon as the backward has
/// finished their gradients (<see cref="BucketSchedule"/>).
/// </summary>
internal sealed class RankSum : GradientSum
{
    // Whether a rank wants to stop, and whether it wants the state.
    private const int Wishes = 2;

    private readonly ICommunicator _ranks;
    private readonly BatchShare _share;
    private readonly Bucket[] _buckets;
    private readonly BucketSchedule _schedule;
    private readonly Tensor _sums, _received, _figures;
    private readonly int _figuresARound, _figuresARank;
    private readonly ParameterSet _parameters;
    private int _round = -1;

    /// <summary>Buffers for a model's gradients.</summary>
    /// <param name="parameters">The model's parameters.</param>
    /// <param name="share">What this rank computes.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="bucket">The numbers of a bucket.</param>
    public RankSum(ParameterSet parameters, BatchShare share, ICommunicator ranks, long bucket = Bucket.UsualLength) : base(parameters, share.Parts, share.Rounds)
    {
        (_parameters, _ranks, _share) = (parameters, ranks, share);
        _buckets = Bucket.Cut(parameters, ranks.Rank, ranks.Size, bucket);
        _schedule = new BucketSchedule(parameters, _buckets);
        var device = parameters.Values!.Device;
        long own = _buckets.Sum(bucket => bucket.OwnLength);
        _sums = device.Allocate([checked((int)Math.Max(1, own))]);
        _received = device.Allocate([checked((int)Math.Max(1, own * (ranks.Size - 1)))]);
        // Of each round: its losses, and that of each image; then what this rank wants.
        _figuresARound = TrainingStep.Figures + share.PartImages;
        _figuresARank = (share.Rounds * _figuresARound) + Wishes;
        _figures = device.Allocate([ranks.Size, _figuresARank]);
        _figures.Clear();
    }

    /// <summary>The buckets into which the line of gradients is cut.</summary>
    public IReadOnlyList<Bucket> Buckets => _buckets;

    /// <summary>How many of them left before the end of the last backward.</summary>
    public int EarlyBuckets => _schedule.Early;

    /// <summary>Whether a rank keeps the sums of its own pieces, and nobody gets the others: where each updates its own part.</summary>
    public bool IsSharded { get; init; }

    /// <summary>The time that this rank has waited for others and for numbers on their way, of which the rest was hidden behind its work.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>Asked in each step whether this rank wants the run to stop after it.</summary>
    public Func<bool> WantsToStop { get; set; } = () => false;

    /// <summary>Asked in each step whether this rank, the first, will look at the whole state after it.</summary>
    public Func<bool> WantsState { get; set; } = () => false;

    /// <summary>Whether rank 0 looks at the whole state after the last step.</summary>
    public bool FirstWantsState { get; private set; }

    /// <summary>Whether any rank wanted the run to stop after the last step.</summary>
    public bool AnyWantsToStop { get; private set; }

    internal override void Begin(int part, Tape tape)
    {
        // The gradients of the round before are still being sent, and are written again from here on.
        Settle();
        _round = part;
        _schedule.Watch(tape, Send);
    }

    internal override void AddFigure(int part, int figure, Tensor loss) => Keep((part * _figuresARound) + figure, loss);

    internal override void AddEach(int part, Tensor losses, Readback figures) => Keep((part * _figuresARound) + TrainingStep.Figures, losses);

    internal override void Add(int part, ParameterSet parameters) => _schedule.SendRest();

    internal override void Put(Tensor gradients, Readback figures)
    {
        Settle();
        var gathered = new List<ITransfer>(_buckets.Length);
        foreach (var bucket in _buckets)
        {
            if (bucket.OwnLength > 0) Kernels.Operations.Combine.Copy(bucket.Own(_sums), bucket.OwnOf(gradients));
            if (!IsSharded) gathered.Add(_ranks.AllGather(bucket.Line(gradients)));
        }
        PutFigures(figures);
        foreach (var transfer in gathered) Wait(transfer);
    }

    private void Wait(ITransfer transfer)
    {
        long began = Stopwatch.GetTimestamp();
        transfer.Wait();
        Waited += Stopwatch.GetElapsedTime(began);
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
        Put(_parameters.AllGradients, figures);
    }

    /// <summary>Begins to send a bucket whose gradients are finished.</summary>
    private void Send(Bucket bucket)
    {
        var (send, receive) = bucket.Exchange(_parameters.AllGradients, _received, _ranks.Size);
        bucket.Transfer = _ranks.AllToAll(send, receive);
    }

    /// <summary>Adds the pieces of the round in hand in the order of ranks, which is that of their parts.</summary>
    private void Settle()
    {
        if (_round < 0) return;
        int first = _round * _ranks.Size;
        foreach (var bucket in _schedule.InOrder)
        {
            Wait(bucket.Transfer!);
            bucket.Transfer = null;
            if (bucket.OwnLength == 0) continue;
            for (int rank = 0; rank < _ranks.Size; rank++)
            {
                AddTo(first + rank, rank == _ranks.Rank ? bucket.OwnOf(_parameters.AllGradients) : bucket.Received(_received, rank), bucket.Own(_sums));
            }
        }
        _round = -1;
    }

    private void PutFigures(Readback figures)
    {
        Keep(_figuresARank - Wishes, [WantsToStop() ? 1f : 0f, WantsState() ? 1f : 0f]);
        int[] counts = [.. Enumerable.Repeat(_figuresARank, _ranks.Size)], places = [.. Enumerable.Range(0, _ranks.Size).Select(rank => rank * _figuresARank)];
        Wait(_ranks.AllGather(new Pieces(_figures.Address, places, counts)));
        for (int part = 0; part < AllParts; part++)
        {
            var (round, rank) = Math.DivRem(part, _ranks.Size);
            long first = ((long)rank * _figuresARank) + (round * _figuresARound);
            foreach (int figure in (ReadOnlySpan<int>)[TrainingStep.LossFigure, TrainingStep.AlignmentFigure]) AddLoss(part, figure, _figures.Slice(first + figure, [1]));
            if (figures.Count >= TrainingStep.Figures + (AllParts * _share.PartImages)) figures.CopyAll(TrainingStep.Figures + (part * _share.PartImages), _figures.Slice(first + TrainingStep.Figures, [_share.PartImages]));
        }
        PutLosses(figures);
        var wishes = new float[Wishes];
        (AnyWantsToStop, FirstWantsState) = (false, false);
        for (int rank = 0; rank < _ranks.Size; rank++)
        {
            _figures.Slice(((long)(rank + 1) * _figuresARank) - Wishes, [Wishes]).Download(wishes);
            AnyWantsToStop |= wishes[0] != 0;
            FirstWantsState |= rank == 0 && wishes[1] != 0;
        }
    }

    /// <summary>Puts numbers of this rank where the others will have them.</summary>
    private void Keep(int place, Tensor numbers)
    {
        var target = _figures.Slice(((long)_ranks.Rank * _figuresARank) + place, numbers.Shape);
        // Adding to zero copies, whatever the numbers are.
        target.Clear();
        Kernels.Operations.Accumulate.Forward(numbers, target);
    }

    private void Keep(int place, float[] numbers) => _figures.Slice(((long)_ranks.Rank * _figuresARank) + place, [numbers.Length]).Upload(numbers);

    /// <summary>Frees the buffers. Nothing may be on its way any more, or the process is ending.</summary>
    public override void Dispose()
    {
        _sums.Dispose();
        _received.Dispose();
        _figures.Dispose();
        base.Dispose();
    }
}

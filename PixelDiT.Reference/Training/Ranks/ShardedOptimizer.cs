using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>
/// <see cref="Optimizer"/> with its state dealt out: each rank keeps both moments and the average of its own pieces of the parameters, updates these, and gives them to all. The bits are those of one process: AdamW goes element by
/// element, and the norm is summed from the same parts in the same order. Rank 0 holds the whole state when it is to be looked at, until the next step.
/// </summary>
internal sealed class ShardedOptimizer : MomentOptimizer
{
    private readonly ParameterSet _parameters;
    private readonly IReadOnlyList<Bucket> _buckets;
    private readonly ICommunicator _ranks;
    private readonly IExchange _exchange;
    private readonly Tensor _first, _second, _average, _ownSums, _sums;
    private readonly int[] _chunks, _chunkPlaces;
    private Tensor? _wholeFirst, _wholeSecond, _wholeAverage;

    /// <summary>Moments of zero, and an average that begins as a copy of the weights.</summary>
    public ShardedOptimizer(ParameterSet parameters, OptimizerConfig config, IReadOnlyList<Bucket> buckets, ICommunicator ranks, IExchange exchange) : base(parameters, config)
    {
        (_parameters, _buckets, _ranks, _exchange) = (parameters, buckets, ranks, exchange);
        var device = parameters.Values!.Device;
        int own = Math.Max(1, buckets.Sum(bucket => bucket.OwnLength));
        (_first, _second, _average) = (device.Allocate([own]), device.Allocate([own]), device.Allocate([own]));
        _first.Clear();
        _second.Clear();
        _chunks = [.. Enumerable.Range(0, ranks.Size).Select(rank => buckets.Sum(bucket => bucket.ChunksOf(rank).Count))];
        _chunkPlaces = [.. Enumerable.Range(0, ranks.Size).Select(rank => _chunks.Take(rank).Sum())];
        (_ownSums, _sums) = (device.Allocate([_chunks.Sum()]), device.Allocate([_chunks.Sum()]));
        foreach (var bucket in buckets.Where(bucket => bucket.OwnLength > 0)) Combine.Copy(bucket.OwnOf(parameters.Values!), bucket.Own(_average));
        if (ranks.Rank > 0) return;
        Open();
        _wholeFirst!.Clear();
        _wholeSecond!.Clear();
        Combine.Copy(parameters.Values!, _wholeAverage!);
    }

    /// <inheritdoc/>
    public override Tensor First => Whole(_wholeFirst);

    /// <inheritdoc/>
    public override Tensor Second => Whole(_wholeSecond);

    /// <inheritdoc/>
    public override Tensor Average => Whole(_wholeAverage);

    private protected override void Update(AdamWStep numbers, Tensor? normBefore)
    {
        Close();
        SumSquares();
        var gathered = new List<ITransfer>(_buckets.Count);
        foreach (var bucket in _buckets)
        {
            if (bucket.OwnLength > 0)
            {
                AdamW.Step(bucket.OwnOf(_parameters.Values!), bucket.OwnOf(_parameters.AllGradients), bucket.Own(_first), bucket.Own(_second), bucket.Own(_average), Norm, numbers, normBefore);
            }
            gathered.Add(_exchange.AllGather(bucket.Line(_parameters.Values!)));
        }
        foreach (var transfer in gathered) transfer.Wait();
    }

    /// <summary>Brings the whole state to rank 0, which holds it until the next step. Every rank calls it.</summary>
    public void Gather()
    {
        if (_ranks.Rank == 0) Open();
        Move(toFirst: true);
    }

    /// <summary>Gives every rank its part of the state that rank 0 holds. Every rank calls it.</summary>
    public void Scatter() => Move(toFirst: false);

    /// <summary>Frees all.</summary>
    public override void Dispose()
    {
        Close();
        foreach (var tensor in (ReadOnlySpan<Tensor>)[_first, _second, _average, _ownSums, _sums]) tensor.Dispose();
        base.Dispose();
    }

    private static Tensor Whole(Tensor? whole) => whole ?? throw new InvalidOperationException("the state of the optimizer is dealt out, and was not gathered");

    private void Open()
    {
        _wholeFirst ??= _parameters.NewLike();
        _wholeSecond ??= _parameters.NewLike();
        _wholeAverage ??= _parameters.NewLike();
    }

    private void Close()
    {
        _wholeFirst?.Dispose();
        _wholeSecond?.Dispose();
        _wholeAverage?.Dispose();
        (_wholeFirst, _wholeSecond, _wholeAverage) = (null, null, null);
    }

    private void Move(bool toFirst)
    {
        foreach (var (owned, whole) in (ReadOnlySpan<(Tensor, Tensor?)>)[(_first, _wholeFirst), (_second, _wholeSecond), (_average, _wholeAverage)])
        {
            var moved = new List<ITransfer>(_buckets.Count);
            foreach (var bucket in _buckets)
            {
                var (given, taken) = bucket.WithFirst(owned, whole);
                moved.Add(toFirst ? _exchange.AllToAll(given, taken) : _exchange.AllToAll(taken, given));
                if (_ranks.Rank > 0 || bucket.OwnLength == 0) continue;
                if (toFirst) Combine.Copy(bucket.Own(owned), bucket.OwnOf(whole!));
                else Combine.Copy(bucket.OwnOf(whole!), bucket.Own(owned));
            }
            foreach (var transfer in moved) transfer.Wait();
        }
    }

    /// <summary>The norm of all gradients, of which each rank has the sums of its own: every part is summed in one place, and all are added in their order.</summary>
    private void SumSquares()
    {
        int own = _chunkPlaces[_ranks.Rank];
        foreach (var bucket in _buckets)
        {
            int count = bucket.ChunksOf(_ranks.Rank).Count;
            if (count == 0) continue;
            GradientNorm.Parts(bucket.OwnOf(_parameters.AllGradients), _ownSums.Slice(own, [count]));
            own += count;
        }
        _exchange.AllGather(new Pieces(_ownSums.Address, _chunkPlaces, _chunks)).Wait();
        float[] byOwner = _ownSums.ToArray(), sums = new float[byOwner.Length];
        for (int rank = 0; rank < _ranks.Size; rank++)
        {
            int at = _chunkPlaces[rank];
            foreach (var bucket in _buckets)
            {
                var (first, count) = bucket.ChunksOf(rank);
                byOwner.AsSpan(at, count).CopyTo(sums.AsSpan(checked((int)first)));
                at += count;
            }
        }
        _sums.Upload(sums);
        GradientNorm.FromParts(_sums, Norm);
    }
}

using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>A stretch of the line of all gradients that travels at once, with a piece of it for each rank.</summary>
internal sealed class Bucket
{
    /// <summary>4 MiB: large enough that a network carries it at its full speed, small enough that most of a model's leave while the backward runs.</summary>
    public const long UsualLength = 1 << 20;

    /// <summary>Buckets and pieces begin at multiples of it, so that no chunk of the sum of squares has two owners.</summary>
    public const int Unit = Kernels.Operations.GradientNorm.PartLength;

    private readonly int[] _places, _counts;
    private readonly int _rank;
    private readonly long _ownPlace;

    private Bucket(long first, long length, int rank, int ranks, long ownPlace, IReadOnlyList<Parameter> parameters)
    {
        (First, Length, Parameters, _rank, _ownPlace) = (first, length, parameters, rank, ownPlace);
        (_places, _counts) = (new int[ranks], new int[ranks]);
        for (int r = 0; r < ranks; r++)
        {
            int begin = Border(r), end = Border(r + 1);
            (_places[r], _counts[r]) = (begin, end - begin);
        }

        int Border(int r) => r == ranks ? checked((int)length) : checked((int)(length * r / ranks / Unit * Unit));
    }

    /// <summary>Where it begins in the line.</summary>
    public long First { get; }

    /// <summary>Its numbers.</summary>
    public long Length { get; }

    /// <summary>The parameters that have gradients in it.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The numbers of this rank's piece.</summary>
    public int OwnLength => _counts[_rank];

    /// <summary>Its all-to-all, while it is on its way.</summary>
    public ITransfer? Transfer { get; set; }

    /// <summary>Cuts the line of a model's gradients; the last parameters, whose gradients are finished first, are in the first bucket.</summary>
    /// <param name="parameters">The model's parameters.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="ranks">All ranks.</param>
    /// <param name="length">The numbers of a bucket; one of a parameter that has more is longer.</param>
    public static Bucket[] Cut(ParameterSet parameters, int rank, int ranks, long length)
    {
        var buckets = new List<Bucket>();
        var held = new List<Parameter>();
        long end = parameters.Length, ownPlace = 0;
        for (int i = parameters.All.Count - 1; i >= 0; i--)
        {
            held.Add(parameters.All[i]);
            // What lies before the next multiple goes to the next bucket, so that none waits for a parameter of which it has a corner.
            long offset = parameters.OffsetOf(i), first = i == 0 ? 0 : (offset + Unit - 1) / Unit * Unit;
            if (first >= end || (end - first < length && i > 0)) continue;
            var bucket = new Bucket(first, end - first, rank, ranks, ownPlace, [.. held]);
            buckets.Add(bucket);
            ownPlace += bucket.OwnLength;
            end = first;
            held.Clear();
            if (first > offset) held.Add(parameters.All[i]);
        }
        return [.. buckets];
    }

    /// <summary>This rank's piece among those that it owns.</summary>
    public Tensor Own(Tensor owned) => owned.Slice(_ownPlace, [OwnLength]);

    /// <summary>This rank's piece in the line.</summary>
    public Tensor OwnOf(Tensor line) => line.Slice(First + _places[_rank], [OwnLength]);

    /// <summary>What another rank has sent for this rank's piece.</summary>
    public Tensor Received(Tensor received, int rank) => received.Slice((_ownPlace * (_counts.Length - 1)) + ((long)SlotOf(rank) * OwnLength), [OwnLength]);

    /// <summary>The bucket's numbers of a line as pieces of its ranks.</summary>
    public Pieces Line(Tensor line) => new(line.Address + (First * sizeof(float)), _places, _counts);

    /// <summary>What goes to the other ranks, and where theirs goes.</summary>
    public (Pieces Send, Pieces Receive) Exchange(Tensor line, Tensor received, int ranks)
    {
        int[] counts = [.. Enumerable.Range(0, ranks).Select(rank => rank == _rank ? 0 : OwnLength)], places = [.. Enumerable.Range(0, ranks).Select(rank => SlotOf(rank) * OwnLength)];
        return (Line(line) with { Counts = WithoutOwn() }, new(received.Address + (_ownPlace * (ranks - 1) * sizeof(float)), places, counts));
    }

    /// <summary>What this rank sends so that rank 0 has the whole bucket, and where rank 0 receives it; and with the two in each other's place how it comes back.</summary>
    /// <param name="owned">The pieces that this rank owns.</param>
    /// <param name="line">The line; null but on rank 0.</param>
    public (Pieces Given, Pieces Taken) WithFirst(Tensor owned, Tensor? line)
    {
        int ranks = _counts.Length;
        // No address: OpenMPI takes one that is sent from and received to for an exchange in place, however little is there.
        var none = new Pieces(0, new int[ranks], new int[ranks]);
        if (_rank == 0) return (none, Line(line!) with { Counts = WithoutOwn() });
        return (none with { Start = owned.Address + (_ownPlace * sizeof(float)), Counts = [OwnLength, .. new int[ranks - 1]] }, none);
    }

    /// <summary>The chunks of the sum of squares that a rank owns: the first, and how many.</summary>
    public (long First, int Count) ChunksOf(int rank) => ((First + _places[rank]) / Unit, (_counts[rank] + Unit - 1) / Unit);

    private int[] WithoutOwn() => [.. _counts.Select((count, rank) => rank == _rank ? 0 : count)];

    private int SlotOf(int rank) => rank > _rank ? rank - 1 : rank;
}

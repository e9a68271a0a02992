using System.Diagnostics;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>A sum of gradients whose parts several ranks compute. What all need to know of a step besides goes around here: losses, in the order of parts, and what ranks want.</summary>
internal abstract class SharedSum : GradientSum
{
    // Whether a rank wants to stop, and whether it wants the state.
    private const int Wishes = 2;

    private readonly Tensor _figures;
    private readonly int _figuresARound, _figuresARank;

    /// <summary>What ranks share of a batch.</summary>
    /// <param name="parameters">The model's parameters.</param>
    /// <param name="share">What this rank computes.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="exchange">What reaches the memory of the ranks' devices.</param>
    private protected SharedSum(ParameterSet parameters, BatchShare share, ICommunicator ranks, IExchange exchange) : base(parameters, share.Parts, share.Rounds)
    {
        (Parameters, Ranks, Exchange, Share) = (parameters, ranks, exchange, share);
        // Of each round: its losses, and that of each image; then what this rank wants.
        _figuresARound = TrainingStep.Figures + share.PartImages;
        _figuresARank = (share.Rounds * _figuresARound) + Wishes;
        _figures = parameters.Values!.Device.Allocate([ranks.Size, _figuresARank]);
        _figures.Clear();
    }

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

    /// <summary>The model's parameters.</summary>
    private protected ParameterSet Parameters { get; }

    /// <summary>The ranks.</summary>
    private protected ICommunicator Ranks { get; }

    /// <summary>What reaches the memory of the ranks' devices.</summary>
    private protected IExchange Exchange { get; }

    /// <summary>What this rank computes.</summary>
    private protected BatchShare Share { get; }

    internal override void AddFigure(int part, int figure, Tensor loss) => Keep((part * _figuresARound) + figure, loss);

    internal override void AddEach(int part, Tensor losses, Readback figures) => Keep((part * _figuresARound) + TrainingStep.Figures, losses);

    /// <summary>Waits, and counts the time.</summary>
    private protected void Wait(ITransfer transfer)
    {
        long began = Stopwatch.GetTimestamp();
        transfer.Wait();
        Waited += Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Gives the figures of all parts to all, and adds the losses in the order of parts.</summary>
    private protected void PutFigures(Readback figures)
    {
        Own.Slice(_figuresARank - Wishes, [Wishes]).Upload([WantsToStop() ? 1f : 0f, WantsState() ? 1f : 0f]);
        GatherFigures();
        for (int part = 0; part < AllParts; part++)
        {
            var (round, rank) = Math.DivRem(part, Ranks.Size);
            long first = ((long)rank * _figuresARank) + (round * _figuresARound);
            foreach (int figure in (ReadOnlySpan<int>)[TrainingStep.LossFigure, TrainingStep.AlignmentFigure]) AddLoss(part, figure, _figures.Slice(first + figure, [1]));
            if (figures.Count >= TrainingStep.Figures + (AllParts * Share.PartImages)) figures.CopyAll(TrainingStep.Figures + (part * Share.PartImages), _figures.Slice(first + TrainingStep.Figures, [Share.PartImages]));
        }
        PutLosses(figures);
        var wishes = new float[Wishes];
        (AnyWantsToStop, FirstWantsState) = (false, false);
        for (int rank = 0; rank < Ranks.Size; rank++)
        {
            _figures.Slice(((long)(rank + 1) * _figuresARank) - Wishes, [Wishes]).Download(wishes);
            AnyWantsToStop |= wishes[0] != 0;
            FirstWantsState |= rank == 0 && wishes[1] != 0;
        }
    }

    /// <summary>Frees the buffer.</summary>
    public override void Dispose()
    {
        _figures.Dispose();
        base.Dispose();
    }

    private Tensor Own => _figures.Slice((long)Ranks.Rank * _figuresARank, [_figuresARank]);

    private void GatherFigures()
    {
        int[] counts = [.. Enumerable.Repeat(_figuresARank, Ranks.Size)], places = [.. Enumerable.Range(0, Ranks.Size).Select(rank => rank * _figuresARank)];
        Wait(Exchange.AllGather(new Pieces(_figures.Address, places, counts)));
    }

    /// <summary>Puts numbers of this rank where the others will have them.</summary>
    private void Keep(int place, Tensor numbers)
    {
        var target = Own.Slice(place, numbers.Shape);
        // Adding to zero copies, whatever the numbers are.
        target.Clear();
        Accumulate.Forward(numbers, target);
    }
}

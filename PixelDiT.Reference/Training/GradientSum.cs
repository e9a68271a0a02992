using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Training;

/// <summary>
/// Gradient accumulation: a batch is trained in parts of equal size, so that only a part's activations are in memory. Each part's gradient is finished by itself and then added to the sum, part after part, so that the result does not depend
/// on who has computed which; the step is that of the whole batch up to rounding.
/// </summary>
public class GradientSum : IDisposable
{
    private readonly Tensor _figures;
    private readonly Tensor? _sum;

    /// <summary>A buffer for a model's gradients.</summary>
    /// <param name="parameters">The model's parameters.</param>
    /// <param name="parts">Parts of a batch, at least 2.</param>
    public GradientSum(ParameterSet parameters, int parts) : this(parameters, parts, parts) => _sum = parameters.NewLike();

    /// <summary>The losses of a batch of which this process computes a share.</summary>
    private protected GradientSum(ParameterSet parameters, int allParts, int parts)
    {
        parameters.RequireGradients();
        (AllParts, Parts) = (allParts, parts);
        _figures = parameters.Values!.Device.Allocate([TrainingStep.Figures]);
        _figures.Clear();
    }

    /// <summary>The buffer of a run; null where a batch is one part.</summary>
    internal static GradientSum? Create(ParameterSet parameters, TrainingConfig config) => config.Accumulate > 1 ? new GradientSum(parameters, config.Accumulate) : null;

    /// <summary>Parts of a batch that this process computes.</summary>
    public int Parts { get; }

    /// <summary>Parts of a batch, those of other processes included.</summary>
    public int AllParts { get; }

    /// <summary>How many parts there are; 1 without a sum.</summary>
    internal static int PartsOf(GradientSum? sum) => sum?.Parts ?? 1;

    /// <summary>Notes that the backward of a part begins on a tape.</summary>
    internal virtual void Begin(int part, Tape tape)
    {
    }

    /// <summary>Adds a loss of a part.</summary>
    internal virtual void AddFigure(int part, int figure, Tensor loss) => AddLoss(part, figure, loss);

    /// <summary>Adds the losses of a part's images to the figures.</summary>
    internal virtual void AddEach(int part, Tensor losses, Readback figures) => figures.CopyAll(TrainingStep.Figures + (part * checked((int)losses.Count)), losses);

    /// <summary>Adds the gradients of a part.</summary>
    internal virtual void Add(int part, ParameterSet parameters) => AddTo(part, parameters.Gradients!, _sum!);

    /// <summary>Writes the mean gradients where the optimiser reads them, and the mean losses among the figures.</summary>
    internal virtual void Put(Tensor gradients, Readback figures)
    {
        Combine.Copy(_sum!, gradients);
        PutLosses(figures);
    }

    /// <summary>Frees the buffer.</summary>
    public virtual void Dispose()
    {
        _sum?.Dispose();
        _figures.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Adds a loss of one of all parts, which come in their order.</summary>
    private protected void AddLoss(int part, int figure, Tensor loss) => AddTo(part, loss, _figures.Slice(figure, [1]));

    private protected void PutLosses(Readback figures)
    {
        foreach (int figure in (ReadOnlySpan<int>)[TrainingStep.LossFigure, TrainingStep.AlignmentFigure]) figures.Copy(figure, _figures.Slice(figure, [1]));
    }

    /// <summary>Adds a part's share of a mean to its sum; the parts, of all, come in their order.</summary>
    private protected void AddTo(int part, Tensor values, Tensor sum)
    {
        float share = 1f / AllParts;
        if (part == 0) Combine.Forward(share, values, 0, values, sum);
        else Combine.Forward(1, sum, share, values, sum);
    }
}

/// <summary>The part of a batch's tensors.</summary>
internal static class BatchParts
{
    /// <summary>Rows of a tensor [B, …] that belong to a part; the tensor itself where there is one part.</summary>
    public static Tensor Part(this GradientSum? sum, Tensor tensor, int part)
    {
        if (sum is null) return tensor;
        int rows = tensor.Shape[0] / sum.Parts;
        var shape = Shape.Create([rows, .. tensor.Shape.Skip(1)]);
        return tensor.Slice(part * shape.Count, shape);
    }
}

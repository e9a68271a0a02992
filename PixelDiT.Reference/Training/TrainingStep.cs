using System.IO.Enumeration;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training.Alignment;

namespace PixelDiT.Reference.Training;

/// <summary>One step of flow matching from given draws (SPEC §4): x_t and v, forward, loss, backward, clipping, AdamW, EMA.</summary>
/// <param name="model">The model.</param>
/// <param name="optimizer">Its optimiser.</param>
/// <param name="sum">Where the gradients of a batch's parts are added; null for one part.</param>
/// <param name="frozen">What stays as it is; null for nothing.</param>
/// <param name="alignment">How the model's projected tokens are aligned with a teacher's; null for not.</param>
internal sealed class TrainingStep(PixelDiTModel model, IOptimizer optimizer, GradientSum? sum = null, FrozenParameters? frozen = null, TokenAlignment? alignment = null)
{
    /// <summary>Numbers that a step shows: the loss, mean (v_θ − v)², the norm of all gradients before clipping, and the loss of the alignment without its weight, in this order. Where there is room, the loss of each image follows.</summary>
    public const int Figures = 3;

    internal const int LossFigure = 0, NormFigure = 1, AlignmentFigure = 2;

    /// <summary>Runs the step and waits for its figures.</summary>
    /// <returns>The loss, and the norm of all gradients before clipping.</returns>
    /// <inheritdoc cref="Queue" path="/param"/>
    public (float Loss, float GradientNorm) Run(Tensor x, Tensor noise, Tensor t, Tensor y)
    {
        using var figures = new Readback(model.Device, Figures);
        Queue(x, noise, t, y, figures);
        var read = figures.Read();
        return (read[0], read[1]);
    }

    /// <summary>Queues the step. On a GPU the host goes on before it is done.</summary>
    /// <param name="x">Clean images [B, C, H, W] in [−1, 1].</param>
    /// <param name="noise">ε [B, C, H, W].</param>
    /// <param name="t">Times [B] in [0, 1]; 1 is data.</param>
    /// <param name="y">Labels [B], dropped ones already the null class.</param>
    /// <param name="figures">Receives the loss and the norm, and if it has room for <see cref="Figures"/> and B more the loss of each image.</param>
    /// <param name="learningRate">The step size, where a schedule moves it.</param>
    /// <param name="teacher">A teacher's tokens [B, L, width], with an alignment.</param>
    public void Queue(Tensor x, Tensor noise, Tensor t, Tensor y, Readback figures, double? learningRate = null, Tensor? teacher = null)
    {
        var device = model.Device;
        for (int part = 0; part < GradientSum.PartsOf(sum); part++)
        {
            Tensor images = sum.Part(x, part), times = sum.Part(t, part), labels = sum.Part(y, part);
            using var xt = device.Allocate(images.Shape);
            using var target = device.Allocate(images.Shape);
            FlowPath.Forward(images, sum.Part(noise, part), times, xt, target);
            Backward(model, sum, part, figures, tape =>
            {
                var loss = Loss(tape, model.Forward(tape, tape.Input(xt), times, labels, out var projected), target, sum, part, figures);
                return new(loss, teacher is null ? null : alignment?.Loss(tape, projected!, sum.Part(teacher, part)), alignment?.Weight);
            });
        }
        Finish(model, optimizer, sum, frozen, figures, learningRate);
    }

    /// <summary>The losses of a part: of the flow, and of the alignment where there is one, with its weight.</summary>
    internal readonly record struct Losses(Variable Flow, Variable? Alignment, double? Weight);

    /// <summary>Gradients of a part's loss.</summary>
    internal static void Backward(PixelTransformer model, GradientSum? sum, int part, Readback figures, Func<Tape, Losses> forward)
    {
        model.Parameters.ClearGradients();
        using var tape = new Tape(model.Device, recording: true);
        var losses = forward(tape);
        Put(LossFigure, losses.Flow);
        if (losses.Alignment is not null) Put(AlignmentFigure, losses.Alignment);
        sum?.Begin(part, tape);
        tape.Backward(losses.Alignment is null ? losses.Flow : tape.AddScaled(losses.Flow, (float)losses.Weight!, losses.Alignment));
        sum?.Add(part, model.Parameters);

        void Put(int figure, Variable loss)
        {
            if (sum is null) figures.Copy(figure, loss.Value);
            else sum.AddFigure(part, figure, loss.Value);
        }
    }

    /// <summary>The loss of a part; that of each of its images goes among the figures where there is room.</summary>
    internal static Variable Loss(Tape tape, Variable output, Tensor target, GradientSum? sum, int part, Readback figures)
    {
        int images = output.Value.Shape[0];
        if (figures.Count >= Figures + (images * (sum?.AllParts ?? 1)))
        {
            using var losses = target.Device.Allocate([images]);
            MeanSquaredError.EachRow(output.Value, target, losses);
            if (sum is null) figures.CopyAll(Figures, losses);
            else sum.AddEach(part, losses, figures);
        }
        return tape.MeanSquaredError(output, target);
    }

    /// <summary>A step of the optimiser with the gradients of all parts.</summary>
    internal static void Finish(PixelTransformer model, IOptimizer optimizer, GradientSum? sum, FrozenParameters? frozen, Readback figures, double? learningRate)
    {
        sum?.Put(model.Parameters.Gradients!, figures);
        frozen?.ClearGradients();
        optimizer.Step(learningRate);
        frozen?.Restore(optimizer.Average);
        figures.Copy(NormFigure, optimizer.Norm);
    }
}

/// <summary>
/// Gradient accumulation: a batch is trained in parts of equal size, so that only a part's activations are in memory. Each part's gradient is finished by itself and then added to the sum, part after part, so that the result does not depend
/// on who has computed which; the step is that of the whole batch up to rounding.
/// </summary>
internal class GradientSum : IDisposable
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

/// <summary>
/// Parameters that a run leaves as they are. Their gradients count as zero, so that the norm is that of the others, and whatever an optimiser makes of that (weight decay, an average that rounds), their values and averages are put back.
/// </summary>
internal sealed class FrozenParameters : IDisposable
{
    private readonly ParameterSet _parameters;
    private readonly Parameter[] _frozen;
    private readonly Tensor[] _values;

    /// <summary>Freezes parameters at their present values.</summary>
    /// <param name="parameters">The model's parameters.</param>
    /// <param name="patterns">Patterns of names, * for any text.</param>
    /// <exception cref="ConfigurationException">A pattern fits no parameter, or all are frozen.</exception>
    public FrozenParameters(ParameterSet parameters, IReadOnlyList<string> patterns)
    {
        _parameters = parameters;
        foreach (string pattern in patterns)
        {
            if (!parameters.All.Any(parameter => Fits(parameter, pattern))) throw new ConfigurationException($"freeze is '{pattern}', which fits no parameter; for example {parameters.All[0].Name} is one");
        }
        _frozen = [.. parameters.All.Where(parameter => patterns.Any(pattern => Fits(parameter, pattern)))];
        if (_frozen.Length == parameters.All.Count) throw new ConfigurationException($"freeze is '{string.Join("', '", patterns)}', which is every parameter; nothing would be trained");
        _values = [.. _frozen.Select(parameter => parameter.Value.Device.Allocate(parameter.Shape))];
        Take();
    }

    /// <summary>What a run freezes; null for nothing.</summary>
    /// <inheritdoc cref="FrozenParameters(ParameterSet, IReadOnlyList{string})" path="/exception"/>
    internal static FrozenParameters? Create(ParameterSet parameters, TrainingConfig config) => config.Freeze.Count > 0 ? new FrozenParameters(parameters, config.Freeze) : null;

    /// <summary>Takes the present values for those that stay, as when a run has been restored.</summary>
    internal void Take()
    {
        foreach (var (parameter, values) in _frozen.Zip(_values)) Combine.Copy(parameter.Value, values);
    }

    internal void ClearGradients()
    {
        // All gradients are asked for first, so that none is written later.
        var all = _parameters.Gradients!;
        foreach (var parameter in _frozen) _parameters.SliceOf(all, parameter).Clear();
    }

    internal void Restore(Tensor? average)
    {
        foreach (var (parameter, values) in _frozen.Zip(_values))
        {
            Combine.Copy(values, parameter.Value);
            if (average is not null) Combine.Copy(values, _parameters.SliceOf(average, parameter));
        }
    }

    /// <summary>Frees the copies.</summary>
    public void Dispose()
    {
        foreach (var values in _values) values.Dispose();
    }

    private static bool Fits(Parameter parameter, string pattern) => FileSystemName.MatchesSimpleExpression(pattern, parameter.Name, ignoreCase: false);
}

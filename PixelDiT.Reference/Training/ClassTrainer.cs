using PixelDiT.Kernels;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training.Alignment;
using PixelDiT.Reference.Training.HeldOut;

namespace PixelDiT.Reference.Training;

/// <summary>Trains a class model (SPEC §4).</summary>
public sealed class ClassTrainer : Trainer
{
    private readonly TrainingStep _step;
    private readonly StagingBuffer _x, _t, _y;
    private readonly Tensor _noise;
    private readonly int _nullClass;

    /// <summary>A trainer of a model whose weights are there already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="source">The images.</param>
    /// <param name="config">The settings.</param>
    /// <param name="teacher">Where a teacher's tokens come from, with an alignment; stays its owner's.</param>
    /// <param name="ranks">The processes that train together; null for one alone.</param>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    /// <exception cref="DataException">The data does not fit the model.</exception>
    /// <exception cref="ShapeException">The resolution does not divide.</exception>
    public ClassTrainer(PixelDiTModel model, IImageSource source, TrainingConfig config, ITeacher? teacher = null, ICommunicator? ranks = null) : base(RequireFits(model, source), config, teacher, ranks)
    {
        Source = source;
        _nullClass = model.Config.NullClass;
        _step = new TrainingStep(model, Optimizer, Sum, Frozen, Alignment);
        RequireAlignable(source.Height, source.Width);
        RequireEpochs(source.Name, source.Count);
        Shape images = [Share.Images, model.Config.Channels, source.Height, source.Width];
        _x = new StagingBuffer(model.Device, images);
        _noise = model.Device.Allocate(images);
        _t = new StagingBuffer(model.Device, [Share.Images]);
        _y = new StagingBuffer(model.Device, [Share.Images], ElementType.Int32);
    }

    /// <summary>The data.</summary>
    public IImageSource Source { get; }

    private static PixelDiTModel RequireFits(PixelDiTModel model, IImageSource source)
    {
        if (source.Channels != model.Config.Channels) throw new DataException($"{source.Name}: images have {source.Channels} channels; the model takes {model.Config.Channels}");
        if (source.Classes > model.Config.Classes) throw new DataException($"{source.Name}: has {source.Classes} classes; the model has {model.Config.Classes}");
        model.RequireDivides(source.Height, source.Width);
        return model;
    }

    /// <inheritdoc/>
    public override PixelDiTModel Averaged() => (PixelDiTModel)base.Averaged();

    private protected override TrainingData Data => new ClassData(Source);

    private protected override double EpochAt(long step) => (double)step * Config.Batch / Source.Count;

    private protected override IBatches Read(long step, IReadOnlyList<int>? rows) => new BatchLoader(Source, Config.Batch, Config.Seed, step * Config.Batch, Config.Flip, rows: rows);

    private protected override void Queue(IBatches loader, long step, double rate, Readback figures)
    {
        var batch = ((BatchLoader)loader).Next();
        var (times, labels) = DrawsOf(step, batch, Share.RowOf);
        var x = _x.Send<float>(batch.Images);
        Share.FillNoise(_noise, Config.Seed, Stream(step, Draw.Noise));
        _step.Queue(x, _noise, _t.Send<float>(times), _y.Send<int>(labels), figures, rate, Alignment is null ? null : Teacher!.Encode(x, batch.Places));
    }

    internal override IReadOnlyList<TensorData> BatchOf(long step)
    {
        using var loader = (BatchLoader)Read(step, null);
        var batch = loader.Next();
        var (times, labels) = DrawsOf(step, batch, image => image);
        using var noise = Model.Device.Allocate([Config.Batch, .. _noise.Shape.Skip(1)]);
        Noise.Fill(noise, Config.Seed, Stream(step, Draw.Noise));
        long[] images = [.. noise.Shape.Select(size => (long)size)];
        return [new("in.x", images, [.. batch.Images]), new("in.noise", images, noise.ToArray()), new("in.t", [Config.Batch], times), new("in.y", [Config.Batch], Array.ConvertAll(labels, label => (float)label))];
    }

    internal override double LossOf(PixelTransformer model, TrainingData heldOut, CancellationToken cancel = default)
    {
        var images = ((ClassData)heldOut).Source;
        return HeldOutMeasure.Loss((PixelDiTModel)model, images, 0, images.Count, Config.Batch / Config.Accumulate, Config.TimeShift, cancel);
    }

    private protected override float TimeOf(long step, int image) => FlowTime.LogitNormal(TimeDraw(step, image), (float)Config.TimeShift);

    private (float[] Times, int[] Labels) DrawsOf(long step, Batch batch, Func<int, int> rowOf)
    {
        var times = new float[batch.Labels.Length];
        var labels = new int[batch.Labels.Length];
        for (int b = 0; b < times.Length; b++)
        {
            times[b] = TimeOf(step, rowOf(b));
            labels[b] = IsDropped(step, rowOf(b)) ? _nullClass : batch.Labels[b];
        }
        return (times, labels);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _x.Dispose();
        _noise.Dispose();
        _t.Dispose();
        _y.Dispose();
        base.Dispose();
    }
}

using System.Diagnostics;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Training;

/// <summary>What a step of training showed.</summary>
/// <param name="Step">The step, from 1.</param>
/// <param name="Loss">mean (v_θ − v)².</param>
/// <param name="GradientNorm">The norm of all gradients before clipping.</param>
/// <param name="LearningRate">The step size.</param>
/// <param name="ImagesPerSecond">Images over the step's wall time: from its beginning, or from the end of the step before if that is later, until its figures were read.</param>
public readonly record struct StepReport(long Step, float Loss, float GradientNorm, double LearningRate, double ImagesPerSecond);

/// <summary>
/// Trains a class model (SPEC §4). Everything random is a function of the seed and the step: the order of images, the noise, the times and the dropped classes;
/// so a run gives the same bits at any thread count, and a resumed run those of one that was never interrupted.
/// </summary>
public sealed class Trainer : IDisposable
{
    /// <summary>Separates the draws of one step.</summary>
    private enum Draw
    {
        Noise,
        Time,
        Drop
    }

    private readonly TrainingStep _step;
    private readonly StagingBuffer _x, _t, _y;
    private readonly Tensor _noise;
    private readonly PendingStep[] _steps;

    /// <summary>A trainer of a model whose weights are there already.</summary>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    /// <exception cref="DataException">The data does not fit the model.</exception>
    /// <exception cref="ShapeException">The resolution does not divide.</exception>
    public Trainer(PixelDiTModel model, IImageSource source, TrainingConfig config)
    {
        (Model, Source, Config) = (model, source, config.Validate());
        if (source.Channels != model.Config.Channels) throw new DataException($"{source.Name}: images have {source.Channels} channels; the model takes {model.Config.Channels}");
        if (source.Classes > model.Config.Classes) throw new DataException($"{source.Name}: has {source.Classes} classes; the model has {model.Config.Classes}");
        model.RequireDivides(source.Height, source.Width);
        Optimizer = new Optimizer(model.Parameters, config.Optimizer);
        _step = new TrainingStep(model, Optimizer);
        Shape images = [config.Batch, model.Config.Channels, source.Height, source.Width];
        _x = new StagingBuffer(model.Device, images);
        _noise = model.Device.Allocate(images);
        _t = new StagingBuffer(model.Device, [config.Batch]);
        _y = new StagingBuffer(model.Device, [config.Batch], ElementType.Int32);
        _steps = [new PendingStep(model.Device, config.Batch), new PendingStep(model.Device, config.Batch)];
        ReadsLate = model.Device.Kind == DeviceKind.Cuda;
    }

    /// <summary>The model in training.</summary>
    public PixelDiTModel Model { get; }

    /// <summary>The data.</summary>
    public IImageSource Source { get; }

    /// <summary>The settings.</summary>
    public TrainingConfig Config { get; }

    /// <summary>Moments, average and the number of steps taken.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Whether a step's figures are read when the next one is queued, so that a GPU never waits for the host. Nothing else depends on it.</summary>
    internal bool ReadsLate { get; set; }

    /// <summary>Trains until the last step, or until it is cancelled; a step that has begun is finished.</summary>
    /// <param name="report">Called after every step, in their order; on a GPU the next one may have begun.</param>
    /// <param name="cancel">Stops after the step in hand; the trainer stays usable.</param>
    /// <param name="restEvery">After each multiple of so many steps none begins before the report has returned, so that the weights are those of the step reported; 0 for never.</param>
    /// <exception cref="ConfigurationException">The loss is not finite; the message names the step. At most one step has been made since.</exception>
    public void Run(Action<StepReport> report, CancellationToken cancel = default, int restEvery = 0)
    {
        using var loader = new BatchLoader(Source, Config.Batch, Config.Seed, Optimizer.Steps * Config.Batch);
        PendingStep? pending = null;
        long before = 0;
        try
        {
            while (Optimizer.Steps < Config.Steps && !cancel.IsCancellationRequested)
            {
                var next = Queue(loader, Optimizer.Steps);
                FinishPending();
                pending = next;
                if (!ReadsLate || (restEvery > 0 && Optimizer.Steps % restEvery == 0)) FinishPending();
            }
        }
        finally
        {
            FinishPending();
        }

        void FinishPending()
        {
            if (pending is not { } step) return;
            pending = null;
            var figures = step.Finish(before);
            before = Stopwatch.GetTimestamp();
            report(figures);
        }
    }

    private PendingStep Queue(BatchLoader loader, long step)
    {
        long began = Stopwatch.GetTimestamp();
        double rate = Config.LearningRateAt(step);
        var batch = loader.Next();
        var (times, labels) = Draws(batch, step);
        var queued = _steps[step % _steps.Length];
        queued.Begin(step + 1, rate, began);
        var x = _x.Send<float>(batch.Images);
        Noise.Fill(_noise, Config.Seed, Stream(step, Draw.Noise));
        _step.Queue(x, _noise, _t.Send<float>(times), _y.Send<int>(labels), queued.Figures, rate);
        return queued;
    }

    private (float[] Times, int[] Labels) Draws(Batch batch, long step)
    {
        var times = new float[Config.Batch];
        var labels = new int[Config.Batch];
        for (int b = 0; b < Config.Batch; b++)
        {
            times[b] = FlowTime.LogitNormal(Philox.Normal(Config.Seed, Stream(step, Draw.Time), (ulong)b), (float)Config.TimeShift);
            bool dropped = Philox.Uniform(Config.Seed, Stream(step, Draw.Drop), (ulong)b) < Config.ClassDrop;
            labels[b] = dropped ? Model.Config.NullClass : batch.Labels[b];
        }
        return (times, labels);
    }

    // Initialisation draws from low streams with the same key, so steps begin far above them.
    private static ulong Stream(long step, Draw draw) => (1UL << 40) + ((ulong)step * 4) + (ulong)draw;

    /// <summary>Frees moments, average and buffers; the model stays its owner's.</summary>
    public void Dispose()
    {
        _x.Dispose();
        _noise.Dispose();
        _t.Dispose();
        _y.Dispose();
        foreach (var step in _steps) step.Dispose();
        Optimizer.Dispose();
    }
}

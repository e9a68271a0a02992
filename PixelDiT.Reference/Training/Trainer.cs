using System.Diagnostics;
using PixelDiT.Kernels;
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
/// <param name="ImagesPerSecond">Images over the step's wall time.</param>
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

    private readonly IImageSource _source;
    private readonly TrainingStep _step;
    private readonly Tensor _x, _noise, _t, _y;

    /// <summary>A trainer of a model whose weights are there already.</summary>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    /// <exception cref="DataException">The data does not fit the model.</exception>
    /// <exception cref="ShapeException">The resolution does not divide.</exception>
    public Trainer(PixelDiTModel model, IImageSource source, TrainingConfig config)
    {
        (Model, _source, Config) = (model, source, config.Validate());
        if (source.Channels != model.Config.Channels) throw new DataException($"{source.Name}: images have {source.Channels} channels; the model takes {model.Config.Channels}");
        if (source.Classes > model.Config.Classes) throw new DataException($"{source.Name}: has {source.Classes} classes; the model has {model.Config.Classes}");
        model.RequireDivides(source.Height, source.Width);
        Optimizer = new Optimizer(model.Parameters, config.Optimizer);
        _step = new TrainingStep(model, Optimizer);
        Shape images = [config.Batch, model.Config.Channels, source.Height, source.Width];
        _x = model.Device.Allocate(images);
        _noise = model.Device.Allocate(images);
        _t = model.Device.Allocate([config.Batch]);
        _y = model.Device.Allocate([config.Batch], ElementType.Int32);
    }

    /// <summary>The model in training.</summary>
    public PixelDiTModel Model { get; }

    /// <summary>The data's name.</summary>
    public string DataName => _source.Name;

    /// <summary>The settings.</summary>
    public TrainingConfig Config { get; }

    /// <summary>Moments, average and the number of steps taken.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Trains until the last step, or until it is cancelled; a step that has begun is finished.</summary>
    /// <param name="report">Called after every step.</param>
    /// <param name="cancel">Stops after the step in hand; the trainer stays usable.</param>
    /// <exception cref="ConfigurationException">The loss is not finite; the message names the step.</exception>
    public void Run(Action<StepReport> report, CancellationToken cancel = default)
    {
        using var loader = new BatchLoader(_source, Config.Batch, Config.Seed, Optimizer.Steps * Config.Batch);
        while (Optimizer.Steps < Config.Steps && !cancel.IsCancellationRequested)
        {
            long step = Optimizer.Steps, began = Stopwatch.GetTimestamp();
            double rate = Config.LearningRateAt(step);
            Prepare(loader.Next(), step);
            var (loss, norm) = _step.Run(_x, _noise, _t, _y, rate);
            if (!float.IsFinite(loss) || !float.IsFinite(norm)) throw new ConfigurationException($"the loss of step {step + 1} is {loss} and the norm of its gradients {norm}; a smaller --lr, --clip 1 or --post-modulation may help");
            report(new StepReport(step + 1, loss, norm, rate, Config.Batch / Stopwatch.GetElapsedTime(began).TotalSeconds));
        }
    }

    private void Prepare(Batch batch, long step)
    {
        var times = new float[Config.Batch];
        var labels = new int[Config.Batch];
        for (int b = 0; b < Config.Batch; b++)
        {
            times[b] = FlowTime.LogitNormal(Philox.Normal(Config.Seed, Stream(step, Draw.Time), (ulong)b), (float)Config.TimeShift);
            bool dropped = Philox.Uniform(Config.Seed, Stream(step, Draw.Drop), (ulong)b) < Config.ClassDrop;
            labels[b] = dropped ? Model.Config.NullClass : batch.Labels[b];
        }
        _x.Upload(batch.Images);
        _t.Upload(times);
        _y.Upload(labels);
        Noise.Fill(_noise, Config.Seed, Stream(step, Draw.Noise));
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
        Optimizer.Dispose();
    }
}

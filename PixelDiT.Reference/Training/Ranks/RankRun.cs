using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training.Alignment;

namespace PixelDiT.Reference.Training.Ranks;

/// <summary>The part of a training run that every rank but the first computes: the same steps, without a folder, a log or pictures. Its state comes from rank 0.</summary>
internal sealed class RankRun : IDisposable
{
    private readonly PixelTransformer _model;
    private readonly ICommunicator _ranks;

    private RankRun(PixelTransformer model, Trainer trainer, ICommunicator ranks) => (_model, Trainer, _ranks) = (model, trainer, ranks);

    /// <summary>The trainer.</summary>
    public Trainer Trainer { get; }

    /// <summary>Builds model and trainer.</summary>
    /// <param name="device">Where to train.</param>
    /// <param name="data">The images, and their classes or captions.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="config">The run's settings.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="teacher">Where a teacher's tokens come from, with an alignment; stays its owner's.</param>
    /// <exception cref="PixelDiTException">The data does not fit the model, a setting is out of range, or a step takes more memory than there is.</exception>
    public static RankRun Create(Device device, TrainingData data, ModelConfig sizes, TrainingConfig config, ICommunicator ranks, ITeacher? teacher = null)
    {
        if (config.Alignment is { } alignment && teacher is not null) config = config with { Alignment = alignment with { Teacher = teacher.Identity } };
        _ = BatchShare.Of(config.Validate(), ranks);
        StepMemory.RequireTraining(device, sizes, config, data.Largest.Height, data.Largest.Width, (data as CaptionedData)?.Encoder.KeptBytes ?? 0, teacher, ranks: ranks.Size);
        var model = PixelTransformer.Create(sizes, device, config.ProjectorOf(sizes, teacher?.Width));
        try
        {
            (model.Precision, model.Checkpoints) = (config.Precision, config.CheckpointActivations);
            return new RankRun(model, data.CreateTrainer(model, config, teacher, ranks), ranks);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Trains to the end, or until a rank is cancelled.</summary>
    /// <param name="cancel">Stops all ranks after the step in hand.</param>
    /// <returns>Whether the last step was reached.</returns>
    /// <exception cref="DistributedException">Another rank has failed, or all have.</exception>
    public bool Run(CancellationToken cancel)
    {
        try
        {
            Trainer.Run(_ => { }, cancel);
        }
        catch (NotFiniteException error)
        {
            throw new DistributedException(error.Message, error, isSaidElsewhere: true);
        }
        return Trainer.Optimizer.Steps >= Trainer.Config.Steps;
    }

    /// <summary>Frees model and trainer.</summary>
    public void Dispose()
    {
        Trainer.Dispose();
        _model.Dispose();
    }
}

using System.Diagnostics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Training;

/// <summary>A step that is queued, with its figures on their way.</summary>
/// <param name="device">Where steps run.</param>
/// <param name="images">Images a step.</param>
internal sealed class PendingStep(Device device, int images) : IDisposable
{
    private long _step, _began;
    private double _rate;

    /// <summary>Where the step puts its figures.</summary>
    public Readback Figures { get; } = new(device, TrainingStep.Figures + images);

    /// <summary>Whether the step has a loss of alignment.</summary>
    public bool IsAligned { get; set; }

    /// <summary>The time that the step waited for its images.</summary>
    public TimeSpan DataWait { get; set; }

    /// <summary>Notes which step is being queued.</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="rate">Its step size.</param>
    /// <param name="began">When the host began with it.</param>
    public void Begin(long step, double rate, long began) => (_step, _rate, _began) = (step, rate, began);

    /// <summary>Waits for the figures.</summary>
    /// <param name="before">When the figures of the step before were there; a step's time begins no earlier.</param>
    /// <param name="timeOf">t of an image of a step.</param>
    public StepReport Finish(long before, Func<long, int, float> timeOf)
    {
        var figures = Figures.Read();
        var (loss, norm) = (figures[TrainingStep.LossFigure], figures[TrainingStep.NormFigure]);
        double rate = images / Stopwatch.GetElapsedTime(Math.Max(_began, before)).TotalSeconds;
        return new StepReport(_step, loss, norm, _rate, rate)
        {
            AlignmentLoss = IsAligned ? figures[TrainingStep.AlignmentFigure] : null,
            LossByTime = LossBands.Of(figures[TrainingStep.Figures..], image => timeOf(_step - 1, image)),
            DataWait = DataWait
        };
    }

    /// <summary>Frees the figures' memory.</summary>
    public void Dispose() => Figures.Dispose();
}

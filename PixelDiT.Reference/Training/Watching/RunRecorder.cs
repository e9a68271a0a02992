using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.TensorBoard;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Training.Watching;

/// <summary>Puts down what a run shows: rows of loss.csv, and event files where they are wanted.</summary>
internal sealed class RunRecorder : IDisposable
{
    // TensorBoard shows a thousand points of a curve; loss.csv has every step.
    private const int MostEvents = 10_000;

    private readonly RunLog _log;
    private readonly EventFile? _events;
    private readonly long _last, _stride;

    /// <summary>Opens the files.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="resumedFrom">Steps of an earlier part of the run that count; 0 begins anew.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="watch">What is wanted.</param>
    /// <param name="warn">Is told of what cannot be written; null makes that an error.</param>
    /// <exception cref="FileFormatException">A file cannot be written.</exception>
    public RunRecorder(string folder, long resumedFrom, long steps, WatchConfig watch, Action<string>? warn)
    {
        (_last, _stride) = (steps, Math.Max(1, steps / MostEvents));
        _log = new RunLog(Path.Combine(folder, RunFolder.LogFile), resumedFrom, warn);
        try
        {
            SampleGrids.DeleteAfter(folder, resumedFrom);
            if (watch.WritesEvents) _events = new EventFile(folder, resumedFrom + 1, warn);
        }
        catch (FileFormatException error) when (warn is not null)
        {
            warn($"{error.Message}; the run goes on without it");
        }
        catch
        {
            _log.Dispose();
            throw;
        }
    }

    /// <summary>Notes a step.</summary>
    /// <exception cref="FileFormatException">It cannot be written, and nobody is there to be warned.</exception>
    public void Add(StepReport step)
    {
        _log.Add(step);
        if (step.Step % _stride == 0 || step.Step == _last || step.IsSkipped || step.HeldOut is not null) _events?.Add(step.Step, Numbers(step));
    }

    /// <summary>Notes a sample grid.</summary>
    /// <exception cref="FileFormatException">It cannot be written, and nobody is there to be warned.</exception>
    public void Add(long step, Picture grid, byte[] png) => _events?.AddPicture(step, "samples", png, grid.Width, grid.Height);

    private static IEnumerable<(string Tag, double Value)> Numbers(StepReport step)
    {
        const double mebibyte = 1 << 20;
        yield return ("loss/mean", step.Loss);
        for (int band = 0; band < step.LossByTime.Count; band++)
        {
            if (!double.IsNaN(step.LossByTime[band])) yield return ($"loss/t {LossBands.Names[band]}", step.LossByTime[band]);
        }
        if (step.AlignmentLoss is { } alignment) yield return ("loss/alignment", alignment);
        if (step.HeldOut is { } heldOut)
        {
            yield return ("held_out/averaged", heldOut.Averaged);
            yield return ("held_out/raw", heldOut.Raw);
        }
        yield return ("gradient/norm", step.GradientNorm);
        yield return ("learning_rate", step.LearningRate);
        yield return ("speed/images_per_second", step.ImagesPerSecond);
        yield return ("speed/data_wait_seconds", step.DataWait.TotalSeconds);
        yield return ("memory/device_mib", step.DeviceBytes / mebibyte);
        yield return ("memory/process_mib", step.ProcessBytes / mebibyte);
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        _log.Dispose();
        _events?.Dispose();
    }
}

using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Training;

/// <summary>What a run does with a folder that holds a run already.</summary>
public enum ExistingRun
{
    /// <summary>Leave it alone and refuse.</summary>
    Refuse,

    /// <summary>Go on from its training state.</summary>
    Resume,

    /// <summary>Begin anew in its place.</summary>
    Replace
}

/// <summary>
/// A training run and its folder: loss.csv, model.safetensors (the averaged weights), training.safetensors (what a resumed run needs) and samples.png.
/// </summary>
public sealed class TrainingRun : IDisposable
{
    private const int MostClasses = 16, SamplesPerClass = 8;

    private readonly string _folder;
    private readonly IImageSource _source;
    private readonly PixelDiTModel _model;
    private readonly long _resumedFrom;

    private TrainingRun(string folder, IImageSource source, PixelDiTModel model, Trainer trainer)
        => (_folder, _source, _model, Trainer, _resumedFrom) = (folder, source, model, trainer, trainer.Optimizer.Steps);

    /// <summary>The trainer.</summary>
    public Trainer Trainer { get; }

    /// <summary>Where the averaged weights are written.</summary>
    public string ModelPath => Path.Combine(_folder, Checkpoint.ModelFile);

    /// <summary>Builds model and trainer, and makes the folder.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="device">Where to train.</param>
    /// <param name="source">The images.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="config">The run's settings.</param>
    /// <param name="existing">What to do with a run that is there already.</param>
    /// <exception cref="ConfigurationException">A setting is out of range, or the folder holds a run and <paramref name="existing"/> refuses.</exception>
    /// <exception cref="DataException">The data does not fit the model.</exception>
    /// <exception cref="FileFormatException">The folder cannot be written, or the training state does not fit.</exception>
    public static TrainingRun Create(string folder, Device device, IImageSource source, ModelConfig sizes, TrainingConfig config, ExistingRun existing)
    {
        string state = Path.Combine(folder, Checkpoint.StateFile), weights = Path.Combine(folder, Checkpoint.ModelFile);
        bool isThere = File.Exists(weights) || File.Exists(state);
        if (isThere && existing == ExistingRun.Refuse)
            throw new ConfigurationException($"{folder}: holds a training run already; --resume goes on with it, --overwrite replaces it, another --out leaves it alone");
        if (existing == ExistingRun.Resume && !File.Exists(state)) throw new FileFormatException($"{state}: there is no training state to resume");
        if (File.Exists(folder)) throw new FileFormatException($"{folder}: is a file; the run's folder was expected");

        var model = new PixelDiTModel(sizes, device) { Precision = config.Precision };
        Trainer? trainer = null;
        try
        {
            Initialization.Draw(model, config.Seed);
            trainer = new Trainer(model, source, config);
            if (existing == ExistingRun.Resume) Checkpoint.LoadState(state, trainer);
            AtomicFile.MakeFolder(folder);
            return new TrainingRun(folder, source, model, trainer);
        }
        catch
        {
            trainer?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>Trains to the end or until cancelled. Either way the folder holds a usable checkpoint afterwards, unless it cannot be written.</summary>
    /// <param name="checkpointEvery">Steps between checkpoints; 0 writes at the end only.</param>
    /// <param name="report">Called after every step.</param>
    /// <param name="cancel">Stops after the step in hand.</param>
    /// <returns>Whether the last step was reached.</returns>
    /// <exception cref="FileFormatException">A file cannot be written; what was there is untouched.</exception>
    public bool Run(int checkpointEvery, Action<StepReport> report, CancellationToken cancel = default)
    {
        using var log = new RunLog(Path.Combine(_folder, "loss.csv"), _resumedFrom);
        Trainer.Run(step =>
        {
            log.Add(step);
            report(step);
            if (checkpointEvery > 0 && step.Step % checkpointEvery == 0 && step.Step < Trainer.Config.Steps) Save();
        }, cancel, checkpointEvery);
        Save();
        return Trainer.Optimizer.Steps >= Trainer.Config.Steps;
    }

    /// <summary>Draws a row of pictures for each class (the first sixteen) with the averaged weights into samples.png.</summary>
    public void DrawSamples(SamplingConfig sampling, CancellationToken cancel = default)
    {
        int classes = Math.Min(MostClasses, _source.Classes);
        using var averaged = Averaged();
        int[] labels = [.. Enumerable.Range(0, classes * SamplesPerClass).Select(i => i / SamplesPerClass)];
        float[] images = new ClassSampler(averaged, sampling).Sample(labels, _source.Height, _source.Width, Trainer.Config.Seed, 64, cancel: cancel);
        var pictures = Picture.FromBatch(images, averaged.Config.Channels, _source.Height, _source.Width);
        PngWriter.Write(Path.Combine(_folder, "samples.png"), Grid.Compose(pictures, SamplesPerClass));
    }

    /// <summary>A model of its own with the averaged weights.</summary>
    public PixelDiTModel Averaged()
    {
        var averaged = new PixelDiTModel(_model.Config, _model.Device) { Precision = _model.Precision };
        // A new model's values are zero, so adding is copying.
        Kernels.Operations.Accumulate.Forward(Trainer.Optimizer.Average, averaged.Parameters.Values!);
        averaged.Parameters.MarkChanged();
        return averaged;
    }

    // The state first: it is the larger file and can make the model again, so a full disk stops before a model without its state is there.
    private void Save()
    {
        Checkpoint.SaveState(Path.Combine(_folder, Checkpoint.StateFile), Trainer);
        Checkpoint.SaveModel(ModelPath, _model, Trainer.Optimizer, _source.Height, _source.ClassNames);
    }

    /// <summary>Frees model and trainer.</summary>
    public void Dispose()
    {
        Trainer.Dispose();
        _model.Dispose();
    }
}

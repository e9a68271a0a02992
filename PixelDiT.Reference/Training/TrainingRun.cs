using System.Diagnostics;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training.Alignment;
using PixelDiT.Reference.Training.Checkpoints;
using PixelDiT.Reference.Training.Ranks;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Training;

/// <summary>
/// A training run and its folder: config.json, loss.csv, model.safetensors (the averaged weights), training.safetensors (what a resumed run needs) and samples.png. No other
/// process can write to the folder as long as the run is open.
/// </summary>
public sealed class TrainingRun : IDisposable
{
    private readonly RunFolder _folder;
    private readonly CheckpointStore _checkpoints;
    private readonly BackgroundSaving _saving;
    private bool _saidInLine;
    private readonly PixelTransformer _model;
    private readonly long _resumedFrom;
    private readonly ExistingRun _existing;
    private readonly string? _settings;
    private readonly WatchConfig _watch;
    private RunRecorder? _recorder;

    private TrainingRun(RunFolder folder, CheckpointStore checkpoints, TrainingData data, PixelTransformer model, Trainer trainer, ExistingRun existing, string? settings, WatchConfig watch, IReadOnlyList<string> remarks)
    {
        (_folder, _checkpoints, Data, _model, Trainer, _existing, _settings, _watch, Remarks, _resumedFrom) = (folder, checkpoints, data, model, trainer, existing, settings, watch, remarks, trainer.Optimizer.Steps);
        _saving = new BackgroundSaving(checkpoints, () => HostMemory(model.Device));
    }

    /// <summary>What it is trained on.</summary>
    public TrainingData Data { get; }

    /// <summary>The trainer.</summary>
    public Trainer Trainer { get; }

    /// <summary>What a person should know about a run that is resumed, a line each.</summary>
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>Where it is.</summary>
    public string Folder => _folder.Path;

    /// <summary>Where the averaged weights are written.</summary>
    public string ModelPath => _folder.ModelPath;

    /// <summary>Where <see cref="DrawSamples"/> draws to.</summary>
    public string SamplesPath => _folder.In(RunFolder.SamplesFile);

    /// <summary>Where a row of prompts that differ by a word goes.</summary>
    public string WordsPath => _folder.In(RunFolder.WordsFile);

    /// <summary>The sheet of edited drawings, of a demonstration of text.</summary>
    public string EditsPath => _folder.In(RunFolder.EditsFile);

    /// <summary>Whether a step was made since the run was created or resumed.</summary>
    public bool HasTrained => Trainer.Optimizer.Steps > _resumedFrom;

    /// <summary>Builds model and trainer, and takes the folder. An error leaves no trace in it.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="device">Where to train.</param>
    /// <param name="data">The images, and their classes or captions.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="config">The run's settings.</param>
    /// <param name="existing">What to do with a run that is there already.</param>
    /// <param name="settings">The settings as a person gave them, for config.json; null writes none.</param>
    /// <exception cref="ConfigurationException">A setting is out of range, the folder holds a run and <paramref name="existing"/> refuses, or a resumed run had other settings.</exception>
    /// <exception cref="DataException">The data does not fit the model, or is not what a resumed run was trained on.</exception>
    /// <exception cref="DeviceMemoryException">A step takes more memory than there is.</exception>
    /// <param name="extend">Whether the cosine of a run that goes on may fall over another number of steps than it did.</param>
    /// <param name="from">A model file whose weights a new run begins with; null for new ones.</param>
    /// <param name="teacher">Where a teacher's tokens come from, with an alignment; stays its owner's.</param>
    /// <param name="watch">What can be looked at beside loss.csv; null for no more. Not a setting of the run.</param>
    /// <param name="policy">Which checkpoints are kept; null for the usual ones. Not a setting of the run.</param>
    /// <param name="ranks">The processes that train together, of which this is rank 0 and alone writes; null for one process.</param>
    /// <exception cref="FileFormatException">The folder cannot be written, has no room for a checkpoint or belongs to another process, or the training state does not fit.</exception>
    public static TrainingRun Create(string folder, Device device, TrainingData data, ModelConfig sizes, TrainingConfig config, ExistingRun existing, string? settings = null, CheckpointPolicy? policy = null, string? from = null, bool extend = false, ITeacher? teacher = null, WatchConfig? watch = null, ICommunicator? ranks = null)
    {
        var kept = (policy ?? new CheckpointPolicy()).Validate();
        if (config.Alignment is { } alignment && teacher is not null) config = config with { Alignment = alignment with { Teacher = teacher.Identity } };
        var watched = (watch ?? new WatchConfig()).Validate();
        _ = BatchShare.Of(config.Validate(), ranks);
        var sheet = watched.Sampling is not { } sampling ? null : new StepMemory.Sheet(sampling, data.Samples.Count, data.SamplesAtATime(config.Validate()), data.SampleSize.Height, data.SampleSize.Width);
        StepMemory.RequireTraining(device, sizes, config, data.Largest.Height, data.Largest.Width, ((data as CaptionedData)?.Encoder.KeptBytes ?? 0) + AveragedBytes(watched, sizes), teacher, sheet, ranks?.Size ?? 1);
        var opened = RunFolder.Open(folder, existing);
        PixelTransformer? model = null;
        Trainer? trainer = null;
        try
        {
            var checkpoints = new CheckpointStore(folder, kept);
            opened.RequireSpace(Checkpoint.StateBytes(sizes) + Checkpoint.ModelBytes(sizes), kept.Keep);
            model = PixelTransformer.Create(sizes, device, config.ProjectorOf(sizes, teacher?.Width));
            (model.Precision, model.Checkpoints) = (config.Precision, config.CheckpointActivations);
            Initialization.Draw(model, config.Seed);
            var begun = from is null || existing == ExistingRun.Resume ? [] : Begin(from, model);
            trainer = data.CreateTrainer(model, config, teacher, ranks);
            opened.DeleteRemains();
            IReadOnlyList<string> remarks = existing == ExistingRun.Resume ? Resume(checkpoints, folder, trainer, data, extend) : begun;
            if (trainer.Optimizer.Steps > config.Steps)
                throw new ConfigurationException($"steps is {config.Steps}, and the run in {folder} is at step {trainer.Optimizer.Steps} already; --steps {trainer.Optimizer.Steps} or more was expected");
            return new TrainingRun(opened, checkpoints, data, model, trainer, existing, settings, watched, remarks);
        }
        catch
        {
            trainer?.Dispose();
            model?.Dispose();
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Trains to the end or until cancelled. Either way the folder holds a usable checkpoint of the last step afterwards, unless it cannot be written.</summary>
    /// <param name="checkpointEvery">Steps between checkpoints; 0 writes at the end only.</param>
    /// <param name="report">Called after every step.</param>
    /// <param name="cancel">Stops after the step in hand.</param>
    /// <param name="warn">
    /// Is told of a checkpoint or a row that cannot be written before the end: training goes on, and the next checkpoint tries again. Null makes it an error.
    /// </param>
    /// <param name="news">Is told of checkpoints and sample grids, and how the drawing of one goes on.</param>
    /// <returns>Whether the last step was reached.</returns>
    /// <exception cref="FileFormatException">A file cannot be written; what was there is untouched.</exception>
    public bool Run(int checkpointEvery, Action<StepReport> report, CancellationToken cancel = default, Action<string>? warn = null, Action<RunNews>? news = null)
    {
        bool isFresh = _existing != ExistingRun.Replace;
        // A run counts as one from its first second on; one that is replaced stays until the new one has made a step.
        if (isFresh) _folder.Begin(_settings);
        try
        {
            Trainer.Run(step =>
            {
                _recorder ??= Record(warn);
                if (!step.IsSkipped && _watch.MeasuresAfter(step.Step, Trainer.Config.Steps)) step = step with { HeldOut = HeldOutLoss(cancel) };
                _recorder.Add(step);
                report(step);
                Collect(warn, news);
                if (step.IsSkipped || step.Step >= Trainer.Config.Steps) return;
                if (checkpointEvery > 0 && step.Step % checkpointEvery == 0) Save(warn, news);
                if (_watch.DrawsAfter(step.Step)) DrawBetweenSteps(warn, news, cancel);
            }, cancel, step => (checkpointEvery > 0 && step % checkpointEvery == 0) || _watch.DrawsAfter(step) || _watch.MeasuresAfter(step, Trainer.Config.Steps));
        }
        catch (NotFiniteException error)
        {
            string path = _folder.In(RunFolder.FailureFile);
            SaveFailure(path, warn);
            throw new NotFiniteException($"{error.Message}; {path} has its batch and the norms of its gradients, and the last checkpoint is as it was");
        }
        finally
        {
            if (!HasTrained)
            {
                _recorder?.Dispose();
                if (_existing == ExistingRun.Refuse) _folder.Clear();
            }
        }
        Collect(warn, news, wait: true);
        if (HasTrained) Save(warn: null);
        else if (_resumedFrom > 0 && !Checkpoint.IsModelOf(ModelPath, Trainer.Optimizer.Steps)) SaveModel();
        return Trainer.Optimizer.Steps >= Trainer.Config.Steps;
    }

    private void SaveFailure(string path, Action<string>? warn)
    {
        long step = Trainer.Optimizer.Steps;
        var metadata = new Dictionary<string, string>
        {
            ["step"] = step.ToString(CultureInfo.InvariantCulture),
            ["updates"] = Trainer.Optimizer.Updates.ToString(CultureInfo.InvariantCulture),
            ["gradient_norms"] = string.Join(", ", Trainer.BlockNorms().Select(block => string.Create(CultureInfo.InvariantCulture, $"{block.Block} {block.Norm:G6}")))
        };
        try
        {
            SafetensorsWriter.Write(path, Trainer.BatchOf(step - 1), metadata);
        }
        catch (PixelDiTException error) when (warn is not null)
        {
            warn(error.Message);
        }
    }

    /// <summary>Draws the sample grid while the trainer rests. What goes wrong ends no run, and a run that is stopped ends without it.</summary>
    private void DrawBetweenSteps(Action<string>? warn, Action<RunNews>? news, CancellationToken cancel)
    {
        long began = Stopwatch.GetTimestamp(), step = Trainer.Optimizer.Steps;
        try
        {
            string path = DrawSamples(_watch.Sampling!, (done, pictures) => news?.Invoke(new DrawingNews(step, done, pictures)), cancel);
            news?.Invoke(new GridNews(step, path, Stopwatch.GetElapsedTime(began)));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The run ends after the step, and what was drawn before stays.
        }
        catch (PixelDiTException error) when (warn is not null)
        {
            warn($"no pictures of step {step}: {error.Message}; training goes on");
        }
    }

    /// <summary>Draws a row of pictures for each class (the first sixteen), or for captions, with the averaged weights into samples.png, and where grids are kept into samples/STEP.png. The pictures of two steps begin with the same noise.</summary>
    /// <param name="sampling">How.</param>
    /// <param name="report">Is told, after every step of the sampler, how many images are done, shares of those in hand included, and of how many.</param>
    /// <param name="cancel">Stops the drawing; what was there is untouched.</param>
    /// <returns>The file to look at.</returns>
    public string DrawSamples(SamplingConfig sampling, Action<double, int>? report = null, CancellationToken cancel = default)
    {
        int count = Data.Samples.Count;
        using var averaged = Averaged();
        var drawing = Data.DrawingOf(averaged, sampling, Trainer.Config.Seed, WeightHash.Of(averaged), cancel);
        var pictures = TrainingData.Draw(drawing, Data.SamplesAtATime(Trainer.Config), done => report?.Invoke(done, count), cancel);
        var grid = SampleSheet.GridOf(drawing.Plan, pictures);
        var (png, path) = SampleGrids.Write(_folder.Path, Trainer.Optimizer.Steps, grid, keep: _watch.SampleEvery > 0, _watch.Metadata ? drawing.Record.OfSheet(PictureKind.Grid) : null);
        _recorder?.Add(Trainer.Optimizer.Steps, grid, png);
        return path;
    }

    /// <summary>The loss of held-out images while the trainer rests; null where the run is being stopped.</summary>
    private (double Averaged, double Raw)? HeldOutLoss(CancellationToken cancel)
    {
        try
        {
            double raw = Trainer.LossOf(_model, _watch.HeldOut!, cancel);
            using var averaged = Averaged();
            return (Trainer.LossOf(averaged, _watch.HeldOut!, cancel), raw);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <inheritdoc cref="Trainer.Averaged"/>
    public PixelTransformer Averaged() => Trainer.Averaged();

    private RunRecorder Record(Action<string>? warn)
    {
        if (_existing == ExistingRun.Replace)
        {
            _folder.Clear();
            _folder.Begin(_settings);
        }
        return new RunRecorder(_folder.Path, _resumedFrom, Trainer.Config.Steps, _watch, warn);
    }

    /// <summary>The averaged weights of a held-out loss, as they are and packed, beside the training.</summary>
    private static long AveragedBytes(WatchConfig watch, ModelConfig sizes) => watch.HeldOut is null ? 0 : 2 * ModelCost.Parameters(sizes) * sizeof(float);

    /// <summary>Gives a model the weights of a file.</summary>
    private static IReadOnlyList<string> Begin(string path, PixelTransformer model)
    {
        using var stored = StoredModel.Open(path);
        return stored.CopyTo(model);
    }

    /// <summary>Goes on from the newest state that is whole; says which are not, and why.</summary>
    private static IReadOnlyList<string> Resume(CheckpointStore checkpoints, string folder, Trainer trainer, TrainingData data, bool extend)
    {
        var (remarks, refused) = (new List<string>(), (FileFormatException?)null);
        foreach (var candidate in checkpoints.Candidates())
        {
            try
            {
                if (checkpoints.ProblemOf(candidate) is { } problem) throw new FileFormatException($"{candidate.StatePath}: {problem}");
                var compared = Checkpoint.LoadState(candidate.StatePath, folder, trainer, data, extend);
                checkpoints.GoOnFrom(candidate);
                trainer.NoteRestored();
                if (refused is not null) remarks.Add($"{folder}: goes on from step {trainer.Optimizer.Steps}, its newest checkpoint that is whole");
                return [.. remarks, .. compared];
            }
            catch (FileFormatException error)
            {
                refused ??= error;
                remarks.Add($"{error.Message}; this checkpoint is passed over");
            }
        }
        throw refused ?? new FileFormatException($"{folder}: there is no training state to resume");
    }

    /// <summary>Bytes of host memory that nobody has taken.</summary>
    private static long HostMemory(Device device) => device.Kind == DeviceKind.Cuda ? GC.GetGCMemoryInfo() is var memory ? memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes : 0 : device.FreeMemory;

    private void SaveModel() => Checkpoint.SaveModel(ModelPath, Trainer, Data);

    /// <summary>Saves a checkpoint: before the end beside training, at the end in line.</summary>
    private void Save(Action<string>? warn, Action<RunNews>? news = null)
    {
        long step = Trainer.Optimizer.Steps;
        var (state, model) = (Checkpoint.StateOf(Trainer, Data), Checkpoint.ModelOf(Trainer, Data));
        if (warn is null)
        {
            _checkpoints.Save(step, state, model);
            news?.Invoke(new CheckpointNews(step));
            return;
        }
        Collect(warn, news, wait: true);
        try
        {
            if (_saving.Begin(step, state, model) is not { } inLine) return;
            news?.Invoke(new CheckpointNews(step));
            if (!_saidInLine) warn(inLine);
            _saidInLine = true;
        }
        catch (FileFormatException error)
        {
            warn(NotSaved(step, error));
        }
    }

    /// <summary>Looks what has become of the checkpoint that is written beside training.</summary>
    private void Collect(Action<string>? warn, Action<RunNews>? news, bool wait = false)
    {
        try
        {
            if ((wait ? _saving.Wait() : _saving.Finished()) is { } step) news?.Invoke(new CheckpointNews(step));
        }
        catch (FileFormatException error) when (warn is not null)
        {
            warn(NotSaved(_saving.Step, error));
        }
    }

    private static string NotSaved(long step, FileFormatException error) => $"no checkpoint at step {step}: {error.Message}; training goes on, and the next checkpoint tries again";

    /// <summary>Frees model and trainer, and lets other processes into the folder.</summary>
    public void Dispose()
    {
        // What is being written is of the trainer's run, and the folder's lock must outlive it.
        _saving.Dispose();
        _recorder?.Dispose();
        Trainer.Dispose();
        _model.Dispose();
        _folder.Dispose();
    }
}

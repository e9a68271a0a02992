using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.TensorBoard;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures.Resizing;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training.Checkpoints;
using PixelDiT.Reference.Training.Watching;

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

/// <summary>The folder of a training run: which files are the run's, who may write them, and how much room they need.</summary>
internal sealed class RunFolder : IDisposable
{
    /// <summary>The run's settings, as --config takes them. There from the first second of a run on.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>A row a step.</summary>
    public const string LogFile = "loss.csv";

    /// <summary>Pictures drawn at the end.</summary>
    public const string SamplesFile = "samples.png", TrajectoryFile = "trajectory.png", WordsFile = "words.png", EditsFile = "edits.png";

    /// <summary>What a run that was stopped because its gradients were not finite leaves for a person who looks for the cause.</summary>
    public const string FailureFile = "failure.safetensors";

    private static readonly string[] s_files = [ConfigFile, LogFile, Checkpoint.StateFile, Checkpoint.ModelFile, CheckpointMarker.FileName, SamplesFile, TrajectoryFile, WordsFile, EditsFile, FailureFile];

    // What no run is without, and hardly any other program's file has.
    private static readonly string[] s_marks = ["data", "steps", "batch", "lr", "ema"];

    private readonly ExistingRun _existing;
    private readonly bool _isNew;
    private readonly FolderLock _lock;

    private RunFolder(string path, ExistingRun existing, bool isNew, FolderLock held) => (Path, _existing, _isNew, _lock) = (path, existing, isNew, held);

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The training state.</summary>
    public string StatePath => In(Checkpoint.StateFile);

    /// <summary>The averaged weights.</summary>
    public string ModelPath => In(Checkpoint.ModelFile);

    /// <summary>Makes the folder where it is not there, keeps other processes out of it, and checks that a run may use it.</summary>
    /// <exception cref="ConfigurationException">It holds a run, and <paramref name="existing"/> refuses.</exception>
    /// <exception cref="FileFormatException">It cannot be made or written, another process writes to it, or there is no training state to resume.</exception>
    public static RunFolder Open(string path, ExistingRun existing)
    {
        // Before anything is made: what is wrong leaves no trace.
        if (File.Exists(path)) throw new FileFormatException($"{path}: is a file; the run's folder was expected");
        RequireUse(path, existing);
        bool isNew = !Directory.Exists(path);
        AtomicFile.MakeFolder(path);
        var held = FolderLock.Take(path);
        try
        {
            // Another run may have begun and ended since.
            RequireUse(path, existing);
            return new RunFolder(path, existing, isNew, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>The settings of the run in a folder, in their order; null where there is no such folder, or no run that recorded them: other programs write files of this name too.</summary>
    public static IReadOnlyList<(string Option, JsonElement Value)>? SettingsOf(string folder)
    {
        string path = System.IO.Path.Combine(folder, ConfigFile);
        try
        {
            return File.Exists(path) && JsonSettings.Read(path) is var settings && s_marks.All(mark => settings.Any(entry => entry.Name == mark)) ? settings : null;
        }
        catch (ConfigurationException)
        {
            return null;
        }
    }

    /// <summary>How the pictures of a run were brought to their size, as its training state says; one that says nothing knew one way.</summary>
    public static ResizeRule ResizeOf(string folder) => RunIdentity.ResizeOf(System.IO.Path.Combine(folder, Checkpoint.StateFile));

    /// <summary>Says why the settings of a run that is to go on are not known from its folder alone.</summary>
    /// <exception cref="ConfigurationException">Always.</exception>
    public static void ExplainMissingSettings(string folder)
    {
        string state = System.IO.Path.Combine(folder, Checkpoint.StateFile);
        throw new ConfigurationException(
            !Directory.Exists(folder) ? $"{folder}: there is no such folder; that of a run was expected"
            : !CheckpointStore.HasState(folder) ? $"{state}: there is no training state to resume"
            : $"{folder}: has no {ConfigFile} of its run, as those of version 1.0.0 and of demo have none; give its options again (--data first), or demo --resume for a demonstration");
    }

    /// <summary>Checks that the disk has room for what a run writes.</summary>
    /// <param name="bytes">Of a checkpoint.</param>
    /// <param name="kept">How many are kept.</param>
    /// <exception cref="FileFormatException">It has less.</exception>
    public void RequireSpace(long bytes, int kept)
    {
        // A checkpoint is written beside those that are there.
        long needed = _existing == ExistingRun.Resume ? bytes : bytes * (kept + 1), free;
        try
        {
            free = new DriveInfo(System.IO.Path.GetFullPath(Path)).AvailableFreeSpace;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error) || error is ArgumentException)
        {
            // Some file systems do not say; then a checkpoint that does not fit is said when it is written.
            return;
        }
        if (free < needed) throw new FileFormatException(FormattableString.Invariant($"{Path}: its disk has {free / 1e6:N1} MB free; {(needed == bytes ? "" : $"{kept + 1} times ")}a checkpoint of this model takes {needed / 1e6:N1} MB{(kept > 1 ? ", and --keep 1 less" : "")}"));
    }

    /// <summary>Says that the folder holds a run from now on; one that is to be replaced stays until <see cref="Clear"/>.</summary>
    /// <param name="settings">What <see cref="ConfigFile"/> shall hold; null leaves it out.</param>
    public void Begin(string? settings)
    {
        if (settings is not null) AtomicFile.WriteText(In(ConfigFile), settings);
    }

    /// <summary>Deletes the files of the run before.</summary>
    /// <exception cref="FileFormatException">One cannot be deleted.</exception>
    public void Clear()
    {
        try
        {
            new CheckpointStore(Path, new CheckpointPolicy()).Clear();
            foreach (string file in s_files.Select(In).Concat(EventFile.Of(Path))) File.Delete(file);
            SampleGrids.DeleteAfter(Path, 0);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{Path}: the run in it cannot be deleted: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Deletes what a process that was killed while it wrote a checkpoint has left: as the folder is locked, nobody writes such a file now.</summary>
    public void DeleteRemains() => AtomicFile.DeleteRemains(Path);

    /// <summary>A file of the folder.</summary>
    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Lets other processes in again; a folder that was made for the run and has nothing in it goes.</summary>
    public void Dispose()
    {
        _lock.Dispose();
        try
        {
            if (_isNew && !Directory.EnumerateFileSystemEntries(Path).Any()) Directory.Delete(Path);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            // An empty folder that stays does no harm.
        }
    }

    private static void RequireUse(string path, ExistingRun existing)
    {
        bool hasState = CheckpointStore.HasState(path);
        string? found = s_files.Append(SampleFolder.RecordName).FirstOrDefault(name => File.Exists(System.IO.Path.Combine(path, name))) ?? (hasState ? CheckpointStore.EarlierFolder : SampleGrids.Of(path).Select(grid => System.IO.Path.GetRelativePath(path, grid.Path)).FirstOrDefault());
        if (existing == ExistingRun.Refuse && found is not null)
        {
            string holds = found == SampleFolder.RecordName ? $"pictures of a sampling run ({found})" : $"a training run already ({found})";
            throw new ConfigurationException($"{path}: holds {holds}; --resume goes on with a training run, --overwrite replaces it, another --out leaves it alone");
        }
        if (existing == ExistingRun.Resume && !hasState)
        {
            string why = found is null ? "it holds no run" : File.Exists(System.IO.Path.Combine(path, Checkpoint.ModelFile)) ? $"it holds {Checkpoint.ModelFile} without the state of its run" : "its run ended before the first checkpoint; --overwrite begins it anew";
            throw new FileFormatException($"{System.IO.Path.Combine(path, Checkpoint.StateFile)}: there is no training state to resume: {why}");
        }
    }
}

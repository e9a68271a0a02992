using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Checkpoints;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Reports;

/// <summary>How a run stands.</summary>
internal enum RunState
{
    /// <summary>A process is writing into its folder.</summary>
    Running,

    /// <summary>Its last step is made.</summary>
    Finished,

    /// <summary>It was stopped before its last step and can go on.</summary>
    Interrupted,

    /// <summary>Its gradients were not finite too often.</summary>
    Failed,

    /// <summary>Nobody writes into it, and nothing says how many steps it was to have.</summary>
    Stopped
}

/// <summary>A checkpoint of a run.</summary>
/// <param name="Step">The steps behind it.</param>
/// <param name="Folder">Where it lies.</param>
/// <param name="Bytes">Of its files.</param>
/// <param name="Written">When; in UTC.</param>
internal sealed record CheckpointSummary(long Step, string Folder, long Bytes, DateTime Written);

/// <summary>What the folder of a run says of it. Nothing of it is changed by looking.</summary>
internal sealed class RunSummary
{
    private RunSummary(string folder, IReadOnlyList<(string Option, JsonElement Value)> settings, RunHistory history)
    {
        (Folder, Settings, History) = (folder, settings, history);
        PlannedSteps = Number("steps") is { } steps ? (long)steps : null;
        Checkpoints = CheckpointsOf(folder);
        Grids = SampleGrids.Of(folder);
        State = StateOf();
        (ClassNames, ClassCounts, DataNote) = DataOf(folder);
    }

    /// <summary>Where the run lies.</summary>
    public string Folder { get; }

    /// <summary>Its settings as config.json has them; empty where it has none.</summary>
    public IReadOnlyList<(string Option, JsonElement Value)> Settings { get; }

    /// <summary>The rows of loss.csv.</summary>
    public RunHistory History { get; }

    /// <summary>Steps that the run is to have; null where nothing says it.</summary>
    public long? PlannedSteps { get; }

    /// <summary>The last step that loss.csv or a checkpoint knows; 0 before the first.</summary>
    public long Step => Math.Max(History.Steps.Count > 0 ? History.Steps[^1] : 0, Checkpoints.Count > 0 ? Checkpoints[0].Step : 0);

    /// <summary>How it stands.</summary>
    public RunState State { get; }

    /// <summary>The checkpoints that are whole as far as their markers say, the newest first.</summary>
    public IReadOnlyList<CheckpointSummary> Checkpoints { get; }

    /// <summary>The sample grids that were kept, the earliest first.</summary>
    public IReadOnlyList<SampleGrids.Entry> Grids { get; }

    /// <summary>The names of the classes, in the order of the labels; empty where no checkpoint says them.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>How many images each class has.</summary>
    public IReadOnlyList<long> ClassCounts { get; }

    /// <summary>What else is known of the data; null for nothing.</summary>
    public string? DataNote { get; }

    /// <summary>Reads a run's folder.</summary>
    /// <exception cref="FileFormatException">It holds no run, or loss.csv cannot be read.</exception>
    public static RunSummary Read(string folder)
    {
        if (!Directory.Exists(folder)) throw new FileFormatException($"{folder}: there is no such folder; that of a run was expected");
        var settings = RunFolder.SettingsOf(folder);
        string log = Path.Combine(folder, RunFolder.LogFile);
        if (settings is null && !File.Exists(log)) throw new FileFormatException($"{folder}: holds no run: it has neither the {RunFolder.ConfigFile} of one nor {RunFolder.LogFile}");
        return new RunSummary(folder, settings ?? [], RunHistory.Read(log));
    }

    /// <summary>A setting that is a number; null where it is none.</summary>
    public double? Number(string option) => Setting(option) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double number) ? number : null;

    /// <summary>A setting that is a text; null where it is none.</summary>
    public string? Text(string option) => Setting(option) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>The checkpoints of a run, the newest first.</summary>
    public static IReadOnlyList<CheckpointSummary> CheckpointsOf(string folder) =>
    [
        .. from candidate in new CheckpointStore(folder, new CheckpointPolicy()).Candidates()
           let marker = CheckpointMarker.FindWhole(candidate.Folder)
           where marker is not null
           select new CheckpointSummary(marker.Step, candidate.Folder, marker.Files.Values.Sum(file => file.Bytes), File.GetLastWriteTimeUtc(Path.Combine(candidate.Folder, CheckpointMarker.FileName)))
    ];

    private JsonElement? Setting(string option) => Settings.FirstOrDefault(entry => entry.Option == option) is { Option: not null } entry ? entry.Value : null;

    private RunState StateOf()
    {
        if (FolderLock.IsHeld(Folder)) return RunState.Running;
        if (PlannedSteps is { } planned && Step >= planned) return RunState.Finished;
        var losses = History["loss"];
        if (File.Exists(Path.Combine(Folder, RunFolder.FailureFile)) && losses.Count > 0 && !double.IsFinite(losses[^1])) return RunState.Failed;
        return PlannedSteps is null ? RunState.Stopped : RunState.Interrupted;
    }

    private static (IReadOnlyList<string> Names, IReadOnlyList<long> Counts, string? Note) DataOf(string folder)
    {
        try
        {
            return RunIdentity.DataOf(Path.Combine(folder, Checkpoint.StateFile));
        }
        catch (PixelDiTException)
        {
            // Without a state that can be read there is nothing to say of the data.
            return ([], [], null);
        }
    }
}

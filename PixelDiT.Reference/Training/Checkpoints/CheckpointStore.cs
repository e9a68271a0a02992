using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Training.Checkpoints;

/// <summary>
/// The checkpoints of a run. The newest lies in the run's folder, earlier ones in <c>checkpoints/STEP</c>: <c>training.safetensors</c>, <c>model.safetensors</c> and the marker that proves both (<see cref="CheckpointMarker"/>).
/// <para>
/// A checkpoint is written whole into <c>.next</c>, flushed, and read back; what is read must be what was written. Only then does the one before leave its place, and the new one's files follow, the marker last. So at every instant
/// there is a whole checkpoint: the one before in its place or in <c>checkpoints</c>, or the new one in <c>.next</c>.
/// </para>
/// </summary>
/// <param name="folder">The run's folder, which nobody else writes to.</param>
/// <param name="policy">Which are kept.</param>
internal sealed class CheckpointStore(string folder, CheckpointPolicy policy)
{
    /// <summary>The folder of earlier checkpoints.</summary>
    public const string EarlierFolder = "checkpoints";

    private const string NextFolder = ".next";

    private static readonly string[] s_files = [Checkpoint.StateFile, Checkpoint.ModelFile];

    private bool _isProven;

    /// <summary>A state that a run may go on from.</summary>
    /// <param name="Folder">Where it lies.</param>
    /// <param name="Step">The steps behind it, as the state or its marker says; of a state in the run's folder that nothing is known of, beyond all others, so that it is looked at first.</param>
    public sealed record Candidate(string Folder, long Step)
    {
        /// <summary>The state's file.</summary>
        public string StatePath => Path.Combine(Folder, Checkpoint.StateFile);
    }

    private string Next => Path.Combine(folder, NextFolder);

    private string Earlier => Path.Combine(folder, EarlierFolder);

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="step">The steps behind it.</param>
    /// <param name="state">The training state.</param>
    /// <param name="model">The model.</param>
    /// <param name="snapshot">A copy of their tensors to write from; null for the tensors as they are.</param>
    /// <exception cref="FileFormatException">A file cannot be written, or cannot be read back as it was written; every checkpoint that was there still is.</exception>
    public void Save(long step, CheckpointContent state, CheckpointContent model, TensorSnapshot? snapshot = null)
    {
        try
        {
            AtomicFile.MakeFolder(Next);
            var files = new Dictionary<string, CheckpointFile>(StringComparer.Ordinal);
            foreach (var (name, content) in s_files.Zip([state, model]))
            {
                string path = Path.Combine(Next, name);
                Reached($"writing {name}");
                string written = content.Write(path, snapshot);
                Reached($"written {name}");
                if (FileHash.Of(path) != written) throw new FileFormatException($"{path}: what was read back is not what was written; the disk or the memory is damaged");
                files.Add(name, new(new FileInfo(path).Length, written));
            }
            Reached("proven");
            new CheckpointMarker(step, files).Write(Next);
            Reached("marked");
            MoveAway();
            MoveIn();
            _isProven = true;
            Delete(Next);
            Reached("in its place");
            Prune(step);
            Reached("pruned");
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{folder}: a checkpoint cannot be put in its place: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Whether a folder holds a state of a run, wherever it lies.</summary>
    public static bool HasState(string folder) => Directory.Exists(folder) && new CheckpointStore(folder, new CheckpointPolicy()).Places().Any();

    /// <summary>The states that are there, the newest first.</summary>
    public IReadOnlyList<Candidate> Candidates() => [.. Places().Select(place => new Candidate(place, ClaimedStepOf(place))).OrderByDescending(candidate => candidate.Step).ThenBy(candidate => candidate.Folder == folder ? 0 : 1)];

    private IEnumerable<string> Places()
        => ((string[])[folder, Next, .. Directory.Exists(Earlier) ? Directory.GetDirectories(Earlier).Where(IsOfStep) : []]).Where(place => File.Exists(Path.Combine(place, Checkpoint.StateFile)));

    /// <summary>Why a state is not to be gone on from; null where its bytes are those that were written, or nothing says what they were.</summary>
    public string? ProblemOf(Candidate candidate)
    {
        try
        {
            var marker = MarkerOf(candidate);
            return marker is null && candidate.Folder == Next ? "it was not finished" : marker?.ProblemOf(candidate.Folder);
        }
        catch (FileFormatException error)
        {
            return error.Message;
        }
    }

    /// <summary>Notes which state a run goes on from, and puts one that was on its way into its place.</summary>
    /// <exception cref="FileFormatException">It cannot be put there.</exception>
    public void GoOnFrom(Candidate candidate)
    {
        // Only a state that was not refused is kept when the next one is written.
        _isProven = candidate.Folder == folder;
        try
        {
            if (candidate.Folder != Next)
            {
                if (candidate.Folder == folder && CheckpointMarker.FindWhole(Next)?.Step == candidate.Step) MoveIn();
                Delete(Next);
                return;
            }
            var before = new Candidate(folder, StepOf(folder));
            _isProven = before.Step >= 0 && ProblemOf(before) is null;
            MoveAway();
            MoveIn();
            _isProven = true;
            Delete(Next);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{folder}: a checkpoint cannot be put in its place: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>The marker of a state. Of one that a killed process was moving, it may lie where the state came from or was to go.</summary>
    private CheckpointMarker? MarkerOf(Candidate candidate)
    {
        if (CheckpointMarker.Find(candidate.Folder) is { } own) return own;
        string[] others = candidate.Folder == folder ? [Next, PlaceOf(candidate.Step)] : candidate.Folder == Next ? [] : [folder];
        return others.Select(CheckpointMarker.FindWhole).FirstOrDefault(marker => marker?.Step == candidate.Step);
    }

    /// <summary>Deletes all checkpoints of a run.</summary>
    public void Clear()
    {
        foreach (string name in (string[])[.. s_files, CheckpointMarker.FileName]) File.Delete(Path.Combine(folder, name));
        Delete(Next);
        if (!Directory.Exists(Earlier)) return;
        foreach (string place in Directory.GetDirectories(Earlier).Where(IsOfStep)) Delete(place);
        if (!Directory.EnumerateFileSystemEntries(Earlier).Any()) Directory.Delete(Earlier);
    }

    /// <summary>The checkpoint in the run's folder leaves it, if it shall be kept; its marker goes first, so that it never stands beside other files.</summary>
    private void MoveAway()
    {
        string marker = Path.Combine(folder, CheckpointMarker.FileName), state = Path.Combine(folder, Checkpoint.StateFile);
        long step = StepOf(folder);
        if (!File.Exists(state) || !_isProven || step < 0 || (policy.Keep < 2 && !IsKeptForever(step)))
        {
            File.Delete(marker);
            return;
        }
        string place = PlaceOf(step);
        Directory.CreateDirectory(place);
        foreach (string name in (string[])[CheckpointMarker.FileName, .. s_files])
        {
            if (!File.Exists(Path.Combine(folder, name))) continue;
            AtomicFile.Rename(Path.Combine(folder, name), Path.Combine(place, name));
            Reached($"moved away {name}");
        }
    }

    private void MoveIn()
    {
        foreach (string name in (string[])[.. s_files, CheckpointMarker.FileName])
        {
            // Some may be in their place already, where a killed process was about it.
            if (File.Exists(Path.Combine(Next, name))) AtomicFile.Rename(Path.Combine(Next, name), Path.Combine(folder, name));
            Reached($"moved in {name}");
        }
    }

    private void Prune(long newest)
    {
        if (!Directory.Exists(Earlier)) return;
        var places = Directory.GetDirectories(Earlier).Where(IsOfStep).Select(place => (Place: place, Step: long.Parse(Path.GetFileName(place), NumberStyles.None, CultureInfo.InvariantCulture))).OrderByDescending(entry => entry.Step).ToList();
        // What lies ahead is of a run that went on from an earlier checkpoint; it is no part of this one any more.
        foreach (var (place, _) in places.Where(entry => entry.Step >= newest)) Delete(place);
        places.RemoveAll(entry => entry.Step >= newest);
        foreach (var (place, _) in places.Skip(policy.Keep - 1).Where(entry => !IsKeptForever(entry.Step))) Delete(place);
        if (!Directory.EnumerateFileSystemEntries(Earlier).Any()) Directory.Delete(Earlier);
    }

    private string PlaceOf(long step) => Path.Combine(Earlier, step.ToString("00000000", CultureInfo.InvariantCulture));

    private bool IsKeptForever(long step) => policy.KeepEvery > 0 && step % policy.KeepEvery == 0;

    private static bool IsOfStep(string place) => long.TryParse(Path.GetFileName(place), NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private long ClaimedStepOf(string place)
    {
        if (StepOf(place) is >= 0 and var step) return step;
        return CheckpointMarker.FindWhole(place)?.Step ?? (place == folder ? long.MaxValue : -1);
    }

    private static long StepOf(string place)
    {
        try
        {
            using var file = Formats.Safetensors.SafetensorsReader.Open(Path.Combine(place, Checkpoint.StateFile));
            return ModelInfo.Number(file, ModelInfo.StepKey);
        }
        catch (PixelDiTException)
        {
            return -1;
        }
    }

    /// <summary>Deletes a checkpoint's files, and the folder if nothing else is in it.</summary>
    private static void Delete(string place)
    {
        if (!Directory.Exists(place)) return;
        foreach (string name in (string[])[CheckpointMarker.FileName, .. s_files]) File.Delete(Path.Combine(place, name));
        AtomicFile.DeleteRemains(place);
        if (!Directory.EnumerateFileSystemEntries(place).Any()) Directory.Delete(place);
    }

    private void Reached(string instant) => policy.Instant?.Invoke(instant);
}

using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Training.Checkpoints;

/// <summary>
/// What proves a checkpoint: <c>checkpoint.json</c> beside its files, with the step, and the length and SHA-256 of each. It is written last, so that files without it, or other than it says, are of a checkpoint that was not finished or
/// has been damaged since.
/// </summary>
/// <param name="Step">The steps behind it.</param>
/// <param name="Files">Length and hash by name.</param>
internal sealed record CheckpointMarker(long Step, IReadOnlyDictionary<string, CheckpointFile> Files)
{
    /// <summary>The marker's file.</summary>
    public const string FileName = "checkpoint.json";

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    /// <summary>Reads a folder's marker.</summary>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="FileFormatException">It is damaged.</exception>
    public static CheckpointMarker? Find(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            return JsonSerializer.Deserialize<CheckpointMarker>(stream, s_json) is { Files: not null } marker ? marker : throw new FileFormatException($"{path}: is no marker of a checkpoint");
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{path}: is no marker of a checkpoint: {JsonReason.Of(error)}", error);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>The same, and null for a damaged one too.</summary>
    public static CheckpointMarker? FindWhole(string folder)
    {
        try
        {
            return Find(folder);
        }
        catch (FileFormatException)
        {
            return null;
        }
    }

    /// <summary>Writes it into a folder.</summary>
    /// <exception cref="FileFormatException">It cannot be written.</exception>
    public void Write(string folder) => AtomicFile.WriteText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, s_json) + "\n");

    /// <summary>Why the training state of the checkpoint is not the one that was written; null where it is, to the byte.</summary>
    public string? ProblemOf(string folder)
    {
        string path = Path.Combine(folder, Checkpoint.StateFile);
        if (!Files.TryGetValue(Checkpoint.StateFile, out var expected)) return $"{FileName} does not know it";
        var file = new FileInfo(path);
        if (!file.Exists) return "it is not there";
        if (file.Length != expected.Bytes) return $"it has {file.Length} bytes, and {expected.Bytes} were written";
        return FileHash.Of(path) == expected.Sha256 ? null : "its bytes are not those that were written";
    }
}

/// <summary>A file of a checkpoint.</summary>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">64 hexadecimal digits.</param>
internal sealed record CheckpointFile(long Bytes, string Sha256);

using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats;

/// <summary>
/// SHA-256 of files. That of a large one is remembered in a folder under the file's path, length and time of its last change, so that gigabytes are hashed once. A file that changed a moment ago may change again within
/// the clock's grain; its hash is not remembered.
/// </summary>
internal static class FileHash
{
    private const string Ending = ".sha256";
    private const int BufferBytes = 1 << 20, Digits = 64, LeastRemembered = 1 << 22;

    private static readonly TimeSpan s_settled = TimeSpan.FromSeconds(5);

    /// <summary>The hash of a file's bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="memory">The folder of what is remembered, made when it is needed; null for none.</param>
    /// <param name="progress">Told how many bytes were read; never told of a file that is remembered.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <returns>64 hexadecimal digits in lower case.</returns>
    /// <exception cref="FileFormatException">It cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static string Of(string path, string? memory = null, Action<long>? progress = null, CancellationToken cancel = default)
    {
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            var written = File.GetLastWriteTimeUtc(path);
            string? note = stream.Length < LeastRemembered ? null : NoteOf(path, stream.Length, written, memory);
            if (note is not null && Recall(note) is { } known) return known;
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            byte[] buffer = new byte[Math.Min(BufferBytes, Math.Max(1, stream.Length))];
            for (int read; (read = stream.Read(buffer)) > 0;)
            {
                cancel.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
                progress?.Invoke(stream.Position);
            }
            string found = Convert.ToHexStringLower(hash.GetHashAndReset());
            if (note is not null && DateTime.UtcNow - written > s_settled && File.GetLastWriteTimeUtc(path) == written) Remember(note, found);
            return found;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Whether the hash of a file is to be had at once: it is remembered, or the file is small or cannot be read.</summary>
    public static bool IsRemembered(string path, string? memory)
    {
        var file = new FileInfo(path);
        return !file.Exists || file.Length < LeastRemembered || (NoteOf(path, file.Length, file.LastWriteTimeUtc, memory) is { } note && Recall(note) is not null);
    }

    private static string? NoteOf(string path, long length, DateTime written, string? memory) => memory is null ? null
        : Path.Combine(memory, Sum(JsonSerializer.SerializeToUtf8Bytes((string[])[Path.GetFullPath(path), $"{length}", $"{written.Ticks}"])) + Ending);

    /// <summary>SHA-256 of bytes in 64 hexadecimal digits.</summary>
    internal static string Sum(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>A note holds the hash and a sum over its own name and the hash; one that is damaged is as good as none.</summary>
    private static string? Recall(string note)
    {
        try
        {
            if (new FileInfo(note) is not { Exists: true, Length: 2 * Digits }) return null;
            string text = File.ReadAllText(note);
            return text.Length == 2 * Digits && text[Digits..] == Check(note, text[..Digits]) ? text[..Digits] : null;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            return null;
        }
    }

    private static void Remember(string note, string hash)
    {
        try
        {
            AtomicFile.MakeFolder(Path.GetDirectoryName(note)!);
            AtomicFile.WriteText(note, hash + Check(note, hash));
        }
        catch (FileFormatException)
        {
            // It is only computed again.
        }
    }

    private static string Check(string note, string hash) => Sum(Encoding.UTF8.GetBytes(Path.GetFileName(note) + hash));
}

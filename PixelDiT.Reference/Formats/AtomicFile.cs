using System.Security.Cryptography;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats;

/// <summary>Writes a file all or not at all.</summary>
internal static class AtomicFile
{
    private const string TemporaryStart = ".pixeldit-", TemporaryEnd = ".tmp";

    /// <summary>
    /// Writes a file under a temporary name in the target's directory, flushes it to the disk, and renames it over the target when it is complete.
    /// After any failure the temporary file is gone and a target that existed is as it was. A link is followed, so its target is replaced, not the link.
    /// </summary>
    /// <param name="path">The file to make or replace; its directory must exist.</param>
    /// <param name="write">Writes the content to a new, empty, seekable stream, which this method closes. What it throws passes on to the caller, except errors of the file system.</param>
    /// <exception cref="FileFormatException">The file cannot be written: no such directory, a directory or device in its place, read-only, not permitted, disk full.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string? temporary = null;
        try
        {
            string target = Resolve(path);
            temporary = NewName(Path.GetDirectoryName(target)!);
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                Reached("content written");
                stream.Flush(flushToDisk: true);
                Reached("flushed");
            }
            Rename(temporary, target);
            temporary = null;
        }
        catch (Exception error) when (IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be written: {SystemReason.Of(error)}", error);
        }
        finally
        {
            if (temporary is not null) DeleteQuietly(temporary);
        }
    }

    /// <summary>Is told of every instant of writing, by whichever thread writes, so that a test can end a process there.</summary>
    internal static Action<string>? Instant { get; set; }

    /// <summary>Moves a file to another name, over what is there, and flushes both folders, so that the new name outlives a power failure.</summary>
    /// <exception cref="IOException">It cannot be moved.</exception>
    internal static void Rename(string from, string to)
    {
        Reached("before a rename");
        File.Move(from, to, overwrite: true);
        Reached("renamed");
        string folder = Path.GetDirectoryName(Path.GetFullPath(to))!, before = Path.GetDirectoryName(Path.GetFullPath(from))!;
        FolderFlush.Flush(folder);
        if (before != folder) FolderFlush.Flush(before);
        Reached("folder flushed");
    }

    private static void Reached(string instant) => Instant?.Invoke(instant);

    /// <summary>Writes a file as <see cref="Write"/> does, and tells what was written.</summary>
    /// <returns>SHA-256 of the bytes, 64 hexadecimal digits.</returns>
    /// <inheritdoc cref="Write" path="/exception"/>
    internal static string WriteHashed(string path, Action<Stream> write)
    {
        using var hash = SHA256.Create();
        Write(path, stream =>
        {
            using var through = new CryptoStream(stream, hash, CryptoStreamMode.Write, leaveOpen: true);
            write(through);
        });
        return Convert.ToHexStringLower(hash.Hash!);
    }

    /// <summary>Writes a text in UTF-8, as <see cref="Write"/> does.</summary>
    /// <exception cref="FileFormatException">The file cannot be written.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>
    /// Opens a file to be read from, unbuffered. One that has no bytes is not opened: it is empty, or a pipe or device, and to open a pipe that nobody writes to is to wait for ever.
    /// </summary>
    /// <exception cref="FileFormatException">It cannot be opened, or is a directory.</exception>
    internal static Stream OpenRead(string path)
    {
        if (path.Length == 0 || path.Contains('\0')) throw new FileFormatException($"{Quote.Text(path)}: cannot be read: not a file name");
        if (Directory.Exists(path)) throw new FileFormatException($"{path}: cannot be read: it is a directory; a file was expected");
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: 0, LinkTarget: null }) return new MemoryStream([], writable: false);
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        }
        catch (FileNotFoundException error) when (new FileInfo(path).LinkTarget is { } target)
        {
            throw new FileFormatException($"{path}: cannot be read: it is a link to {Quote.Text(target)}, which is not there", error);
        }
        catch (Exception error) when (IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Makes a folder and those on the way to it; one that is there is left alone.</summary>
    /// <exception cref="FileFormatException">It cannot be made.</exception>
    public static void MakeFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileFormatException($"{folder}: cannot be made: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Makes a folder as <see cref="MakeFolder"/> does and checks that files can be made in it, before long work is done for them.</summary>
    /// <exception cref="FileFormatException">It cannot be made, or no file can be made in it.</exception>
    public static void MakeWritableFolder(string folder)
    {
        MakeFolder(folder);
        try
        {
            using var probe = new FileStream(NewName(folder), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (Exception error) when (IsFileSystemError(error))
        {
            throw new FileFormatException($"{folder}: no file can be made in it: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Whether an error comes from the file system, a path included, rather than from a file's content.</summary>
    internal static bool IsFileSystemError(Exception error) =>
        error is IOException or UnauthorizedAccessException or System.Security.SecurityException or NotSupportedException;

    private static string Resolve(string path)
    {
        if (path.Length == 0 || path.Contains('\0')) throw new FileFormatException($"{Quote.Text(path)}: cannot be written: not a file name");
        string target = Path.GetFullPath(path);
        if (File.Exists(target)) target = File.ResolveLinkTarget(target, returnFinalTarget: true)?.FullName ?? target;

        if (Directory.Exists(target) || Path.EndsInDirectorySeparator(target))
            throw new FileFormatException($"{path}: cannot be written: it names a directory; a file name was expected");
        string directory = Path.GetDirectoryName(target)!;
        if (!Directory.Exists(directory)) throw new FileFormatException($"{path}: cannot be written: there is no directory {directory}");
        // A rename would put an ordinary file in the place of /dev/null or a terminal.
        if (directory == "/dev") throw new FileFormatException($"{path}: cannot be written: it names a device; a file was expected");
        // Renaming asks for permission on the directory only, so a file that someone made read-only needs a look of its own.
        if (File.Exists(target) && File.GetAttributes(target).HasFlag(FileAttributes.ReadOnly))
            throw new FileFormatException($"{path}: cannot be written: the file is read-only");
        return target;
    }

    /// <summary>Deletes the temporary files that writers which were killed have left in a folder that nobody else writes to.</summary>
    internal static void DeleteRemains(string folder)
    {
        foreach (string file in Directory.GetFiles(folder, TemporaryStart + "*" + TemporaryEnd))
        {
            if (Guid.TryParseExact(Path.GetFileName(file)[TemporaryStart.Length..^TemporaryEnd.Length], "N", out _)) DeleteQuietly(file);
        }
    }

    private static string NewName(string folder) => Path.Combine(folder, $"{TemporaryStart}{Guid.NewGuid():N}{TemporaryEnd}");

    private static void DeleteQuietly(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception error) when (IsFileSystemError(error))
        {
            // The failure that brought us here says more than this one.
        }
    }
}

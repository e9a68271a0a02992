using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>Reads files of a folder without waiting for what is no file: a pipe would hang at the first byte, a device never end.</summary>
internal static class FileStart
{
    /// <summary>The largest picture file read: 1 GiB.</summary>
    private const long MostBytes = 1L << 30;

    /// <summary>The length of a file, or of the one that a link leads to. Pipes and devices have none.</summary>
    /// <exception cref="IOException">There is no such file, or a link leads nowhere.</exception>
    public static long Length(FileInfo file)
    {
        return Target(file).Length;
    }

    /// <summary>The file itself, or the one that a link leads to, whose length and time are those of the picture.</summary>
    /// <exception cref="IOException">A link leads nowhere.</exception>
    public static FileInfo Target(FileInfo file)
    {
        if (!file.Attributes.HasFlag(FileAttributes.ReparsePoint)) return file;
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target ? target : throw new IOException("the link leads to no file");
    }

    /// <summary>Refuses what has no bytes before it is opened: to open a pipe that nobody writes to is to wait for ever.</summary>
    /// <exception cref="DataException">The file is empty, or a pipe or device.</exception>
    public static void RequireBytes(string path)
    {
        if (Length(new FileInfo(path)) == 0) throw new DataException($"{path}: the file has 0 bytes: it is empty, or a pipe or device, which cannot be read from");
    }

    /// <summary>The kind of a file by its first bytes; what cannot be read is of no kind.</summary>
    public static FileKind Kind(string path, long length)
    {
        if (length == 0) return FileKind.Of([]);
        try
        {
            using var file = File.OpenHandle(path);
            var start = new byte[Math.Min(length, FileKind.BytesNeeded)];
            return FileKind.Of(start.AsSpan(0, RandomAccess.Read(file, start, 0)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new FileKind(PictureFormat.None, "unreadable");
        }
    }

    /// <summary>The whole of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">The most bytes.</param>
    /// <exception cref="DataException">It cannot be read, is empty or too large; the message is the reason, without the path.</exception>
    public static byte[] ReadAll(string path, long most = MostBytes)
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists) throw new DataException("cannot be read (there is no such file, or its name is not UTF-8)");
            long length = Length(file);
            if (length == 0) throw new DataException("the file is empty");
            if (length > most) throw new DataException($"the file has {length} bytes; at most {most} are read");
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"cannot be read ({SystemReason.Of(error)})", error);
        }
    }
}

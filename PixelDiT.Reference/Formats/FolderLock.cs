using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats;

/// <summary>
/// Keeps a second process out of a folder that a run writes to. The system gives the lock back when the process ends, however it ends, so a dead process keeps nobody out.
/// </summary>
internal sealed class FolderLock : IDisposable
{
    /// <summary>The file that is locked; it is there as long as the lock is held.</summary>
    public const string FileName = ".pixeldit.lock";

    private const int LinuxAgain = 11, MacAgain = 35, Attempts = 10;

    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <summary>Takes the lock of a folder.</summary>
    /// <param name="folder">The folder, which is there.</param>
    /// <exception cref="FileFormatException">Another process holds it, or no file can be made in the folder.</exception>
    public static FolderLock Take(string folder)
    {
        string path = Path.Combine(folder, FileName);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            try
            {
                var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
                // The holder before may have deleted the file after it was opened here: such a lock keeps nobody out.
                if (File.Exists(path)) return new FolderLock(file);
                file.Dispose();
            }
            catch (IOException error) when (IsHeld(error))
            {
                throw new FileFormatException($"{folder}: another process is writing a run into it and holds {FileName}; wait for it, end it, or choose another --out", error);
            }
            catch (Exception error) when (AtomicFile.IsFileSystemError(error))
            {
                throw new FileFormatException($"{folder}: no file can be made in it: {SystemReason.Of(error)}", error);
            }
        }
        throw new FileFormatException($"{folder}: {FileName} is deleted as soon as it is made; another process seems to end and begin over and over");
    }

    /// <summary>Whether a process holds the lock of a folder. A file that a killed process has left is no lock.</summary>
    public static bool IsHeld(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return false;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return false;
        }
        catch (IOException error) when (IsHeld(error))
        {
            return true;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            return false;
        }
    }

    private static bool IsHeld(IOException error) => error.HResult is LinuxAgain or MacAgain or unchecked((int)0x80070020) or unchecked((int)0x80070021);

    /// <summary>Gives the lock back.</summary>
    public void Dispose() => _file.Dispose();
}

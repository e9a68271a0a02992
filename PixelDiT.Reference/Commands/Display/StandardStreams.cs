using Microsoft.Win32.SafeHandles;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Whether standard output and error are there at all. Where a shell closed one (<c>&gt;&amp;-</c>), its number may belong to something else by the time a program begins.</summary>
internal static class StandardStreams
{
    private const int LastStandard = 2;

    // Kept open as long as the process lives: no file of ours may get the number of a stream that was closed. They cannot be written to, so that what goes there counts as lost.
    private static readonly List<SafeFileHandle> s_placeholders = [];

    /// <summary>Takes the numbers of closed streams, before any file is opened.</summary>
    public static void OccupyClosed()
    {
        if (OperatingSystem.IsWindows()) return;
        while (true)
        {
            SafeFileHandle handle;
            try
            {
                handle = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            }
            catch (Exception error) when (AtomicFile.IsFileSystemError(error))
            {
                return;
            }
            if (handle.DangerousGetHandle() > LastStandard)
            {
                handle.Dispose();
                return;
            }
            s_placeholders.Add(handle);
        }
    }

    /// <summary>
    /// Whether a number is a pipe that this process reads itself: one that .NET opened for its own use where a closed stream had left the number free. Who writes there waits for
    /// ever once it is full. A pipe to another program has its reading end there and not here.
    /// </summary>
    public static bool IsOwnPipe(int descriptor)
    {
        const string folder = "/proc/self/fd";
        try
        {
            if (!Directory.Exists(folder) || Target(descriptor) is not { } pipe || !pipe.StartsWith("pipe:", StringComparison.Ordinal)) return false;
            return Directory.GetFiles(folder).Select(path => int.Parse(Path.GetFileName(path), System.Globalization.CultureInfo.InvariantCulture))
                .Any(other => other != descriptor && Target(other) == pipe && IsReadOnly(other));
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            return false;
        }

        static string? Target(int number) => new FileInfo($"{folder}/{number}").LinkTarget;
    }

    private static bool IsReadOnly(int descriptor)
    {
        string path = $"/proc/self/fdinfo/{descriptor}";
        // The last octal digit of the flags is the access mode; 0 is reading.
        return File.Exists(path) && File.ReadLines(path).Any(line => line.StartsWith("flags:", StringComparison.Ordinal) && line.TrimEnd().EndsWith('0'));
    }
}

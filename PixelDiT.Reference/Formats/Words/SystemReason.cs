using System.Text.RegularExpressions;

namespace PixelDiT.Reference.Formats.Words;

/// <summary>Why the system refused something to do with a file, in a person's words and without the path, which the message around it names.</summary>
internal static partial class SystemReason
{
    /// <summary>The reason of an error of the file system (<see cref="AtomicFile.IsFileSystemError"/>).</summary>
    public static string Of(Exception error) => error switch
    {
        FileNotFoundException => "there is no such file",
        DirectoryNotFoundException => "there is no such folder",
        DriveNotFoundException => "there is no such drive",
        PathTooLongException => "the name is too long",
        EndOfStreamException => "it ends too early",
        UnauthorizedAccessException => "it is not permitted",
        NotSupportedException => "it is a pipe, a terminal or a device; a file was expected",
        _ => Path().Replace(error.Message, "").TrimEnd('.', ' ')
    };

    /// <summary>The path that .NET puts into or behind its own sentence.</summary>
    [GeneratedRegex(@"(\s*:)?\s*'[^']*'")]
    private static partial Regex Path();
}

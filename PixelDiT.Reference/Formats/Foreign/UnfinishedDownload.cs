using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Foreign;

/// <summary>The names that browsers and other programs give to a file while they fetch it.</summary>
internal static class UnfinishedDownload
{
    private static readonly string[] s_extensions = [".crdownload", ".part", ".partial", ".incomplete", ".download", ".opdownload", ".!ut", ".aria2", ".tmp"];

    /// <summary>What a file's name says, to follow an error and a semicolon; null where it says nothing.</summary>
    public static string? Remark(string path)
        => s_extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase) ? "its name says that its download has not ended" : null;

    /// <summary>Of a file that is not there, what lies in its place; null where nothing does.</summary>
    public static string? Beside(string path)
        => s_extensions.Select(extension => path + extension).FirstOrDefault(File.Exists) is { } part ? $"{Quote.Text(Path.GetFileName(part))} is there, so its download has not ended" : null;
}

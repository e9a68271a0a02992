using System.IO.Enumeration;

namespace PixelDiT.Reference.Data.Listing;

/// <summary>A file, a folder or a link in a folder. A link to a folder counts as one; length and time of what other links lead to are asked for where they are needed.</summary>
/// <param name="Folder">Where it lies.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsFolder">Whether it is a folder, or a link to one.</param>
/// <param name="IsLink">Whether it is a link.</param>
/// <param name="Length">A file's length in bytes; 0 for folders and links.</param>
/// <param name="Written">When a file was last written, in ticks; 0 for folders and links.</param>
internal readonly record struct FolderEntry(string Folder, string Name, bool IsFolder, bool IsLink, long Length, long Written)
{
    /// <summary>Where it is.</summary>
    public string Path => System.IO.Path.Combine(Folder, Name);

    /// <summary>For what else is to be asked of it.</summary>
    public FileSystemInfo Info => IsFolder ? new DirectoryInfo(Path) : new FileInfo(Path);

    /// <summary>What lies in a folder but for what begins with a dot, in ordinal order. No object of the file system is kept for each.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static FolderEntry[] Of(string folder)
    {
        var all = new FileSystemEnumerable<FolderEntry>(folder, (ref FileSystemEntry entry) =>
        {
            bool isLink = entry.Attributes.HasFlag(FileAttributes.ReparsePoint), hasBytes = !isLink && !entry.IsDirectory;
            return new FolderEntry(folder, entry.FileName.ToString(), entry.IsDirectory, isLink, hasBytes ? entry.Length : 0, hasBytes ? entry.LastWriteTimeUtc.UtcTicks : 0);
        }, new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false })
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => entry.FileName is not ['.', ..]
        };
        FolderEntry[] entries = [.. all];
        Array.Sort(entries, (one, other) => string.CompareOrdinal(one.Name, other.Name));
        return entries;
    }
}

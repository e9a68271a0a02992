using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data;

/// <summary>A picture file of a folder.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">Its name in its class; with the folders that it lies in where a class has such.</param>
/// <param name="Label">Its class.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Written">When it was last written, in ticks.</param>
internal sealed record FolderFile(string Path, string Name, int Label, long Length, long Written);

/// <summary>
/// What lies in a folder of pictures: a subfolder a class, or, without subfolders, one class of all that lies in it. Classes, and files in a class, are in
/// ordinal order of their names; names that begin with a dot are left alone.
/// </summary>
internal sealed class FolderListing
{
    /// <summary>The name of the only class of a folder without subfolders.</summary>
    public const string OnlyClass = "all";

    private static readonly string[] s_endings = [".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".gif", ".bmp", ".dib"];
    private static readonly string[] s_companions = [".txt", ".json", ".jsonl", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".md", ".npz", ".npy", ".caption"];

    // What systems put beside the folders of a person.
    private static readonly string[] s_systemFolders = ["__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"];

    private const string BrokenClass = "is a link that leads nowhere; the class is left out";

    private readonly string _folder;
    private readonly List<FolderFile> _files = [];
    private readonly List<SkippedImage> _leftOut = [];
    private readonly LeftOutCount _counted = new();
    private bool _hasCaptions;

    private FolderListing(string folder) => _folder = folder;

    /// <summary>The classes, in the order of their labels.</summary>
    public IReadOnlyList<string> ClassNames { get; private set; } = [];

    /// <summary>The files that are pictures by their ending or their first bytes, in the order of their classes.</summary>
    public IReadOnlyList<FolderFile> Files => _files;

    /// <summary>Files and folders that are left out by name.</summary>
    public IReadOnlyList<SkippedImage> LeftOut => _leftOut;

    /// <summary>What is left out and counted only, in words; null if nothing is.</summary>
    public string? Remark => _counted.Describe();

    /// <summary>Lists a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="allowEmpty">Whether classes may have no pictures.</param>
    /// <param name="cancel">Ends the listing.</param>
    /// <exception cref="DataException">There is no such folder, it cannot be listed, or it or a class of it has no pictures.</exception>
    public static FolderListing Read(string folder, bool allowEmpty, CancellationToken cancel = default)
    {
        if (File.Exists(folder)) throw new DataException($"{folder}: is a file; a folder with a subfolder for each class was expected");
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder; one with a subfolder for each class was expected");
        var listing = new FolderListing(folder);
        FileSystemInfo[] entries;
        try
        {
            entries = Entries(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{folder}: cannot be listed ({SystemReason.Of(error)})", error);
        }
        var folders = entries.OfType<DirectoryInfo>().ToArray();
        if (folders.Length == 0) listing.AddOnlyClass(entries);
        else listing.AddClasses(folders, entries, allowEmpty, cancel);
        return listing;
    }

    /// <summary>Lists all pictures in a folder and in those below it as one class. Their names are the paths from there, with slashes; those of a folder come before those of its subfolders. Links to folders are not followed, and files that keep
    /// pictures company, such as captions, not counted.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancel">Ends the listing.</param>
    /// <exception cref="DataException">There is no such folder, it cannot be listed, or there is no picture.</exception>
    public static FolderListing ReadDeep(string folder, CancellationToken cancel = default)
    {
        if (File.Exists(folder)) throw new DataException($"{folder}: is a file; a folder with pictures was expected");
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder; one with pictures was expected");
        var listing = new FolderListing(folder) { ClassNames = [OnlyClass], _hasCaptions = true };
        listing.AddDeep("", cancel);
        if (listing._files.Count == 0) throw new DataException($"{folder}: no pictures, nor in the folders below it ({FileKind.Read}){listing.Found()}");
        return listing;
    }

    /// <summary>Leaves files out.</summary>
    /// <param name="reasonAgainst">Why a file is left out; null for one that stays.</param>
    public void LeaveOut(Func<FolderFile, string?> reasonAgainst)
    {
        var reasons = _files.ToDictionary(file => file, reasonAgainst);
        _leftOut.AddRange(_files.Where(file => reasons[file] is not null).Select(file => new SkippedImage(file.Path, reasons[file]!)));
        _files.RemoveAll(file => reasons[file] is not null);
    }

    private void AddDeep(string within, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        string path = Path.Combine(_folder, within);
        FileSystemInfo[] entries;
        try
        {
            entries = Entries(path);
            AddFiles(path, entries.OfType<FileInfo>(), 0, within);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (within.Length == 0) throw new DataException($"{path}: cannot be listed ({SystemReason.Of(error)})", error);
            _leftOut.Add(new SkippedImage(path, $"cannot be listed ({SystemReason.Of(error)})"));
            return;
        }
        foreach (var folder in entries.OfType<DirectoryInfo>())
        {
            string? reason = s_systemFolders.Contains(folder.Name) ? "is a folder of the system's"
                : IsUnnameable(folder) ? "its name is not UTF-8, so it cannot be opened"
                : folder.Attributes.HasFlag(FileAttributes.ReparsePoint) ? "is a link to a folder, which is not followed" : null;
            if (reason is null) AddDeep($"{within}{folder.Name}/", cancel);
            else _leftOut.Add(new SkippedImage(Path.Combine(path, folder.Name), reason));
        }
    }

    private void AddOnlyClass(FileSystemInfo[] entries)
    {
        ClassNames = [OnlyClass];
        AddFiles(_folder, entries.OfType<FileInfo>(), 0);
        if (_files.Count > 0) return;
        throw new DataException($"{_folder}: no subfolders and no pictures; a subfolder for each class was expected, with pictures in it ({FileKind.Read}){Found()}");
    }

    private void AddClasses(DirectoryInfo[] folders, FileSystemInfo[] entries, bool allowEmpty, CancellationToken cancel)
    {
        var (names, empty) = (new List<string>(), new List<string>());
        bool anyDeeper = false;
        foreach (var folder in folders)
        {
            cancel.ThrowIfCancellationRequested();
            if (ReasonAgainst(folder) is { } reason)
            {
                _leftOut.Add(new SkippedImage(Path.Combine(_folder, folder.Name), reason));
                continue;
            }
            int before = _files.Count;
            string path = Path.Combine(_folder, folder.Name);
            string? deeper = null;
            try
            {
                var inside = Entries(path);
                AddFiles(path, inside.OfType<FileInfo>(), names.Count);
                deeper = CountDeeper(inside.OfType<DirectoryInfo>(), path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                deeper = $"cannot be listed ({SystemReason.Of(error)})";
                if (allowEmpty) _leftOut.Add(new SkippedImage(path, $"the class {deeper}"));
            }
            if (_files.Count == before)
            {
                empty.Add(deeper is null ? folder.Name : $"{folder.Name} ({deeper})");
                anyDeeper |= deeper is not null;
                if (allowEmpty && !_leftOut.Any(left => left.Path == path)) _leftOut.Add(new SkippedImage(path, "the class has no picture"));
            }
            names.Add(folder.Name);
        }
        ClassNames = names;
        foreach (var file in entries.OfType<FileInfo>().Where(file => !HasPictureEnding(file) && !IsCompanion(file) && LeadsNowhere(file))) _leftOut.Add(new SkippedImage(Path.Combine(_folder, file.Name), BrokenClass));
        int loose = entries.OfType<FileInfo>().Count(HasPictureEnding);
        if (loose > 0) _counted.Add(loose, "picture", "pictures", "beside the class folders");
        if (_files.Count == 0) throw new DataException($"{_folder}: no pictures in {(folders.Length == 1 ? "its only subfolder" : $"its {folders.Length} subfolders")} ({FileKind.Read}){(anyDeeper ? $": {Some(empty)}" : "")}{Found()}");
        if (empty.Count > 0 && !allowEmpty)
        {
            throw new DataException($"{_folder}: {empty.Count} of {names.Count} classes {(empty.Count == 1 ? "has" : "have")} no pictures: {Some(empty)}; --allow-empty-classes takes them all the same{Found()}");
        }
    }

    /// <summary>Why a folder is no class.</summary>
    private string? ReasonAgainst(DirectoryInfo folder)
    {
        if (s_systemFolders.Contains(folder.Name)) return "is a folder of the system's, no class";
        if (IsUnnameable(folder)) return "its name is not UTF-8, so it cannot be opened; the class is left out";
        if (!folder.Attributes.HasFlag(FileAttributes.ReparsePoint)) return null;
        if (LeadsNowhere(folder)) return BrokenClass;
        string target = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName, own = Path.GetFullPath(_folder);
        string real = new DirectoryInfo(own).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? own;
        return IsWithin(own, target) || IsWithin(real, target) ? "is a link to a folder that holds it; the class is left out" : null;
    }

    /// <summary>Whether an entry is a link to nothing; most systems list it as a file, whatever it once led to.</summary>
    private static bool LeadsNowhere(FileSystemInfo entry)
    {
        if (!entry.Attributes.HasFlag(FileAttributes.ReparsePoint)) return false;
        try
        {
            return entry.ResolveLinkTarget(returnFinalTarget: true) is { Exists: false };
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static bool IsWithin(string path, string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(folder);
        path = Path.TrimEndingDirectorySeparator(path);
        return path == folder || path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal) || folder.Length == 0;
    }

    private void AddFiles(string folder, IEnumerable<FileInfo> files, int label, string within = "")
    {
        foreach (var file in files)
        {
            string path = Path.Combine(folder, file.Name);
            if (IsUnnameable(file))
            {
                _leftOut.Add(new SkippedImage(path, "its name is not UTF-8, so it cannot be opened"));
                continue;
            }
            long length;
            try
            {
                length = FileStart.Length(file);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                if (!IsCompanion(file)) _leftOut.Add(new SkippedImage(path, $"cannot be read ({SystemReason.Of(error)})"));
                continue;
            }
            if (HasPictureEnding(file) || KindBehind(path, file, length) is { Format: not PictureFormat.None })
            {
                _files.Add(new FolderFile(path, within + file.Name, label, length, FileStart.Target(file).LastWriteTimeUtc.Ticks));
                continue;
            }
            if (_hasCaptions && IsCompanion(file)) continue;
            var (one, many) = Ending(file);
            _counted.Add(1, one, many, KindBehind(path, file, length)?.Name is { } name && name is not ("text" or "empty" or "unreadable" or "not a picture of a known format") ? $"{name}, not read" : "no picture");
        }
    }

    /// <summary>The kind of a file whose ending tells nothing; null for those that only keep pictures company.</summary>
    private static FileKind? KindBehind(string path, FileInfo file, long length) => IsCompanion(file) ? null : FileStart.Kind(path, length);

    /// <summary>Counts pictures in the folders of a class.</summary>
    /// <returns>Where the first lies, in words.</returns>
    private string? CountDeeper(IEnumerable<DirectoryInfo> folders, string path)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 8, AttributesToSkip = FileAttributes.ReparsePoint };
        string? first = null;
        int count = 0;
        foreach (var folder in folders.Where(folder => !folder.Attributes.HasFlag(FileAttributes.ReparsePoint) && !IsUnnameable(folder)))
        {
            foreach (var file in folder.EnumerateFiles("*", options).Where(file => HasPictureEnding(file) && !file.Name.StartsWith('.')))
            {
                first ??= Path.Combine(path, Path.GetRelativePath(path, file.FullName));
                count++;
            }
        }
        if (first is null) return null;
        _counted.Add(count, "picture", "pictures", $"deeper than its class, such as {first}; a class has its pictures directly in its folder");
        return $"its pictures lie deeper, such as {first}";
    }

    private string Found()
    {
        string counted = Remark is { } remark ? $"; {remark}" : "";
        return _leftOut.Count == 0 ? counted : $"{counted}; {_leftOut[0].Path}: {_leftOut[0].Reason}{(_leftOut.Count > 1 ? $", and {_leftOut.Count - 1} more left out by name" : "")}";
    }

    private static string Some(List<string> names) => names.Count <= 10 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(10))} and {names.Count - 10} more";

    private static bool IsCompanion(FileInfo file) => s_companions.Contains(file.Extension, StringComparer.OrdinalIgnoreCase);

    private static bool HasPictureEnding(FileInfo file) => s_endings.Contains(file.Extension, StringComparer.OrdinalIgnoreCase);

    private static (string One, string Many) Ending(FileInfo file)
    {
        if (file.Extension.Length is <= 1 or >= 12) return ("file without an ending", "files without an ending");
        string ending = file.Extension.ToLowerInvariant();
        return (ending, ending);
    }

    /// <summary>Whether the bytes of a name are no UTF-8; what .NET makes of them names nothing.</summary>
    private static bool IsUnnameable(FileSystemInfo entry) => entry.Name.Contains('\uFFFD') && !File.Exists(entry.FullName) && !Directory.Exists(entry.FullName);

    private static FileSystemInfo[] Entries(string folder) =>
        [.. new DirectoryInfo(folder).GetFileSystemInfos().Where(entry => !entry.Name.StartsWith('.')).OrderBy(entry => entry.Name, StringComparer.Ordinal)];
}

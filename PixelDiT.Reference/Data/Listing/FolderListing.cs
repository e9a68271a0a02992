using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data.Listing;

/// <summary>
/// What lies in a folder of pictures: a subfolder a class, or, without subfolders, one class of all that lies in it. Classes, and files in a class, are in
/// ordinal order of their names; names that begin with a dot are left alone.
/// </summary>
internal sealed partial class FolderListing : IPictureFiles
{
    /// <summary>The name of the only class of a folder without subfolders.</summary>
    public const string OnlyClass = "all";

    /// <summary>From so many files on a listing is kept: below, asking for each takes no time.</summary>
    public const int FewestIndexed = 20_000;

    private static readonly string[] s_endings = [".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".gif", ".bmp", ".dib"];
    private static readonly string[] s_companions = [".txt", ".json", ".jsonl", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".md", ".npz", ".npy", ".caption"];

    // What systems put beside the folders of a person.
    private static readonly string[] s_systemFolders = ["__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"];

    private const string BrokenClass = "is a link that leads nowhere; the class is left out";

    private readonly string _folder;
    private readonly List<string> _classNames = [];
    private readonly List<SkippedImage> _leftOut = [];
    private readonly LeftOutCount _counted = new();
    private readonly List<(string Name, long Written)> _folders = [];
    private FolderFiles _files;
    private bool _hasCaptions, _isIndexable = true;

    private FolderListing(string folder, bool inClasses) => (_folder, _files) = (folder, new FolderFiles(folder, inClasses ? _classNames : null));

    /// <summary>The classes, in the order of their labels.</summary>
    public IReadOnlyList<string> ClassNames => _classNames;

    /// <summary>The files that are pictures by their ending or their first bytes, in the order of their classes.</summary>
    public FolderFiles Files => _files;

    /// <summary>Files and folders that are left out by name.</summary>
    public IReadOnlyList<SkippedImage> LeftOut => _leftOut;

    /// <summary>What is left out and counted only, in words; null if nothing is.</summary>
    public string? Remark => _counted.Describe();

    /// <inheritdoc/>
    public string Place => _folder;

    /// <inheritdoc/>
    public int Count => _files.Count;

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks => Remark is { } remark ? [remark] : [];

    /// <inheritdoc/>
    public string PathOf(int index) => _files.PathOf(index);

    /// <inheritdoc/>
    public int LabelOf(int index) => _files.LabelOf(index);

    /// <inheritdoc/>
    public byte[] Read(int index) => FileStart.ReadAll(PathOf(index));

    /// <inheritdoc/>
    public bool MayChange(int index) => _files.LengthOf(index) > 0;

    /// <inheritdoc/>
    public void AddIdentity(ListingHash hash, IEnumerable<int> indices)
    {
        hash.Add("folder").Add(ClassNames);
        foreach (int i in indices) hash.Add(_files.LabelOf(i)).Add(_files.NameBytes(i)).Add(_files.LengthOf(i));
    }

    /// <inheritdoc/>
    public void AddState(ListingHash hash)
    {
        byte[][] names = [.. ClassNames.Select(Encoding.UTF8.GetBytes)];
        for (int i = 0; i < Count; i++) hash.Add(names[LabelOf(i)]).Add(_files.NameBytes(i)).Add(_files.LengthOf(i)).Add(_files.WrittenOf(i));
    }

    /// <summary>Lists a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="allowEmpty">Whether classes may have no pictures.</param>
    /// <param name="cancel">Ends the listing.</param>
    /// <param name="indexFolder">Where listings of many files are kept for the next time; null for nowhere.</param>
    /// <param name="indexFrom">So many files are many.</param>
    /// <exception cref="DataException">There is no such folder, it cannot be listed, or it or a class of it has no pictures.</exception>
    public static FolderListing Read(string folder, bool allowEmpty, CancellationToken cancel = default, string? indexFolder = null, int indexFrom = FewestIndexed)
    {
        if (File.Exists(folder)) throw new DataException($"{folder}: is a file; a folder with a subfolder for each class was expected");
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder; one with a subfolder for each class was expected");
        string? index = indexFolder is null ? null : IndexPath(indexFolder, folder, allowEmpty ? "classes, some empty" : "classes");
        if (index is not null && TryReadIndex(index, folder) is { } known) return known;
        FolderEntry[] entries;
        var began = DateTime.UtcNow;
        long written;
        try
        {
            written = Directory.GetLastWriteTimeUtc(folder).Ticks;
            entries = FolderEntry.Of(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{folder}: cannot be listed ({SystemReason.Of(error)})", error);
        }
        var folders = entries.Where(entry => entry.IsFolder).ToArray();
        var listing = new FolderListing(folder, inClasses: folders.Length > 0);
        listing._folders.Add(("", written));
        if (folders.Length == 0) listing.AddOnlyClass(entries);
        else listing.AddClasses(folders, entries, allowEmpty, cancel);
        if (index is not null && listing._isIndexable && listing.Count >= indexFrom) listing.WriteIndex(index, began);
        return listing;
    }

    /// <summary>Lists all pictures in a folder and in those below it as one class. Their names are the paths from there, with slashes; those of a folder come before those of its subfolders. Links to folders are not followed, and files that keep
    /// pictures company, such as captions, not counted.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancel">Ends the listing.</param>
    /// <param name="indexFolder">Where listings of many files are kept for the next time; null for nowhere.</param>
    /// <param name="indexFrom">So many files are many.</param>
    /// <exception cref="DataException">There is no such folder, it cannot be listed, or there is no picture.</exception>
    public static FolderListing ReadDeep(string folder, CancellationToken cancel = default, string? indexFolder = null, int indexFrom = FewestIndexed)
    {
        if (File.Exists(folder)) throw new DataException($"{folder}: is a file; a folder with pictures was expected");
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder; one with pictures was expected");
        string? index = indexFolder is null ? null : IndexPath(indexFolder, folder, "deep");
        if (index is not null && TryReadIndex(index, folder) is { } known) return known;
        var began = DateTime.UtcNow;
        var listing = new FolderListing(folder, inClasses: false) { _hasCaptions = true };
        listing._classNames.Add(OnlyClass);
        listing.AddDeep("", cancel);
        if (listing._files.Count == 0) throw new DataException($"{folder}: no pictures, nor in the folders below it ({FileKind.Read}){listing.Found()}");
        if (index is not null && listing._isIndexable && listing.Count >= indexFrom) listing.WriteIndex(index, began);
        return listing;
    }

    /// <summary>Leaves files out.</summary>
    /// <param name="reasonAgainst">Why a file is left out; null for one that stays.</param>
    public void LeaveOut(Func<FolderFile, string?> reasonAgainst)
    {
        string?[] reasons = [.. _files.Select(reasonAgainst)];
        _leftOut.AddRange(reasons.Index().Where(reason => reason.Item is not null).Select(reason => new SkippedImage(PathOf(reason.Index), reason.Item!)));
        _files = _files.Where(i => reasons[i] is null);
    }

    private void AddDeep(string within, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        string path = Path.Combine(_folder, within);
        FolderEntry[] entries;
        try
        {
            _folders.Add((within, Directory.GetLastWriteTimeUtc(path).Ticks));
            entries = FolderEntry.Of(path);
            AddFiles(entries, 0, within);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (within.Length == 0) throw new DataException($"{path}: cannot be listed ({SystemReason.Of(error)})", error);
            _leftOut.Add(new SkippedImage(path, $"cannot be listed ({SystemReason.Of(error)})"));
            _isIndexable = false;
            return;
        }
        foreach (var folder in entries.Where(entry => entry.IsFolder))
        {
            string? reason = s_systemFolders.Contains(folder.Name) ? "is a folder of the system's"
                : IsUnnameable(folder) ? "its name is not UTF-8, so it cannot be opened"
                : folder.IsLink ? "is a link to a folder, which is not followed" : null;
            if (reason is null) AddDeep($"{within}{folder.Name}/", cancel);
            else _leftOut.Add(new SkippedImage(Path.Combine(path, folder.Name), reason));
        }
    }

    private void AddOnlyClass(FolderEntry[] entries)
    {
        _classNames.Add(OnlyClass);
        AddFiles(entries, 0);
        if (_files.Count > 0) return;
        throw new DataException($"{_folder}: no subfolders and no pictures; a subfolder for each class was expected, with pictures in it ({FileKind.Read}){Found()}");
    }

    private void AddClasses(FolderEntry[] folders, FolderEntry[] entries, bool allowEmpty, CancellationToken cancel)
    {
        var empty = new List<string>();
        bool anyDeeper = false;
        foreach (var folder in folders)
        {
            cancel.ThrowIfCancellationRequested();
            if (ReasonAgainst(folder) is { } reason)
            {
                _leftOut.Add(new SkippedImage(folder.Path, reason));
                _isIndexable &= !folder.IsLink;
                continue;
            }
            int before = _files.Count;
            string path = folder.Path;
            string? deeper = null;
            _classNames.Add(folder.Name);
            try
            {
                _folders.Add((folder.Name, Directory.GetLastWriteTimeUtc(path).Ticks));
                var inside = FolderEntry.Of(path);
                AddFiles(inside, _classNames.Count - 1);
                FolderEntry[] below = [.. inside.Where(entry => entry.IsFolder)];
                // The times of links and of folders in a class are not looked at by an index.
                _isIndexable &= !folder.IsLink && below.Length == 0;
                deeper = CountDeeper(below, path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                deeper = $"cannot be listed ({SystemReason.Of(error)})";
                _isIndexable = false;
                if (allowEmpty) _leftOut.Add(new SkippedImage(path, $"the class {deeper}"));
            }
            if (_files.Count == before)
            {
                empty.Add(deeper is null ? folder.Name : $"{folder.Name} ({deeper})");
                anyDeeper |= deeper is not null;
                if (allowEmpty && !_leftOut.Any(left => left.Path == path)) _leftOut.Add(new SkippedImage(path, "the class has no picture"));
            }
        }
        foreach (var file in entries.Where(entry => !entry.IsFolder && !HasPictureEnding(entry.Name) && !IsCompanion(entry.Name) && LeadsNowhere(entry))) _leftOut.Add(new SkippedImage(file.Path, BrokenClass));
        int loose = entries.Count(entry => !entry.IsFolder && HasPictureEnding(entry.Name));
        if (loose > 0) _counted.Add(loose, "picture", "pictures", "beside the class folders");
        if (_files.Count == 0) throw new DataException($"{_folder}: no pictures in {(folders.Length == 1 ? "its only subfolder" : $"its {folders.Length} subfolders")} ({FileKind.Read}){(anyDeeper ? $": {Some(empty)}" : "")}{Found()}");
        if (empty.Count > 0 && !allowEmpty)
        {
            throw new DataException($"{_folder}: {empty.Count} of {ClassNames.Count} classes {(empty.Count == 1 ? "has" : "have")} no pictures: {Some(empty)}; --allow-empty-classes takes them all the same{Found()}");
        }
    }

    /// <summary>Why a folder is no class.</summary>
    private string? ReasonAgainst(FolderEntry folder)
    {
        if (s_systemFolders.Contains(folder.Name)) return "is a folder of the system's, no class";
        if (IsUnnameable(folder)) return "its name is not UTF-8, so it cannot be opened; the class is left out";
        if (!folder.IsLink) return null;
        if (LeadsNowhere(folder)) return BrokenClass;
        string target = folder.Info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.Info.FullName, own = Path.GetFullPath(_folder);
        string real = new DirectoryInfo(own).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? own;
        return IsWithin(own, target) || IsWithin(real, target) ? "is a link to a folder that holds it; the class is left out" : null;
    }

    /// <summary>Whether an entry is a link to nothing; most systems list it as a file, whatever it once led to.</summary>
    private static bool LeadsNowhere(FolderEntry entry)
    {
        if (!entry.IsLink) return false;
        try
        {
            return entry.Info.ResolveLinkTarget(returnFinalTarget: true) is { Exists: false };
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

    private void AddFiles(IEnumerable<FolderEntry> entries, int label, string within = "")
    {
        foreach (var file in entries.Where(entry => !entry.IsFolder))
        {
            if (IsUnnameable(file))
            {
                _leftOut.Add(new SkippedImage(file.Path, "its name is not UTF-8, so it cannot be opened"));
                continue;
            }
            var (length, written) = (file.Length, file.Written);
            try
            {
                if (file.IsLink && FileStart.Target(new FileInfo(file.Path)) is var target) (length, written) = (target.Length, target.LastWriteTimeUtc.Ticks);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                if (!IsCompanion(file.Name)) _leftOut.Add(new SkippedImage(file.Path, $"cannot be read ({SystemReason.Of(error)})"));
                continue;
            }
            if (HasPictureEnding(file.Name) || KindBehind(file, length) is { Format: not PictureFormat.None })
            {
                _files.Add(within + file.Name, label, length, written);
                continue;
            }
            if (_hasCaptions && IsCompanion(file.Name)) continue;
            var (one, many) = Ending(file.Name);
            _counted.Add(1, one, many, KindBehind(file, length)?.Name is { } name && name is not ("text" or "empty" or "unreadable" or "not a picture of a known format") ? $"{name}, not read" : "no picture");
        }
    }

    /// <summary>The kind of a file whose ending tells nothing; null for those that only keep pictures company.</summary>
    private static FileKind? KindBehind(FolderEntry file, long length) => IsCompanion(file.Name) ? null : FileStart.Kind(file.Path, length);

    /// <summary>Counts pictures in the folders of a class.</summary>
    /// <returns>Where the first lies, in words.</returns>
    private string? CountDeeper(IEnumerable<FolderEntry> folders, string path)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 8, AttributesToSkip = FileAttributes.ReparsePoint };
        string? first = null;
        int count = 0;
        foreach (var folder in folders.Where(folder => !folder.IsLink && !IsUnnameable(folder)))
        {
            foreach (var file in new DirectoryInfo(folder.Path).EnumerateFiles("*", options).Where(file => HasPictureEnding(file.Name) && !file.Name.StartsWith('.')))
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

    private static bool IsCompanion(string name) => s_companions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    private static bool HasPictureEnding(string name) => s_endings.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a file is a picture by its name.</summary>
    internal static bool IsPicture(string name) => HasPictureEnding(name);

    /// <summary>How files of an ending are counted.</summary>
    internal static (string One, string Many) Ending(string name)
    {
        string ending = Path.GetExtension(name).ToLowerInvariant();
        return ending.Length is <= 1 or >= 12 ? ("file without an ending", "files without an ending") : (ending, ending);
    }

    /// <summary>Whether the bytes of a name are no UTF-8; what .NET makes of them names nothing.</summary>
    private static bool IsUnnameable(FolderEntry entry) => entry.Name.Contains('\uFFFD') && !File.Exists(entry.Path) && !Directory.Exists(entry.Path);
}

using System.Globalization;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Listing;

namespace PixelDiT.Reference.Data.Archives;

/// <summary>
/// Files with the classes of their <c>dataset.json</c>, in the order of their names. A class is called after the folder that its files lie in, where each class has a folder of its own that is no number, and otherwise by its
/// number. Without labels all are of one class. Pictures that have no label among others that have one are left out.
/// </summary>
internal sealed class LabelledFiles : IPictureFiles
{
    private const int Shown = 10;

    private readonly INamedFiles _files;
    private readonly int[] _indices, _labels;

    /// <summary>Reads the labels.</summary>
    /// <param name="files">The files.</param>
    /// <param name="allowEmpty">Whether classes may have no pictures.</param>
    /// <exception cref="DataException">There is no picture, none with a label, or none of a class.</exception>
    /// <exception cref="FileFormatException"><c>dataset.json</c> is missing or damaged, or two files have one name.</exception>
    public LabelledFiles(INamedFiles files, bool allowEmpty)
    {
        _files = files;
        string json = $"{files.Place}:{DatasetJson.Name}";
        if (files.Count == 0) throw new DataException($"{files.Place}: has no pictures ({Decoding.FileKind.Read}){(files.Remarks.Count > 0 ? $"; {files.Remarks[0]}" : "")}");
        var names = new SortedNames(files.Count, files.NameOf);
        if (names.FirstTwice() is >= 0 and var twice) throw new FileFormatException($"{files.PathOf(twice)}: the name occurs twice in {files.Place}");
        byte[] dataset = files.ReadDataset() ?? throw new FileFormatException($"{files.Place}: has no {DatasetJson.Name} at its top, which says the class of each picture: {{\"labels\": [[name, label], …]}}");
        int[]? labels = DatasetJson.Read(dataset, json, names, files.Count);
        if (labels is null)
        {
            (_indices, _labels, ClassNames, Remarks) = ([.. names.Order], new int[files.Count], [FolderListing.OnlyClass], [.. files.Remarks, $"{json} says no labels: all pictures are of one class, {FolderListing.OnlyClass}"]);
            return;
        }
        _indices = [.. names.Order.Where(index => labels[index] >= 0)];
        if (_indices.Length == 0) throw new DataException($"{json}: \"labels\" is empty; a label of each of the {files.Count} pictures was expected");
        _labels = [.. _indices.Select(index => labels[index])];
        int classes = _labels.Max() + 1;
        ClassNames = FolderNames(classes) ?? [.. Enumerable.Range(0, classes).Select(label => label.ToString(CultureInfo.InvariantCulture))];
        var present = _labels.ToHashSet();
        string[] empty = [.. Enumerable.Range(0, classes).Where(label => !present.Contains(label)).Take(Shown).Select(label => ClassNames[label])];
        if (empty.Length > 0 && !allowEmpty)
        {
            int count = classes - present.Count;
            throw new DataException($"{json}: {count} of {classes} classes {(count == 1 ? "has" : "have")} no pictures: {string.Join(", ", empty)}{(count > Shown ? $" and {count - Shown} more" : "")}; --allow-empty-classes takes them all the same");
        }
        var counted = new LeftOutCount();
        if (files.Count > _indices.Length) counted.Add(files.Count - _indices.Length, "picture", "pictures", $"without a label in {DatasetJson.Name}");
        Remarks = counted.Describe() is { } left ? [.. files.Remarks, left] : files.Remarks;
    }

    /// <inheritdoc/>
    public string Place => _files.Place;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public int Count => _indices.Length;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> LeftOut => _files.LeftOut;

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks { get; }

    /// <inheritdoc/>
    public string PathOf(int index) => _files.PathOf(_indices[index]);

    /// <inheritdoc/>
    public int LabelOf(int index) => _labels[index];

    /// <inheritdoc/>
    public byte[] Read(int index) => _files.Read(_indices[index]);

    /// <inheritdoc/>
    public bool MayChange(int index) => _files.MayChange(_indices[index]);

    /// <inheritdoc/>
    public void AddIdentity(ListingHash hash, IEnumerable<int> indices)
    {
        hash.Add(_files.Kind).Add(ClassNames);
        foreach (int i in indices)
        {
            hash.Add(_labels[i]).Add(_files.NameOf(_indices[i]));
            _files.AddContent(hash, _indices[i]);
        }
    }

    /// <inheritdoc/>
    public void AddState(ListingHash hash)
    {
        hash.Add(_files.Kind);
        _files.AddState(hash);
        AddIdentity(hash, Enumerable.Range(0, Count));
    }

    /// <summary>A folder's name for each class, or null.</summary>
    private string[]? FolderNames(int classes)
    {
        var names = new string?[classes];
        var used = new Dictionary<string, int>(StringComparer.Ordinal);
        var (before, labelBefore) = (Array.Empty<byte>(), -1);
        for (int i = 0; i < Count; i++)
        {
            var name = _files.NameOf(_indices[i]);
            int slash = name.LastIndexOf((byte)'/');
            if (slash <= 0) return null;
            // Names are in order, so that files of one folder come after each other.
            if (labelBefore == _labels[i] && name[..slash].SequenceEqual(before)) continue;
            (before, labelBefore) = (name[..slash].ToArray(), _labels[i]);
            string folder = Encoding.UTF8.GetString(before);
            if (folder.All(char.IsAsciiDigit) || (names[_labels[i]] ?? folder) != folder || (used.TryGetValue(folder, out int label) && label != _labels[i])) return null;
            names[_labels[i]] = folder;
            used[folder] = _labels[i];
        }
        string[] whole = [.. names.OfType<string>()];
        return whole.Length == classes ? whole : null;
    }
}

using System.Collections;
using System.Text;

namespace PixelDiT.Reference.Data.Listing;

/// <summary>A picture file of a folder.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">Its name in its class; with the folders that it lies in where a class has such.</param>
/// <param name="Label">Its class.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Written">When it was last written, in ticks.</param>
internal readonly record struct FolderFile(string Path, string Name, int Label, long Length, long Written);

/// <summary>The files of a folder: names in one array of UTF-8, numbers in others, some 50 bytes a file. Paths are put together when they are asked for.</summary>
/// <param name="folder">The folder.</param>
/// <param name="classNames">The classes, which may be added to; null where files do not lie in folders of their classes.</param>
internal sealed class FolderFiles(string folder, IReadOnlyList<string>? classNames) : IReadOnlyList<FolderFile>
{
    private readonly List<int> _ends = [], _labels = [];
    private readonly List<long> _lengths = [], _written = [];
    private byte[] _names = [];

    /// <inheritdoc/>
    public int Count => _ends.Count;

    /// <inheritdoc/>
    public FolderFile this[int index]
    {
        get
        {
            string name = Encoding.UTF8.GetString(NameBytes(index));
            return new(PathOf(name, _labels[index]), name, _labels[index], _lengths[index], _written[index]);
        }
    }

    /// <summary>Adds a file.</summary>
    public void Add(string name, int label, long length, long written)
    {
        int start = Start(Count), end = checked(start + Encoding.UTF8.GetByteCount(name));
        if (end > _names.Length) Array.Resize(ref _names, Math.Max(1 << 12, (int)Math.Min(Array.MaxLength, Math.Max(end, 2L * _names.Length))));
        Encoding.UTF8.GetBytes(name, _names.AsSpan(start));
        _ends.Add(end);
        _labels.Add(label);
        _lengths.Add(length);
        _written.Add(written);
    }

    /// <summary>Where a file lies.</summary>
    public string PathOf(int index) => PathOf(Encoding.UTF8.GetString(NameBytes(index)), _labels[index]);

    /// <summary>A file's class.</summary>
    public int LabelOf(int index) => _labels[index];

    /// <summary>A file's length in bytes.</summary>
    public long LengthOf(int index) => _lengths[index];

    /// <summary>When a file was last written, in ticks.</summary>
    public long WrittenOf(int index) => _written[index];

    /// <summary>A file's name in UTF-8.</summary>
    public ReadOnlySpan<byte> NameBytes(int index) => _names.AsSpan(Start(index), _ends[index] - Start(index));

    /// <summary>Whether files lie in folders of their classes.</summary>
    public bool IsInClasses => classNames is not null;

    /// <summary>Writes all of it.</summary>
    public void WriteTo(BinaryWriter writer)
    {
        writer.Write(Count);
        for (int i = 0; i < Count; i++)
        {
            writer.Write(_ends[i]);
            writer.Write(_labels[i]);
            writer.Write(_lengths[i]);
            writer.Write(_written[i]);
        }
        writer.Write(_names.AsSpan(0, Start(Count)));
    }

    /// <summary>Reads what was written, to no files yet.</summary>
    /// <exception cref="EndOfStreamException">It is cut short.</exception>
    public void ReadFrom(BinaryReader reader)
    {
        int count = reader.ReadInt32();
        foreach (var list in (List<int>[])[_ends, _labels]) list.EnsureCapacity(count);
        foreach (var list in (List<long>[])[_lengths, _written]) list.EnsureCapacity(count);
        for (int i = 0; i < count; i++)
        {
            _ends.Add(reader.ReadInt32());
            _labels.Add(reader.ReadInt32());
            _lengths.Add(reader.ReadInt64());
            _written.Add(reader.ReadInt64());
        }
        _names = reader.ReadBytes(Start(count));
    }

    /// <summary>The files that are wanted.</summary>
    public FolderFiles Where(Func<int, bool> wanted)
    {
        var files = new FolderFiles(folder, classNames);
        for (int i = 0; i < Count; i++)
        {
            if (wanted(i)) files.Add(Encoding.UTF8.GetString(NameBytes(i)), _labels[i], _lengths[i], _written[i]);
        }
        return files;
    }

    /// <inheritdoc/>
    public IEnumerator<FolderFile> GetEnumerator()
    {
        for (int i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int Start(int index) => index == 0 ? 0 : _ends[index - 1];

    private string PathOf(string name, int label) => classNames is null ? Path.Combine(folder, name) : Path.Combine(folder, classNames[label], name);
}

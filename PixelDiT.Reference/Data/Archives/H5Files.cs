using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Formats.Words;
using PureHDF;
using PureHDF.VOL.Native;

namespace PixelDiT.Reference.Data.Archives;

/// <summary>
/// The pictures of an <c>images.h5</c> as REPA-E's preprocessing writes it: a data set of bytes for each file, in groups of a thousand, with the names of all in <c>images_h5.json</c> beside it, which saves walking through the
/// groups. The file is opened as often as threads read from it at one time, and an opened one keeps the groups that it has looked up.
/// </summary>
internal sealed class H5Files : INamedFiles
{
    private const long MostBytes = 1L << 30;

    private readonly string _json;
    private readonly byte[] _names, _hash;
    private readonly int[] _ends;
    private readonly bool _hasDataset;
    private readonly long _length;
    private readonly DateTime _written;
    private readonly ConcurrentBag<Opened> _idle = [];

    /// <summary>Reads the names.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DataException">There is no such file, or no list of names beside it, or they cannot be read.</exception>
    /// <exception cref="FileFormatException">The list is no JSON list of names, or the file is no HDF5.</exception>
    public H5Files(string path)
    {
        (Place, _json) = (path, NamesOf(path));
        if (Directory.Exists(path)) throw new DataException($"{path}: is a folder; an HDF5 file was expected");
        if (!File.Exists(path)) throw new DataException($"{path}: there is no such file; an HDF5 file was expected");
        if (!File.Exists(_json)) throw new DataException($"{_json}: there is no such file; the list of names that is written with {Path.GetFileName(path)} was expected");
        try
        {
            FileStart.RequireBytes(path);
            (_length, _written) = (new FileInfo(path).Length, File.GetLastWriteTimeUtc(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read ({SystemReason.Of(error)})", error);
        }
        byte[] json = Named(_json, () => FileStart.ReadAll(_json));
        _hash = SHA256.HashData(json);
        var (names, ends) = (new MemoryStream(), new List<int>());
        foreach (string name in Parse(json))
        {
            _hasDataset |= name == DatasetJson.Name;
            if (!FolderListing.IsPicture(name)) continue;
            names.Write(Encoding.UTF8.GetBytes(name));
            ends.Add((int)names.Length);
        }
        (_names, _ends) = (names.ToArray(), [.. ends]);
        // What is no HDF5 is said here and not with the first picture.
        Return(Open());
    }

    /// <inheritdoc/>
    public string Kind => "h5";

    /// <inheritdoc/>
    public string Place { get; }

    /// <inheritdoc/>
    public int Count => _ends.Length;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> LeftOut => [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks => [];

    /// <inheritdoc/>
    public ReadOnlySpan<byte> NameOf(int index) => _names.AsSpan((index == 0 ? 0 : _ends[index - 1]).._ends[index]);

    /// <inheritdoc/>
    public string PathOf(int index) => $"{Place}:{Encoding.UTF8.GetString(NameOf(index))}";

    /// <inheritdoc/>
    public byte[] Read(int index) => Read(Encoding.UTF8.GetString(NameOf(index)));

    /// <inheritdoc/>
    public bool MayChange(int index) => false;

    /// <inheritdoc/>
    public byte[]? ReadDataset() => _hasDataset ? Named($"{Place}:{DatasetJson.Name}", () => Read(DatasetJson.Name)) : null;

    /// <inheritdoc/>
    public void AddContent(ListingHash hash, int index)
    {
    }

    /// <inheritdoc/>
    public void AddState(ListingHash hash) => hash.Add(_length).Add(_written.Ticks).Add(_hash);

    /// <summary>The list of names that belongs to a file: images_h5.json to images.h5.</summary>
    private static string NamesOf(string path)
    {
        string ending = Path.GetExtension(path);
        return $"{path[..^ending.Length]}_{(ending.Length > 1 ? ending[1..] : "h5")}.json";
    }

    private static byte[] Named(string path, Func<byte[]> read)
    {
        try
        {
            return read();
        }
        catch (DataException error)
        {
            throw new DataException($"{path}: {error.Message}", error);
        }
    }

    private string[] Parse(byte[] json)
    {
        try
        {
            if (JsonSerializer.Deserialize<string?[]>(json) is { } names && !names.Contains(null)) return names!;
        }
        catch (JsonException error)
        {
            throw new FileFormatException($"{_json}: is no JSON list of names: {JsonReason.Of(error)}", error);
        }
        throw new FileFormatException($"{_json}: has null for a name; a JSON list of names was expected");
    }

    private byte[] Read(string name)
    {
        var opened = _idle.TryTake(out var idle) ? idle : Open();
        byte[] content = Guarded(name, () => opened.Read(name));
        // An opened file in which something went wrong is not used again.
        Return(opened);
        return content.Length > 0 ? content : throw new DataException("the file is empty");
    }

    private Opened Open() => Guarded(null, () => new Opened(Place));

    private void Return(Opened opened) => _idle.Add(opened);

    /// <summary>The reader meets damage with whatever its code runs into.</summary>
    private T Guarded<T>(string? name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is UnauthorizedAccessException or FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataException($"{Place}: cannot be read ({SystemReason.Of(error)})", error);
        }
        catch (Exception error) when (error is not (PixelDiTException or OutOfMemoryException or OperationCanceledException))
        {
            throw new FileFormatException(name is null
                ? $"{Place}: is no HDF5 file, or is damaged or cut short ({error.Message.TrimEnd('.')})"
                : $"{Place}: {Quote.Text(name)}, which {Path.GetFileName(_json)} names, is not in it, or the file is damaged or cut short", error);
        }
    }

    /// <summary>A file opened once, for one thread at a time.</summary>
    private sealed class Opened(string path)
    {
        private readonly NativeFile _file = H5File.OpenRead(path);
        private readonly Dictionary<string, IH5Group> _groups = new(StringComparer.Ordinal);

        public byte[] Read(string name)
        {
            int slash = name.LastIndexOf('/');
            string folder = slash < 0 ? "" : name[..slash];
            if (!_groups.TryGetValue(folder, out var group)) _groups[folder] = group = folder.Length == 0 ? _file : _file.Group(folder);
            var file = group.Dataset(name[(slash + 1)..]);
            long bytes = file.Type.Size;
            if (bytes > MostBytes) throw new DataException($"the file has {bytes} bytes; at most {MostBytes} are read");
            return file.Read<byte[]>();
        }
    }
}

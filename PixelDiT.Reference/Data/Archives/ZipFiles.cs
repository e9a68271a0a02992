using System.IO.Compression;
using System.Text;
using Microsoft.Win32.SafeHandles;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Data.Archives;

/// <summary>The pictures of a zip archive, stored or deflated. Only the archive's directory is held; a picture is read where it lies when it is asked for, by any number of threads.</summary>
internal sealed class ZipFiles : INamedFiles
{
    // Deflate cannot shrink by more than this.
    private const long MostDeflated = 1032, MostBytes = 1L << 30;

    private readonly SafeFileHandle _file;
    private readonly ZipEntries _entries;
    private readonly int[] _pictures;
    private readonly int _dataset = -1;
    private readonly DateTime _written;

    /// <summary>Reads the directory.</summary>
    /// <param name="path">The archive.</param>
    /// <exception cref="DataException">There is no such file, or it cannot be read.</exception>
    /// <exception cref="FileFormatException">It is no zip archive, is damaged or cut short, or holds a picture that is encrypted or compressed in an unknown way.</exception>
    public ZipFiles(string path)
    {
        Place = path;
        if (Directory.Exists(path)) throw new DataException($"{path}: is a folder; a zip archive was expected");
        if (!File.Exists(path)) throw new DataException($"{path}: there is no such file; a zip archive was expected");
        try
        {
            FileStart.RequireBytes(path);
            _file = File.OpenHandle(path, options: FileOptions.RandomAccess);
            _written = File.GetLastWriteTimeUtc(path);
            _entries = ZipEntries.Read(_file, path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _file?.Dispose();
            throw new DataException($"{path}: cannot be read ({SystemReason.Of(error)})", error);
        }
        var pictures = new List<int>();
        var counted = new LeftOutCount();
        for (int i = 0; i < _entries.Count; i++)
        {
            var bytes = _entries.NameOf(i);
            if (bytes.SequenceEqual("dataset.json"u8)) _dataset = i;
            if (bytes.EndsWith("/"u8) || bytes.SequenceEqual("dataset.json"u8) || bytes.StartsWith("__MACOSX/"u8) || bytes[(bytes.LastIndexOf((byte)'/') + 1)..].StartsWith("."u8)) continue;
            string name = Encoding.UTF8.GetString(bytes);
            if (FolderListing.IsPicture(name))
            {
                pictures.Add(i);
                continue;
            }
            var (one, many) = FolderListing.Ending(name);
            counted.Add(1, one, many, "no picture");
        }
        foreach (int i in _dataset >= 0 ? [_dataset, .. pictures] : pictures)
        {
            if (_entries[i].Problem is { } problem) throw new FileFormatException($"{NameIn(i)}: {problem}; pack the archive again, stored (zip -0) or deflated and without a password");
        }
        _pictures = [.. pictures];
        Remarks = counted.Describe() is { } left ? [left] : [];
    }

    /// <inheritdoc/>
    public string Kind => "zip";

    /// <inheritdoc/>
    public string Place { get; }

    /// <inheritdoc/>
    public int Count => _pictures.Length;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> LeftOut => [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks { get; }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> NameOf(int index) => _entries.NameOf(_pictures[index]);

    /// <inheritdoc/>
    public string PathOf(int index) => NameIn(_pictures[index]);

    /// <inheritdoc/>
    public byte[] Read(int index) => ReadEntry(_pictures[index]);

    /// <inheritdoc/>
    public bool MayChange(int index) => false;

    /// <inheritdoc/>
    public byte[]? ReadDataset()
    {
        if (_dataset < 0) return null;
        try
        {
            return ReadEntry(_dataset);
        }
        catch (DataException error)
        {
            throw new FileFormatException($"{NameIn(_dataset)}: {error.Message}", error);
        }
    }

    /// <inheritdoc/>
    public void AddContent(ListingHash hash, int index)
    {
        var entry = _entries[_pictures[index]];
        hash.Add(entry.Size).Add(entry.Crc);
    }

    /// <inheritdoc/>
    public void AddState(ListingHash hash) => hash.Add(RandomAccess.GetLength(_file)).Add(_written.Ticks);

    private string NameIn(int entry) => $"{Place}:{Encoding.UTF8.GetString(_entries.NameOf(entry))}";

    private byte[] ReadEntry(int i)
    {
        var entry = _entries[i];
        if (entry.Size == 0) throw new DataException("the file is empty");
        if (entry.Size > MostBytes) throw new DataException($"the file has {entry.Size} bytes; at most {MostBytes} are read");
        if (entry.Packed > entry.Size + (entry.Size / 1000) + 1024 || entry.Size > entry.Packed * MostDeflated) throw new DataException($"is damaged: {entry.Packed} bytes in the archive cannot be {entry.Size} bytes of a file");
        try
        {
            byte[] packed = _entries.ReadPacked(_file, i);
            byte[] content = entry.IsDeflated ? Inflate(packed, (int)entry.Size) : packed;
            return Crc32.Append(0, content) == entry.Crc ? content : throw new DataException("is damaged: its check sum is not the one that the archive says");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"cannot be read ({SystemReason.Of(error)})", error);
        }
    }

    private static byte[] Inflate(byte[] packed, int size)
    {
        var content = new byte[size];
        try
        {
            using var stream = new DeflateStream(new MemoryStream(packed), CompressionMode.Decompress);
            int got = stream.ReadAtLeast(content, size, throwOnEndOfStream: false);
            if (got < size || stream.ReadByte() >= 0) throw new DataException($"is damaged: it does not unpack to the {size} bytes that the archive says");
            return content;
        }
        catch (InvalidDataException error)
        {
            throw new DataException("is damaged: it cannot be unpacked", error);
        }
    }
}

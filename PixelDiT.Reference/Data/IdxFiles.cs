using System.Buffers.Binary;
using System.IO.Compression;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data;

/// <summary>
/// The idx files of MNIST and Fashion-MNIST: big-endian, a magic number (0x00000803 for images, 0x00000801 for labels), the number of items, for
/// images the rows and columns, then the bytes. Files may be gzipped. The held-out part is the "t10k" pair.
/// </summary>
internal static class IdxFiles
{
    private const int ImageMagic = 0x803, LabelMagic = 0x801;

    // Deflate cannot shrink by more than this, so a header that promises more is wrong before anything is allocated.
    private const long MostDeflated = 1032;

    /// <summary>Reads both files of a part; the name is what the user called the source.</summary>
    /// <exception cref="DataException">A file is missing, or is not what its format says it is.</exception>
    public static IImageSource Open(string folder, ImageSize size, int channels, ImagePart part, string name, ResizeRule? resize = null)
    {
        string stem = part == ImagePart.Training ? "train" : "t10k";
        string imagePath = Find(folder, $"{stem}-images", 3), labelPath = Find(folder, $"{stem}-labels", 1);
        var (imageSizes, pixels) = Read(imagePath, ImageMagic, ["number of images", "rows", "columns"]);
        var (labelSizes, labels) = Read(labelPath, LabelMagic, ["number of labels"]);

        var (rows, columns) = (imageSizes[1], imageSizes[2]);
        if (rows != columns) throw new DataException($"{imagePath}: images are {rows} rows × {columns} columns; they must be square");
        if (labelSizes[0] != imageSizes[0]) throw new DataException($"{labelPath}: number of labels is {labelSizes[0]}; {imagePath} has {imageSizes[0]} images");

        // MNIST and Fashion-MNIST have ten classes, even where a cut-down file shows fewer.
        int classes = Math.Max(10, labels.Max() + 1);
        string[] names = [.. Enumerable.Range(0, classes).Select(label => $"{label}")];
        return new StoredImages(name, names, pixels, labels, 1, rows, size, channels, resize);
    }

    private static string Find(string folder, string stem, int dimensions)
    {
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder; one with idx files was expected");
        string[] names = [.. from dot in new[] { "-", "." } from end in new[] { "", ".gz" } select $"{stem}{dot}idx{dimensions}-ubyte{end}"];
        return names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new DataException($"{folder}: no {stem} file; one of {string.Join(", ", names)} was expected");
    }

    private static (int[] Sizes, byte[] Items) Read(string path, int magic, string[] fields)
    {
        try
        {
            FileStart.RequireBytes(path);
            using var file = File.OpenRead(path);
            bool gzip = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            using Stream stream = gzip ? new GZipStream(file, CompressionMode.Decompress) : file;

            var header = new byte[4 * (fields.Length + 1)];
            int got = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
            int Word(int i) => BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4 * i));
            if (got >= 4 && Word(0) != magic) throw new DataException($"{path}: magic number is 0x{Word(0):X8}; 0x{magic:X8} was expected");
            if (got < header.Length) throw new DataException($"{path}: the header has {got} bytes; {header.Length} were expected");

            int[] sizes = [.. Enumerable.Range(1, fields.Length).Select(Word)];
            double total = 1;
            foreach (var (size, field) in sizes.Zip(fields))
            {
                if (size < 1) throw new DataException($"{path}: {field} is {size}; at least 1 was expected");
                total *= size;
            }
            if (total > Array.MaxLength) throw new DataException($"{path}: {string.Join(" · ", fields)} is {total:0} bytes; at most {Array.MaxLength} can be held");
            long most = gzip ? file.Length * MostDeflated : file.Length - header.Length;
            if (total > most) throw new DataException($"{path}: the file is cut short: {(gzip ? "at most " : "")}{most} bytes after the header; {string.Join(" · ", fields)} = {total:0} were expected");

            var items = new byte[(int)total];
            got = stream.ReadAtLeast(items, items.Length, throwOnEndOfStream: false);
            if (got < items.Length) throw new DataException($"{path}: the file is cut short: {got} bytes after the header; {string.Join(" · ", fields)} = {items.Length} were expected");
            if (stream.ReadByte() >= 0) throw new DataException($"{path}: bytes follow the last item; {string.Join(" · ", fields)} = {items.Length} after the header were expected");
            return (sizes, items);
        }
        catch (InvalidDataException error)
        {
            throw new DataException($"{path}: is a gzip file that is damaged: its content cannot be unpacked; an idx file packed by gzip was expected; download it again", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read ({SystemReason.Of(error)})", error);
        }
    }
}

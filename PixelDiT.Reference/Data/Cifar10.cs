using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data;

/// <summary>
/// The binary version of CIFAR-10: records of one label byte and 3 · 32 · 32 pixels, red plane first. Training reads data_batch_1.bin to
/// data_batch_5.bin, held-out images are those of test_batch.bin. Names come from batches.meta.txt, or are built in.
/// </summary>
internal static class Cifar10
{
    private const int Side = 32, PixelsInRecord = 3 * Side * Side, RecordBytes = 1 + PixelsInRecord;

    private static readonly string[] s_names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>Reads the files of a part; the name is what the user called the source.</summary>
    /// <exception cref="DataException">A file is missing, or is not what its format says it is.</exception>
    public static IImageSource Open(string folder, ImageSize size, int channels, ImagePart part, string name, ResizeRule? resize = null)
    {
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder; one with CIFAR-10 .bin files was expected");
        string[] files = part == ImagePart.Training ? [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")] : ["test_batch.bin"];
        var batches = files.Select(file => ReadRecords(Path.Combine(folder, file))).ToArray();
        string[] names = ReadNames(Path.Combine(folder, "batches.meta.txt"));

        int count = batches.Sum(batch => batch.Length / RecordBytes), at = 0;
        var (pixels, labels) = (new byte[checked(count * PixelsInRecord)], new byte[count]);
        foreach (var (batch, file) in batches.Zip(files))
        {
            for (int record = 0; record < batch.Length / RecordBytes; record++, at++)
            {
                labels[at] = batch[record * RecordBytes];
                if (labels[at] >= names.Length) throw new DataException($"{Path.Combine(folder, file)}: the label of record {record} is {labels[at]}; 0 to {names.Length - 1} was expected");
                batch.AsSpan(record * RecordBytes + 1, PixelsInRecord).CopyTo(pixels.AsSpan(at * PixelsInRecord));
            }
        }
        return new StoredImages(name, names, pixels, labels, 3, Side, size, channels, resize);
    }

    private static byte[] ReadRecords(string path)
    {
        if (!File.Exists(path)) throw new DataException($"{path}: there is no such file; it is part of the binary version of CIFAR-10");
        var bytes = Guarded(path, file =>
        {
            FileStart.RequireBytes(file);
            return File.ReadAllBytes(file);
        });
        if (bytes.Length == 0 || bytes.Length % RecordBytes != 0)
        {
            throw new DataException($"{path}: the file has {bytes.Length} bytes; a multiple of {RecordBytes} (a label and 3 · 32 · 32 pixels) was expected");
        }
        return bytes;
    }

    private static string[] ReadNames(string path)
    {
        if (!File.Exists(path)) return s_names;
        string[] names = [.. Guarded(path, File.ReadAllLines).Select(line => line.Trim()).Where(line => line.Length > 0)];
        return names.Length == s_names.Length ? names : throw new DataException($"{path}: {names.Length} names; {s_names.Length} were expected");
    }

    private static T Guarded<T>(string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read ({SystemReason.Of(error)})", error);
        }
    }
}

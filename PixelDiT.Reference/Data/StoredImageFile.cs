using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Data;

/// <summary>What is known of a file that was decoded.</summary>
/// <param name="Reason">Why it cannot be trained on; null if it can.</param>
/// <param name="Width">The picture's W, in pixels.</param>
/// <param name="Height">The picture's H, in pixels.</param>
/// <param name="IsTurned">Whether it was put upright.</param>
/// <param name="Crc">The check sum of its pixels.</param>
internal readonly record struct ImageRecord(string? Reason, int Width, int Height, bool IsTurned, uint Crc)
{
    /// <summary>Whether the file system, and not the content, is the reason; it may be another the next time.</summary>
    public bool IsUnread { get; init; }
}

/// <summary>
/// A file of the cache: the pixels of every image one after the other, with room for those that could not be decoded; then a record for each; then 56 bytes:
/// the number of images, the bytes of each, the bytes of the records, the SHA-256 of the records and those three numbers, each of 8 bytes.
/// </summary>
internal sealed class StoredImageFile
{
    private const int Numbers = 24, FooterBytes = Numbers + 32;

    // A record without its reason takes 18 bytes.
    private const int ReadAtOnce = 1 << 20, LongestReason = 4096, MostRecordBytes = 64 + LongestReason;

    private readonly SafeFileHandle _file;
    private readonly int _imageBytes;

    private StoredImageFile(SafeFileHandle file, int imageBytes, ImageRecord[] records) => (_file, _imageBytes, Records) = (file, imageBytes, records);

    /// <summary>What is known of each image.</summary>
    public ImageRecord[] Records { get; }

    /// <summary>Opens a file, or does not: one that is missing, damaged or of other images is as good as none.</summary>
    public static StoredImageFile? TryOpen(string path, int count, int imageBytes)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            if (ReadRecords(file, count, imageBytes) is { } records)
            {
                var opened = new StoredImageFile(file, imageBytes, records);
                file = null;
                return opened;
            }
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            // As good as none.
        }
        finally
        {
            file?.Dispose();
        }
        return null;
    }

    /// <summary>Writes the records behind the pixels.</summary>
    public static void WriteRecords(Stream stream, ImageRecord[] records, int imageBytes)
    {
        var memory = new MemoryStream();
        using var writer = new BinaryWriter(memory);
        foreach (var record in records)
        {
            writer.Write(record.Reason is not null);
            writer.Write(record.Reason is { Length: > LongestReason } reason ? reason[..LongestReason] : record.Reason ?? "");
            writer.Write(record.Width);
            writer.Write(record.Height);
            writer.Write(record.IsTurned);
            writer.Write(record.Crc);
        }
        long bytes = memory.Length;
        writer.Write((long)records.Length);
        writer.Write((long)imageBytes);
        writer.Write(bytes);
        writer.Write(SHA256.HashData(memory.GetBuffer().AsSpan(0, (int)memory.Length)));
        memory.WriteTo(stream);
    }

    /// <summary>Reads the pixels of every readable image, many at a call of the system.</summary>
    /// <param name="keep">Is given each.</param>
    /// <returns>Whether all are what was written.</returns>
    public bool TryReadAll(Action<int, byte[]> keep)
    {
        int atOnce = Math.Max(1, ReadAtOnce / _imageBytes);
        var buffer = new byte[atOnce * _imageBytes];
        for (int first = 0; first < Records.Length; first += atOnce)
        {
            var pixels = buffer.AsSpan(0, Math.Min(atOnce, Records.Length - first) * _imageBytes);
            if (!TryFill(pixels, (long)first * _imageBytes)) return false;
            for (int at = 0; at < pixels.Length; at += _imageBytes)
            {
                int index = first + (at / _imageBytes);
                if (Records[index].Reason is not null) continue;
                byte[] image = pixels.Slice(at, _imageBytes).ToArray();
                if (Crc32.Append(0, image) != Records[index].Crc) return false;
                keep(index, image);
            }
        }
        return true;
    }

    /// <summary>Reads the pixels of an image; false if they are not what was written.</summary>
    public bool TryRead(int index, Span<byte> pixels) => TryFill(pixels, (long)index * _imageBytes) && Crc32.Append(0, pixels) == Records[index].Crc;

    private bool TryFill(Span<byte> bytes, long start)
    {
        try
        {
            for (int done = 0; done < bytes.Length;)
            {
                int count = RandomAccess.Read(_file, bytes[done..], start + done);
                if (count == 0) return false;
                done += count;
            }
            return true;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            return false;
        }
    }

    private static ImageRecord[]? ReadRecords(SafeFileHandle file, int count, int imageBytes)
    {
        long length = RandomAccess.GetLength(file), pixels = (long)count * imageBytes, rest = length - pixels;
        if (rest < FooterBytes || rest > FooterBytes + ((long)count * MostRecordBytes)) return null;
        var bytes = new byte[rest];
        for (int done = 0; done < rest;)
        {
            int got = RandomAccess.Read(file, bytes.AsSpan(done), pixels + done);
            if (got == 0) return null;
            done += got;
        }
        var footer = bytes.AsSpan((int)rest - FooterBytes);
        long Number(int i) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan((int)rest - FooterBytes + (8 * i)));
        if (Number(0) != count || Number(1) != imageBytes || Number(2) != rest - FooterBytes) return null;
        if (!SHA256.HashData(bytes.AsSpan(0, (int)rest - 32)).AsSpan().SequenceEqual(footer[Numbers..])) return null;

        using var reader = new BinaryReader(new MemoryStream(bytes));
        var records = new ImageRecord[count];
        for (int i = 0; i < count; i++)
        {
            bool hasReason = reader.ReadBoolean();
            string reason = reader.ReadString();
            records[i] = new ImageRecord(hasReason ? reason : null, reader.ReadInt32(), reader.ReadInt32(), reader.ReadBoolean(), reader.ReadUInt32());
        }
        return records;
    }
}

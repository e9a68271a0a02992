using System.Buffers.Binary;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Torch;

namespace PixelDiT.Reference.Formats;

/// <summary>Opens files of weights by what they hold; names and extensions say nothing.</summary>
public static class WeightFile
{
    private const int Probe = 32;

    /// <summary>Opens a safetensors file, or what torch.save writes: the zip format, or the format before torch 1.6.</summary>
    /// <exception cref="FileFormatException">The file cannot be opened, is of none of these formats, or breaks a rule of its own.</exception>
    public static IWeightFile Open(string path) => Open(AtomicFile.OpenRead(path), path);

    /// <summary>As <see cref="Open(string)"/>, from a stream that holds a file from its beginning to its end.</summary>
    /// <param name="seekable">The stream; it belongs to the reader from here on, and is closed also if it cannot be opened.</param>
    /// <param name="source">How messages call the file.</param>
    /// <exception cref="FileFormatException">The stream cannot seek or be read, is of no known format, or breaks a rule of its own.</exception>
    public static IWeightFile Open(Stream seekable, string source)
    {
        try
        {
            if (!seekable.CanSeek) throw new FileFormatException($"{source}: cannot be read: it is a pipe or terminal; a file was expected");
            byte[] start = new byte[Math.Min(Probe, seekable.Length)];
            seekable.Position = 0;
            seekable.ReadExactly(start);
            // First, because a header of 128 bytes begins as a pickle does.
            if (IsSafetensors(start)) return SafetensorsReader.Open(seekable, source);
            if (ZipDirectory.Recognises(start)) return new TorchZipReader(seekable, source);
            if (TorchLegacyReader.Recognises(start)) return new TorchLegacyReader(seekable, source);
            if (start is [0x80, ..]) throw new FileFormatException($"{source}: is a pickle, but not one that torch.save writes; safetensors or a PyTorch file was expected");
            if (start is [0x1F, 0x8B, ..]) throw new FileFormatException($"{source}: is compressed with gzip; unpack it first");
            return SafetensorsReader.Open(seekable, source);
        }
        catch (Exception error)
        {
            seekable.Dispose();
            if (AtomicFile.IsFileSystemError(error)) throw new FileFormatException($"{source}: cannot be read: {error.Message}", error);
            throw;
        }
    }

    private static bool IsSafetensors(ReadOnlySpan<byte> start)
        => start.Length > sizeof(ulong) && start[sizeof(ulong)] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) <= SafetensorsHeader.MaximumBytes;
}

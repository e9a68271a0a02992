using System.Buffers.Binary;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Foreign;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Shards;
using PixelDiT.Reference.Formats.Torch;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats;

/// <summary>Opens files of weights by what they hold; names and extensions say nothing.</summary>
public static class WeightFile
{
    /// <summary>
    /// Opens a safetensors file, what torch.save writes (the zip format, or the format before torch 1.6), or an index of several such files (<c>*.index.json</c>), which are then read
    /// as one; a folder stands for the model in it (<see cref="Resolve"/>).
    /// </summary>
    /// <exception cref="FileFormatException">The file cannot be opened, is of none of these formats (the message says what it is instead), or breaks a rule of its own.</exception>
    public static IWeightFile Open(string path)
    {
        string file = Resolve(path);
        var opened = Named(file, () => Open(AtomicFile.OpenRead(file), file, index => new ShardedFile(index, file, OpenShard)));
        return file != path && WeightFolder.Others(path, opened.Files) is { Count: > 0 } others ? new FileOfFolder(opened, others) : opened;
    }

    /// <summary>As <see cref="Open(string)"/>, from a stream that holds a file from its beginning to its end; an index is refused, because a stream lies in no folder.</summary>
    /// <param name="seekable">The stream; it belongs to the reader from here on, and is closed also if it cannot be opened.</param>
    /// <param name="source">How messages call the file.</param>
    /// <exception cref="FileFormatException">The stream cannot seek or be read, is of no known format, or breaks a rule of its own.</exception>
    public static IWeightFile Open(Stream seekable, string source) => Open(seekable, source, null);

    /// <summary>The file that a path stands for: itself, or, of a folder, <c>model.safetensors</c>, else its one <c>*.index.json</c>, else its one file of weights.</summary>
    /// <exception cref="FileFormatException">A folder holds no file of weights, several, or a checkpoint of another kind; the message says which.</exception>
    public static string Resolve(string path) => WeightFolder.Resolve(path);

    // An index names files of tensors, not further indices.
    private static IWeightFile OpenShard(string path) => Named(path, () => Open(AtomicFile.OpenRead(path), path, null));

    private static IWeightFile Open(Stream seekable, string source, Func<ShardIndex, IWeightFile>? gather)
    {
        bool isKept = false;
        try
        {
            if (!seekable.CanSeek) throw new FileFormatException($"{source}: cannot be read: it is a pipe or terminal; a file was expected");
            byte[] start = ForeignFile.Start(seekable);
            if (gather is not null && ShardIndex.Recognises(start, source)) return gather(ShardIndex.Read(seekable, source));
            var file = OpenTensors(seekable, start, source);
            isKept = true;
            return file;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{source}: cannot be read: {SystemReason.Of(error)}", error);
        }
        finally
        {
            if (!isKept) seekable.Dispose();
        }
    }

    private static IWeightFile OpenTensors(Stream seekable, byte[] start, string source)
    {
        // First, because a header of 128 bytes begins as a pickle does. What can be a header's length makes the rest a header, and its reader says where it is damaged.
        if (MayBeHeader(start)) return SafetensorsReader.Open(seekable, source);
        if (!ForeignFile.IsDistributed(source))
        {
            if (ZipDirectory.Recognises(start)) return new TorchZipReader(seekable, source);
            if (TorchMagic.Recognises(start)) return new TorchLegacyReader(seekable, source);
        }
        throw ForeignFile.Identify(seekable, source)?.Refusal(source)
            ?? new FileFormatException($"{source}: is neither safetensors nor a PyTorch file, and of no other kind that is known here; its first bytes are {ForeignFile.FirstBytes(start)}");
    }

    private static bool MayBeHeader(ReadOnlySpan<byte> start)
    {
        if (start.Length <= sizeof(ulong) || BinaryPrimitives.ReadUInt64LittleEndian(start) is 0 or > SafetensorsHeader.MaximumBytes) return false;
        // Of all signatures, gzip's alone, without a time, spells a length that a header could have; so does a short name at the beginning of an archive.
        return start[sizeof(ulong)] == '{' || !(start is [0x1F, 0x8B, 8, ..] || ForeignFile.IsTar(start));
    }

    /// <summary>Opens a file and adds to an error what the file's name says.</summary>
    private static IWeightFile Named(string path, Func<IWeightFile> open)
    {
        try
        {
            return open();
        }
        catch (FileFormatException error) when ((File.Exists(path) ? UnfinishedDownload.Remark(path) : UnfinishedDownload.Beside(path)) is { } remark)
        {
            throw new FileFormatException($"{error.Message}; {remark}", error);
        }
    }
}

using System.Security.Cryptography;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Data.Listing;

/// <summary>
/// A listing of many files that is kept, so that a second start need not ask the file system for each of them. It is believed when its check sum is right, every folder in it has the time it had, which changes whenever a file
/// comes, goes or gets another name, and of files drawn anew at every start length and time are what they were. A file that is written again in its place is noticed only when it is drawn.
/// </summary>
internal sealed partial class FolderListing
{
    /// <summary>How the files of kept listings end.</summary>
    public const string IndexEnding = ".list";

    private const string IndexFormat = "pixeldit listing 1";
    private const int Drawn = 4096, HashBytes = 32;
    private const long MostIndexBytes = 1L << 30;

    // A folder that changes again within the grain of its file system's clock keeps its time.
    private static readonly TimeSpan s_settled = TimeSpan.FromSeconds(2);

    private static string IndexPath(string indexFolder, string folder, string kind)
    {
        using var hash = new ListingHash();
        return Path.Combine(indexFolder, hash.Add(IndexFormat).Add(Path.GetFullPath(folder)).Add(kind).ToHex() + IndexEnding);
    }

    private void WriteIndex(string path, DateTime began)
    {
        if (_folders.Any(folder => folder.Written > (began - s_settled).Ticks)) return;
        try
        {
            AtomicFile.MakeFolder(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, stream =>
            {
                using var sha = SHA256.Create();
                using (var through = new CryptoStream(stream, sha, CryptoStreamMode.Write, leaveOpen: true))
                using (var writer = new BinaryWriter(new BufferedStream(through, 1 << 16), Encoding.UTF8)) WriteTo(writer);
                stream.Write(sha.Hash!);
            });
            CacheFolder.Trim(Path.GetDirectoryName(path)!, IndexEnding, path, MostIndexBytes);
        }
        catch (FileFormatException)
        {
            // The next start lists the folder again.
        }
    }

    private void WriteTo(BinaryWriter writer)
    {
        writer.Write(IndexFormat);
        writer.Write(_files.IsInClasses);
        writer.Write(_folders.Count);
        foreach (var (name, written) in _folders)
        {
            writer.Write(name);
            writer.Write(written);
        }
        writer.Write(_classNames.Count);
        foreach (string name in _classNames) writer.Write(name);
        writer.Write(_leftOut.Count);
        foreach (var left in _leftOut)
        {
            writer.Write(left.Path);
            writer.Write(left.Reason);
        }
        var counted = _counted.All.ToArray();
        writer.Write(counted.Length);
        foreach (var (one, many, why, count) in counted)
        {
            writer.Write(one);
            writer.Write(many);
            writer.Write(why);
            writer.Write(count);
        }
        _files.WriteTo(writer);
    }

    /// <summary>What was kept, where it is still true.</summary>
    private static FolderListing? TryReadIndex(string path, string folder)
    {
        try
        {
            if (!File.Exists(path) || new FileInfo(path).Length is < HashBytes or > MostIndexBytes) return null;
            byte[] bytes = File.ReadAllBytes(path);
            int end = bytes.Length - HashBytes;
            if (!SHA256.HashData(bytes.AsSpan(0, end)).AsSpan().SequenceEqual(bytes.AsSpan(end))) return null;
            using var reader = new BinaryReader(new MemoryStream(bytes, 0, end), Encoding.UTF8);
            if (reader.ReadString() != IndexFormat) return null;
            var listing = new FolderListing(folder, reader.ReadBoolean());
            for (int count = reader.ReadInt32(); count > 0; count--) listing._folders.Add((reader.ReadString(), reader.ReadInt64()));
            for (int count = reader.ReadInt32(); count > 0; count--) listing._classNames.Add(reader.ReadString());
            for (int count = reader.ReadInt32(); count > 0; count--) listing._leftOut.Add(new SkippedImage(reader.ReadString(), reader.ReadString()));
            for (int count = reader.ReadInt32(); count > 0; count--)
            {
                var (one, many, why) = (reader.ReadString(), reader.ReadString(), reader.ReadString());
                listing._counted.Add(reader.ReadInt64(), one, many, why);
            }
            listing._files.ReadFrom(reader);
            if (!listing.IsUnchanged()) return null;
            CacheFolder.Touch(path);
            return listing;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error) || error is EndOfStreamException)
        {
            return null;
        }
    }

    private bool IsUnchanged()
    {
        foreach (var (name, written) in _folders)
        {
            var folder = new DirectoryInfo(name.Length == 0 ? _folder : Path.Combine(_folder, name));
            // A link that has taken the place of a class folder has a time of its own.
            if (!folder.Exists || folder.LastWriteTimeUtc.Ticks != written || (name.Length > 0 && folder.Attributes.HasFlag(FileAttributes.ReparsePoint))) return false;
        }
        int draws = Math.Min(Count, Drawn), start = Random.Shared.Next(Count);
        for (int i = 0; i < draws; i++)
        {
            int index = (int)((start + ((long)i * Count / draws)) % Count);
            var file = FileStart.Target(new FileInfo(PathOf(index)));
            if (!file.Exists || file.Length != _files.LengthOf(index) || file.LastWriteTimeUtc.Ticks != _files.WrittenOf(index)) return false;
        }
        return true;
    }
}

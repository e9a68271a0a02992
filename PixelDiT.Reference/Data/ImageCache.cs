using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Data;

/// <summary>
/// Keeps the decoded images of folders and archives, so that a second start need not decode them again. A file holds those of one of them at one resolution; its name is a hash of
/// where it lies, of the names, sizes and times of its files, of the rules of decoding and of what is done to a picture. Nothing in it is trusted that its check sums do not confirm.
/// </summary>
public static class ImageCache
{
    /// <summary>The most bytes that all files of the cache take: 8 GiB. The oldest go first.</summary>
    public const long MostBytes = 8L << 30;

    private const string Ending = ".bin";

    /// <summary>The user's own. Null where there is no such place.</summary>
    public static string? UserFolder() => CacheFolder.OfUser("images");

    /// <summary>The file for the images of a folder or an archive.</summary>
    internal static string FileOf(string cacheFolder, IPictureFiles files, ImageSize size, int channels, Preparation preparation)
    {
        using var hash = new ListingHash();
        hash.Add(Path.GetFullPath(files.Place)).Add(ImageDecoder.Rules).Add(size.Height).Add(channels).Add(files.Count);
        if (!size.IsSquare) hash.Add(size.Width);
        preparation.AddTo(hash);
        files.AddState(hash);
        return Path.Combine(cacheFolder, hash.ToHex() + Ending);
    }

    /// <summary>Decodes images and keeps them in a file as they come. Where the file cannot be written they are decoded all the same.</summary>
    /// <param name="path">The file to make.</param>
    /// <param name="count">Images.</param>
    /// <param name="imageBytes">Bytes of each; 0 if they are not to be kept, but what is known of each.</param>
    /// <param name="decode">Decodes all of them, giving the pixels of each to its argument, from any thread; returns what is to be known of each.</param>
    /// <param name="failure">Why the file could not be written, or null.</param>
    internal static ImageRecord[] Fill(string path, int count, int imageBytes, Func<Action<int, byte[]>, ImageRecord[]> decode, out string? failure)
    {
        ImageRecord[]? records = null;
        try
        {
            AtomicFile.MakeFolder(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, stream =>
            {
                var gate = new Lock();
                IOException? full = null;
                records = decode((index, pixels) =>
                {
                    lock (gate)
                    {
                        if (full is not null) return;
                        try
                        {
                            stream.Position = (long)index * imageBytes;
                            stream.Write(pixels);
                        }
                        catch (IOException error)
                        {
                            full = error;
                        }
                    }
                });
                if (full is not null) throw full;
                if (records.Count(record => record.IsUnread) is > 0 and var unread) throw new FileFormatException($"{unread} of the files could not be read, which may change");
                stream.Position = (long)count * imageBytes;
                StoredImageFile.WriteRecords(stream, records, imageBytes);
            });
            failure = null;
            Trim(Path.GetDirectoryName(path)!, path);
        }
        catch (FileFormatException error)
        {
            failure = SystemReason.Of(error);
        }
        return records ?? decode((_, _) => { });
    }

    /// <summary>Notes that a file was used.</summary>
    internal static void Touch(string path) => CacheFolder.Touch(path);

    /// <inheritdoc cref="CacheFolder.Trim" path="/summary"/>
    /// <param name="folder">The cache.</param>
    /// <param name="keep">A file that stays.</param>
    /// <param name="most">The bytes.</param>
    internal static void Trim(string folder, string keep, long most = MostBytes) => CacheFolder.Trim(folder, Ending, keep, most);

    /// <summary>Why images of this many bytes are not kept; null if they are.</summary>
    internal static string? TooLarge(long bytes, long most) => bytes <= most
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"they take {bytes / (double)(1 << 30):F1} GiB, and the cache holds {most / (double)(1 << 30):0.#} GiB");
}

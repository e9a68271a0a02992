using System.Collections.Concurrent;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data;

/// <summary>
/// PNG and JPEG files, a subfolder a class. Classes, and files in a class, are in ordinal order of their names; names that begin with a dot are left
/// alone. Every file is decoded once when the source opens, so that what is skipped is known before training and does not depend on the order of
/// reading; what was decoded is kept while all of it fits into <see cref="MostKept"/>, and decoded again at every read otherwise.
/// </summary>
internal sealed class ImageFolder : IImageSource
{
    /// <summary>The memory that decoded images may take, in bytes: 2 GiB, ten thousand colour images at 256², 170 thousand at 64².</summary>
    public const long MostKept = 1L << 31;

    private static readonly string[] Endings = [".png", ".jpg", ".jpeg"];

    private readonly (string Path, int Label)[] files;
    private readonly byte[]?[] kept;

    /// <summary>Finds and decodes the images below a folder.</summary>
    /// <param name="folder">The folder that holds a subfolder for each class.</param>
    /// <param name="resolution">The side of an image, in pixels.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="mostKept">The memory that decoded images may take, in bytes.</param>
    /// <exception cref="DataException">There is no such folder, it has no subfolder, or no image in it is readable.</exception>
    public ImageFolder(string folder, int resolution, int channels, long mostKept = MostKept)
    {
        (Name, Channels, Height, Width) = ($"folder:{folder}", channels, resolution, resolution);
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder; one with a subfolder for each class was expected");
        try
        {
            string[] classes = Sorted(Directory.GetDirectories(folder));
            if (classes.Length == 0) throw new DataException($"{folder}: no subfolders; one for each class was expected, with PNG or JPEG files in it");
            ClassNames = [.. classes.Select(path => Path.GetFileName(path))];
            files = [.. classes.SelectMany((path, label) => Sorted(Directory.GetFiles(path)).Where(IsImage).Select(file => (file, label)))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{folder}: cannot be listed ({error.Message})", error);
        }
        if (files.Length == 0) throw new DataException($"{folder}: no files that end in {string.Join(", ", Endings)} in its {ClassNames.Count} subfolders");

        bool keep = (long)files.Length * channels * resolution * resolution <= mostKept;
        (kept, var skipped) = DecodeAll(keep);
        var empty = ClassNames.Index().ExceptBy(files.Select(file => file.Label), named => named.Index);
        Skipped = [.. skipped, .. empty.Select(named => new SkippedImage(Path.Combine(folder, named.Item), "the class has no PNG or JPEG file"))];
        int[] readable = [.. Enumerable.Range(0, files.Length).ExceptBy(Skipped.Select(skipped => skipped.Path), i => files[i].Path)];
        if (readable.Length == 0) throw new DataException($"{folder}: none of {files.Length} images is readable; the first, {Skipped[0].Path}: {Skipped[0].Reason}");
        kept = [.. readable.Select(i => kept[i])];
        files = [.. readable.Select(i => files[i])];
    }

    public string Name { get; }

    public int Classes => ClassNames.Count;

    public IReadOnlyList<string> ClassNames { get; }

    public long Count => files.Length;

    public int Channels { get; }

    public int Height { get; }

    public int Width { get; }

    public IReadOnlyList<SkippedImage> Skipped { get; }

    public int Read(long index, Span<float> image)
    {
        this.CheckRead(index, image);
        var (path, label) = files[index];
        try
        {
            PixelScale.ToValues(kept[index] ?? ImageDecoder.Read(path, Height, Channels), image);
        }
        catch (DataException error)
        {
            throw new DataException($"{path}: was readable when {Name} was opened and now {error.Message}", error);
        }
        return label;
    }

    private (byte[]?[] Kept, IReadOnlyList<SkippedImage> Skipped) DecodeAll(bool keep)
    {
        var decoded = new byte[]?[files.Length];
        var failed = new ConcurrentBag<int>();
        Parallel.For(0, files.Length, i =>
        {
            try
            {
                byte[] image = ImageDecoder.Read(files[i].Path, Height, Channels);
                if (keep) decoded[i] = image;
            }
            catch (DataException)
            {
                failed.Add(i);
            }
        });

        // The decoder keeps the reason of its last failure in a static field; asked again one by one, each file gets its own reason.
        var skipped = new List<SkippedImage>();
        foreach (int i in failed.Order())
        {
            try
            {
                byte[] image = ImageDecoder.Read(files[i].Path, Height, Channels);
                if (keep) decoded[i] = image;
            }
            catch (DataException error)
            {
                skipped.Add(new SkippedImage(files[i].Path, error.Message));
            }
        }
        return (decoded, skipped);
    }

    private static bool IsImage(string path) => Endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    private static string[] Sorted(string[] paths) =>
        [.. paths.Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal)];
}

using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Training.Watching;

/// <summary>The sample grids of a run: the newest is samples.png, and those of its course are samples/STEP.png.</summary>
internal static class SampleGrids
{
    /// <summary>The folder of the others.</summary>
    public const string Folder = "samples";

    private const string Extension = ".png";

    /// <summary>A grid that was kept.</summary>
    /// <param name="Step">The steps behind it.</param>
    /// <param name="Path">Its file.</param>
    public sealed record Entry(long Step, string Path);

    /// <summary>Those of a run's folder, the earliest first. Files of other names are left aside.</summary>
    public static IReadOnlyList<Entry> Of(string run)
    {
        string folder = Path.Combine(run, Folder);
        if (!Directory.Exists(folder)) return [];
        return
        [
            .. Directory.GetFiles(folder, $"*{Extension}").Where(path => long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out _))
                .Select(path => new Entry(long.Parse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture), path)).OrderBy(entry => entry.Step)
        ];
    }

    /// <summary>Writes a grid as the newest, and among the others if it shall be kept.</summary>
    /// <returns>The bytes of the PNG, and the file that a person should look at.</returns>
    /// <exception cref="FileFormatException">A file cannot be written; what was there is untouched.</exception>
    internal static (byte[] Png, string Path) Write(string run, long step, Picture grid, bool keep, IReadOnlyList<PngText>? texts)
    {
        byte[] bytes = PngWriter.ToBytes(grid, texts);
        string newest = Path.Combine(run, RunFolder.SamplesFile), shown = newest;
        if (keep)
        {
            AtomicFile.MakeFolder(Path.Combine(run, Folder));
            shown = Path.Combine(run, Folder, step.ToString("00000000", CultureInfo.InvariantCulture) + Extension);
            AtomicFile.Write(shown, stream => stream.Write(bytes));
        }
        AtomicFile.Write(newest, stream => stream.Write(bytes));
        return (bytes, shown);
    }

    /// <summary>Deletes the grids after a step, and their folder where nothing else is in it.</summary>
    /// <exception cref="FileFormatException">One cannot be deleted.</exception>
    internal static void DeleteAfter(string run, long step)
    {
        string folder = Path.Combine(run, Folder);
        try
        {
            foreach (var entry in Of(run).Where(entry => entry.Step > step)) File.Delete(entry.Path);
            if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any()) Directory.Delete(folder);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{folder}: an earlier picture cannot be deleted: {SystemReason.Of(error)}", error);
        }
    }
}

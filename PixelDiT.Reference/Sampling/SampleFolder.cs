using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>The folder of a sampling run. <c>samples.json</c> says which run it holds; images of two runs never stand in one folder.</summary>
public sealed class SampleFolder
{
    /// <summary>The record of the run.</summary>
    public const string RecordName = "samples.json";

    private static readonly string[] s_names = [RecordName, SampleSheet.GridName, SampleSheet.FilmName, SampleSheet.AnimationName, ImageArchive.FileName, ImageArchive.PartName, ImageArchive.CountName];

    private readonly SamplePlan _plan;
    private readonly bool _clear;

    private SampleFolder(string path, SamplePlan plan, bool clear) => (Path, _plan, _clear) = (path, plan, clear);

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Whether the finished archive of this run is there.</summary>
    public bool HasArchive => !_clear && File.Exists(In(ImageArchive.FileName));

    /// <summary>Whether a sheet of this run is there.</summary>
    public bool HasSheet => File.Exists(In(SampleSheet.GridName));

    /// <summary>Whether an archive of this run has been begun.</summary>
    public bool HasPart => !_clear && File.Exists(In(ImageArchive.PartName));

    /// <summary>Checks that a path can be a folder of images, before any work is done for them.</summary>
    /// <exception cref="ConfigurationException">It is empty.</exception>
    /// <exception cref="FileFormatException">It is a file, or lies below one.</exception>
    public static void RequireUsable(string path)
    {
        if (path.Length == 0) throw new ConfigurationException("--out is ''; a folder was expected");
        for (string? at = System.IO.Path.GetFullPath(path); at is not null; at = System.IO.Path.GetDirectoryName(at))
        {
            if (File.Exists(at)) throw new FileFormatException($"{at}: is a file; a folder for the images was expected");
        }
    }

    /// <summary>Checks that a folder is free for a run, or holds that run. Nothing is changed before <see cref="Prepare"/>.</summary>
    /// <param name="path">The folder, which need not be there.</param>
    /// <param name="plan">The run.</param>
    /// <param name="overwrite">Whether another run in it is to be replaced.</param>
    /// <exception cref="ConfigurationException">It holds another run; the message names the first setting that differs.</exception>
    /// <exception cref="FileFormatException">It is a file, or its record is damaged.</exception>
    public static SampleFolder Open(string path, SamplePlan plan, bool overwrite)
    {
        RequireUsable(path);
        var folder = new SampleFolder(path, plan, overwrite);
        if (overwrite) return folder;
        string record = folder.In(RecordName);
        if (File.Exists(record)) SampleRecord.RequireSame(record, plan);
        else if ((s_names.FirstOrDefault(name => File.Exists(folder.In(name))) ?? folder.FirstImage()) is { } found)
            throw new ConfigurationException($"{path}: holds {found} without the {RecordName} of its run; --overwrite replaces it, another --out leaves it alone");
        return folder;
    }

    /// <summary>Whether a run in the folder may write a file of a name, or delete it with the run that it replaces.</summary>
    internal bool Owns(string fileName) => IsOwn(SampleRecord.PromptsOf(In(RecordName)))(fileName) || _plan.IsOwnFile()(fileName);

    /// <summary>Makes the folder, where it is not there, and keeps other processes out of it until the lock is given back.</summary>
    /// <exception cref="FileFormatException">It cannot be made, no file can be made in it, or another process writes to it.</exception>
    internal FolderLock Prepare()
    {
        AtomicFile.MakeFolder(Path);
        return FolderLock.Take(Path);
    }

    /// <summary>Checks that files which the run will write anew, where they are there, were written by such a run and not by somebody else. Where another run is to be replaced, all of them may.</summary>
    /// <param name="names">The files' names.</param>
    /// <param name="hasRecords">Whether the run's pictures carry a record. Without one, the sheets of a run whose record is beside them, and pictures with theirs, are taken for its own.</param>
    /// <exception cref="ConfigurationException">One is another's.</exception>
    internal void RequireOwn(IEnumerable<string> names, bool hasRecords)
    {
        if (_clear) return;
        foreach (string name in names.Where(name => File.Exists(In(name))))
        {
            if (!IsOfThisProgram(In(name), hasRecords)) throw new ConfigurationException($"{In(name)}: is there already, and no run of this program has written it; --overwrite replaces it, another --out leaves it alone");
        }
    }

    private static bool IsOfThisProgram(string path, bool hasRecords)
    {
        try
        {
            if (path.EndsWith(".json", StringComparison.Ordinal)) return SampleRecord.IsOne(path);
            var png = PngInfo.Read(path);
            if (PictureRecord.Find(path, png) is not null) return true;
            string name = System.IO.Path.GetFileName(path);
            return !hasRecords && (name is SampleSheet.GridName or SampleSheet.FilmName || (name == SampleSheet.AnimationName ? png.IsAnimated : SampleRecord.IsOne(System.IO.Path.ChangeExtension(path, ".json"))));
        }
        catch (FileFormatException)
        {
            return false;
        }
    }

    /// <summary>Writes the record; the files of another run that is to be replaced are deleted.</summary>
    /// <exception cref="FileFormatException">A file cannot be written or deleted.</exception>
    internal void Begin()
    {
        if (_clear) Clear();
        AtomicFile.WriteText(In(RecordName), SampleRecord.Run(_plan));
    }

    /// <summary>The file of image k, without its extension.</summary>
    internal string ImagePath(long k) => In(_plan.FileOf(k));

    private string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Whether a file is that of a run with such prompts, or of any run of classes.</summary>
    private static Func<string, bool> IsOwn(PromptFiles prompts) => name => s_names.Contains(name) || ClassPlan.IsImage(name) || prompts.Hold(name);

    private string? FirstImage()
    {
        var isOwn = _plan.IsOwnFile();
        return Directory.Exists(Path) ? Directory.EnumerateFiles(Path).Select(file => System.IO.Path.GetFileName(file)).FirstOrDefault(name => ClassPlan.IsImage(name) || isOwn(name)) : null;
    }

    private void Clear()
    {
        var isOwn = IsOwn(SampleRecord.PromptsOf(In(RecordName)));
        try
        {
            foreach (string file in Directory.GetFiles(Path))
            {
                if (isOwn(System.IO.Path.GetFileName(file))) File.Delete(file);
            }
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{Path}: the run in it cannot be deleted: {SystemReason.Of(error)}", error);
        }
    }
}

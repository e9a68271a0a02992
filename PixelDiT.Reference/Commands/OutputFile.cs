using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;

namespace PixelDiT.Reference.Commands;

/// <summary>What verbs do with a file that is there already: nothing that somebody made is replaced unless they say so, and what a verb reads from never is.</summary>
internal static class OutputFile
{
    /// <summary>The word that allows to replace.</summary>
    public static Option<bool> Overwrite() => new("--overwrite") { Description = "Replace a file that is there already." };

    /// <summary>Checks a file to be written, before any work is done for it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Whether one that is there may be replaced.</param>
    /// <param name="inputs">Files that the verb reads.</param>
    /// <exception cref="ConfigurationException">It is there and may not be replaced, or is one of the inputs.</exception>
    public static void Require(string path, bool overwrite, params IEnumerable<string?> inputs) => RequireAll([path], overwrite, inputs);

    /// <summary>The same of several files, for which the inputs' links are followed once.</summary>
    /// <inheritdoc cref="Require" path="/exception"/>
    public static void RequireAll(IEnumerable<string> paths, bool overwrite, IEnumerable<string?> inputs)
    {
        var read = new Lazy<HashSet<string>>(() => [.. inputs.OfType<string>().Where(input => input.Length > 0).Select(RealPath)]);
        foreach (string path in paths.Where(File.Exists))
        {
            if (read.Value.Contains(RealPath(path))) throw new ConfigurationException($"{path}: is the file to read from as well; a file of another name was expected");
            if (!overwrite) throw new ConfigurationException($"{path}: is there already; --overwrite replaces it");
        }
    }

    /// <summary>Checks a page to be written: one that the verb has written before may be replaced, another file only where that is said.</summary>
    /// <param name="path">The page.</param>
    /// <param name="overwrite">Whether any file may be replaced.</param>
    /// <param name="isOwn">Whether a file is a page of the verb.</param>
    /// <param name="inputs">Files that the verb reads.</param>
    /// <exception cref="ConfigurationException">It is there and may not be replaced, is one of the inputs or a folder, or its folder is not there.</exception>
    public static void RequirePage(string path, bool overwrite, Func<string, bool> isOwn, params IEnumerable<string?> inputs)
    {
        if (path.Length == 0) throw new ConfigurationException("--out is ''; a file was expected");
        if (Directory.Exists(path)) throw new ConfigurationException($"{path}: is a folder; a file was expected");
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path)))) throw new ConfigurationException($"{path}: cannot be written: there is no such folder");
        Require(path, overwrite: true, inputs);
        if (File.Exists(path) && !overwrite && !isOwn(path)) throw new ConfigurationException($"{path}: is there already, and no page of this verb; --overwrite replaces it, another --out leaves it alone");
    }

    /// <summary>The option of a verb that writes a page.</summary>
    public static Option<bool> OverwritePage() => new("--overwrite") { Description = "Replace a file that is no page of this verb; its own pages are replaced without." };

    /// <summary>Checks that a file to be written is none in a folder whose files are read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="sources">Folders, or sources of images such as <c>folder:PATH</c>; null and others are passed over.</param>
    /// <exception cref="ConfigurationException">It is there, in such a folder.</exception>
    public static void RequireOutside(string path, params IEnumerable<string?> sources)
    {
        if (File.Exists(path) && sources.Select(FolderOf).FirstOrDefault(folder => folder is not null && IsWithin(path, folder)) is { } read)
            throw new ConfigurationException($"{path}: is among the files of {read}, which are read; another place was expected");
    }

    /// <summary>Checks that a folder to be written to is not one whose pictures are trained on: what is written there would be data.</summary>
    /// <param name="folder">The folder, which need not be there.</param>
    /// <param name="source">The source of the images.</param>
    /// <exception cref="ConfigurationException">It is, or lies in it.</exception>
    public static void RequireNoData(string folder, string source)
    {
        if (FolderOf(source) is { } data && (RealPath(folder) == RealPath(data) || IsWithin(folder, data)))
            throw new ConfigurationException($"{folder}: lies within the images to train on ({data}), which what a run writes would change; another --out was expected");
    }

    private static string? FolderOf(string? source)
    {
        string? path = source is null ? null : ImageSources.PathOf(source) ?? CaptionedSources.PathOf(source);
        return Directory.Exists(path) ? path : null;
    }

    private static bool IsWithin(string path, string folder) => RealPath(path).StartsWith(RealPath(folder).TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>A path without links in any part of it.</summary>
    private static string RealPath(string path)
    {
        const int mostLinks = 40;
        string rest = Path.GetFullPath(path), real = Path.GetPathRoot(rest)!;
        rest = rest[real.Length..];
        for (int links = 0; rest.Length > 0;)
        {
            string[] parts = rest.Split(Path.DirectorySeparatorChar, 2, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 0) break;
            string next = Path.Combine(real, parts[0]);
            rest = parts.Length > 1 ? parts[1] : "";
            if (new FileInfo(next).LinkTarget is { } link && links++ < mostLinks)
            {
                string whole = Path.GetFullPath(Path.Combine(real, link, rest));
                real = Path.GetPathRoot(whole)!;
                rest = whole[real.Length..];
            }
            else
            {
                real = next;
            }
        }
        return real;
    }
}

using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Foreign;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Shards;

/// <summary>Finds the file of weights in a folder.</summary>
internal static class WeightFolder
{
    private const string RunModel = "model.safetensors";
    private const int NamesShown = 6;

    private static readonly string[] s_extensions = [".safetensors", ".pt", ".pth", ".ckpt", ".bin"];

    /// <summary>The file that a path stands for: itself, or, of a folder, <c>model.safetensors</c>, else its one index of several files, else its one file of weights.</summary>
    /// <exception cref="FileFormatException">The folder holds no file of weights, several, or a checkpoint of another kind; the message says which.</exception>
    public static string Resolve(string path)
    {
        if (path.Length == 0 || path.Contains('\0') || !Directory.Exists(path)) return path;
        string[] files, folders;
        try
        {
            // Hidden files are notes and what a copy in progress leaves; "." marks PyTorch's directory of a distributed checkpoint.
            files = [.. Names(Directory.EnumerateFiles(path))];
            folders = [.. Names(Directory.EnumerateDirectories(path))];
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
        if (files.Contains(RunModel)) return Path.Combine(path, RunModel);
        string[] visible = [.. files.Where(name => name[0] != '.')];
        string[] indices = [.. visible.Where(name => name.EndsWith(".safetensors" + ShardName.IndexExtension, StringComparison.Ordinal))];
        if (indices.Length == 0) indices = [.. visible.Where(name => name.EndsWith(ShardName.IndexExtension, StringComparison.Ordinal))];
        if (indices.Length > 0) return indices.Length == 1 ? Path.Combine(path, indices[0]) : throw Several(path, "indices of files of weights", indices);
        if (Foreign(files, folders) is { } foreign) throw foreign.Refusal(path);
        string[] found = [.. visible.Where(IsWeights)];
        if (found.Length == 1) return Path.Combine(path, found[0]);
        if (found.Length > 1 && found.All(ShardName.IsShard)) throw new FileFormatException($"{path}: holds {found.Length} files of one model without their index (*{ShardName.IndexExtension}): {List(found)}");
        if (found.Length > 1) throw Several(path, "files of weights", found);
        string[] inside = [.. folders.Where(folder => HoldsWeights(Path.Combine(path, folder)))];
        throw new FileFormatException($"{path}: is a folder without weights; {RunModel}, *{ShardName.IndexExtension} or one of {string.Join(", ", s_extensions.Select(extension => "*" + extension))} was looked for"
            + (inside.Length > 0 ? $"; there are such files in its folders {List(inside)}" : ""));
    }

    /// <summary>The files of weights and indices in a folder that are neither read nor hold a part of a model.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="taken">The files that are read.</param>
    public static IReadOnlyList<string> Others(string path, IReadOnlyList<string> taken)
    {
        var names = taken.Select(Path.GetFileName).ToHashSet(StringComparer.Ordinal);
        try
        {
            return [.. from name in Names(Directory.EnumerateFiles(path))
                       where name[0] != '.' && (IsWeights(name) || name.EndsWith(ShardName.IndexExtension, StringComparison.Ordinal)) && !ShardName.IsShard(name) && !names.Contains(name)
                       select Path.Combine(path, name)];
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            return [];
        }
    }

    private static ForeignFile? Foreign(string[] files, string[] folders)
    {
        if (files.Any(name => name.EndsWith(".distcp", StringComparison.Ordinal))) return new("is a distributed checkpoint of PyTorch", ForeignFile.Gather);
        if (files.Contains("zero_to_fp32.py")) return new("is a checkpoint of DeepSpeed", "zero_to_fp32.py in it makes one file of it");
        if (files.Contains("data.pkl") && folders.Contains("data")) return new("is an unpacked archive of torch.save", "pack it again without compression: zip -0 -r model.pt FOLDER");
        if (files.Contains("saved_model.pb")) return new("is a SavedModel of TensorFlow", ForeignFile.Save);
        if (files.Contains("_CHECKPOINT_METADATA") || files.Contains("manifest.ocdbt") || files.Contains("_METADATA")) return new("is a checkpoint of Orbax (JAX)", ForeignFile.Save);
        if (files.Any(name => name is ".zgroup" or ".zarray" or "zarr.json")) return new("is a Zarr store", ForeignFile.Save);
        return files.Contains("checkpoint") && files.Any(name => name.EndsWith(".index", StringComparison.Ordinal)) ? new("is a checkpoint of TensorFlow", ForeignFile.Save) : null;
    }

    private static bool IsWeights(string name) => s_extensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    private static bool HoldsWeights(string folder)
    {
        try
        {
            return Directory.EnumerateFiles(folder).Any(file => Path.GetFileName(file)[0] != '.' && IsWeights(file));
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            return false;
        }
    }

    private static IEnumerable<string> Names(IEnumerable<string> paths) => paths.Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    private static FileFormatException Several(string path, string what, string[] names) => new($"{path}: holds several {what}: {List(names)}; name one of them");

    private static string List(string[] names) => string.Join(", ", names.Take(NamesShown).Select(name => Quote.Text(name))) + (names.Length > NamesShown ? $", … {names.Length - NamesShown} more" : "");
}

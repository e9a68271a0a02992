using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>The files of conformance cases: a folder laid out like the golden tensors, or those inside this program.</summary>
public sealed class ConformanceFiles
{
    /// <summary>The folder of PyTorch checkpoints; their names keep their extensions.</summary>
    internal const string Checkpoints = "checkpoints";

    private const string Prefix = "golden/", Extension = ".safetensors";

    private static string[] Resources => typeof(ConformanceFiles).Assembly.GetManifestResourceNames();

    private readonly string? _folder;

    private ConformanceFiles(string? folder, IEnumerable<string> names) => (_folder, Names) = (folder, [.. names.Order(StringComparer.Ordinal)]);

    /// <summary>Names relative to the folder, such as <c>modules/rms_norm</c>, <c>c2i/train</c> and <c>checkpoints/views.pt</c>; those of safetensors files without extension.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The cases shipped inside this program.</summary>
    public static ConformanceFiles Shipped() => new(null, Resources
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => CaseName(name[Prefix.Length..])).OfType<string>());

    /// <summary>The cases in a folder.</summary>
    /// <exception cref="DataException">There is no such folder, or it holds no safetensors file.</exception>
    public static ConformanceFiles In(string folder)
    {
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder of conformance cases");
        var names = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(path => CaseName(Path.GetRelativePath(folder, path).Replace('\\', '/'))).OfType<string>().ToList();
        return names.Count > 0 ? new ConformanceFiles(folder, names) : throw new DataException($"{folder}: holds no safetensors files; a folder of conformance cases was expected");
    }

    /// <summary>The files whose names are wanted, of <see cref="Names"/>.</summary>
    /// <param name="wanted">Whether a name is. A case may need the weights that stand beside it.</param>
    public ConformanceFiles Where(Func<string, bool> wanted) => new(_folder, Names.Where(wanted));

    /// <summary>Whether there is a file of that name.</summary>
    public bool Contains(string name) => Names.Contains(name);

    /// <summary>Opens a file.</summary>
    /// <exception cref="FileFormatException">It is missing or not a safetensors file.</exception>
    public SafetensorsReader Open(string name) => SafetensorsReader.Open(Stream(name + Extension), Source(name + Extension));

    /// <summary>Opens a file of <c>checkpoints/</c>, of any format.</summary>
    /// <exception cref="FileFormatException">It is missing or of no format of weights.</exception>
    public IWeightFile OpenCheckpoint(string name) => WeightFile.Open(Stream(name), Source(name));

    /// <summary>The files below a path as files of the disk, for a format that is read by path.</summary>
    /// <param name="path">Relative to the folder; <c>h5/many</c>.</param>
    /// <exception cref="DataException">They are inside this program and cannot be written to the system's temporary folder.</exception>
    internal ConformanceFolder OpenFolder(string path)
    {
        if (_folder is not null) return new ConformanceFolder(Source(path), isTemporary: false);
        string prefix = $"{Prefix}{path}/";
        return ConformanceFolder.Write(Resources.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => (name[prefix.Length..], Stream(name[Prefix.Length..]))));
    }

    private string Source(string path) => _folder is null ? path : Path.Combine(_folder, path);

    private Stream Stream(string path) => _folder is not null
        ? AtomicFile.OpenRead(Source(path))
        : typeof(ConformanceFiles).Assembly.GetManifestResourceStream(Prefix + path) ?? throw new FileFormatException($"{path}: is not among the cases inside this program");

    private static string? CaseName(string path)
        => path.EndsWith(Extension, StringComparison.Ordinal) ? path[..^Extension.Length] : path.StartsWith(Checkpoints + "/", StringComparison.Ordinal) ? path : null;
}

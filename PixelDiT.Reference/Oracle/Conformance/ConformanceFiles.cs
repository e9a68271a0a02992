using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>The files of conformance cases: a folder laid out like the golden tensors, or those inside this program.</summary>
public sealed class ConformanceFiles
{
    private const string Prefix = "golden/", Extension = ".safetensors";

    private readonly string? _folder;

    private ConformanceFiles(string? folder, IEnumerable<string> names) => (_folder, Names) = (folder, [.. names.Order(StringComparer.Ordinal)]);

    /// <summary>Names relative to the folder, without extension, such as <c>modules/rms_norm</c> and <c>c2i/train</c>.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The cases shipped inside this program.</summary>
    public static ConformanceFiles Shipped() => new(null, typeof(ConformanceFiles).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name[Prefix.Length..^Extension.Length]));

    /// <summary>The cases in a folder.</summary>
    /// <exception cref="DataException">There is no such folder, or it holds no safetensors file.</exception>
    public static ConformanceFiles In(string folder)
    {
        if (!Directory.Exists(folder)) throw new DataException($"{folder}: there is no such folder of conformance cases");
        var names = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
            .Where(name => name.EndsWith(Extension, StringComparison.Ordinal) || name.StartsWith("checkpoints/", StringComparison.Ordinal))
            .Select(name => name.EndsWith(Extension, StringComparison.Ordinal) ? name[..^Extension.Length] : name).ToList();
        return names.Count > 0 ? new ConformanceFiles(folder, names) : throw new DataException($"{folder}: holds no safetensors files; a folder of conformance cases was expected");
    }

    /// <summary>Whether there is a file of that name.</summary>
    public bool Contains(string name) => Names.Contains(name);

    /// <summary>Opens a file.</summary>
    /// <exception cref="FileFormatException">It is missing or not a safetensors file.</exception>
    public SafetensorsReader Open(string name)
    {
        if (_folder is not null) return SafetensorsReader.Open(Path.Combine(_folder, name + Extension));
        var stream = typeof(ConformanceFiles).Assembly.GetManifestResourceStream(Prefix + name + Extension)
            ?? throw new FileFormatException($"{name}{Extension}: is not among the cases inside this program");
        return SafetensorsReader.Open(stream, name + Extension);
    }
}

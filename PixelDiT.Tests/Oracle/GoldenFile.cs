using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>A file of golden tensors, embedded in the reference assembly under "golden/".</summary>
/// <param name="name">Its name there without the extension, such as "modules/pixel_block".</param>
internal sealed class GoldenFile(string name)
{
    // A resource is memory of the assembly, so the reader holds no file that somebody would have to close.
    private readonly SafetensorsReader _reader = SafetensorsReader.Open(
        typeof(ExactModel).Assembly.GetManifestResourceStream($"golden/{name}.safetensors")
            ?? throw new FileNotFoundException($"golden/{name}.safetensors is not embedded"),
        name);

    /// <summary>The names of all tensors.</summary>
    public IEnumerable<string> Names => _reader.Tensors.Select(tensor => tensor.Name);

    /// <summary>A setting of the file.</summary>
    public string Metadata(string key) => _reader.Metadata[key];

    public int[] Shape(string tensor) => [.. _reader[tensor].Shape.Select(size => checked((int)size))];

    public double[] Doubles(string tensor) => _reader.ReadDoubles(tensor);

    public float[] Singles(string tensor) => _reader.ReadSingles(tensor);

    public int[] Integers(string tensor) => Array.ConvertAll(_reader.ReadIntegers(tensor), value => checked((int)value));

    /// <summary>A parameter of a module, by the module's own name for it.</summary>
    public double[] Parameter(string parameter) => Doubles($"param.{parameter}");
}

using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>A trace in memory, in which faults can be planted. Each change gives a new trace.</summary>
internal sealed class MemoryTrace : IWeightFile
{
    private readonly Dictionary<string, (TensorSpec Spec, double[] Values)> _tensors = new(StringComparer.Ordinal);

    public MemoryTrace(IEnumerable<(string Name, long[] Shape, double[] Values)> tensors)
    {
        foreach (var (name, shape, values) in tensors) _tensors.Add(name, (new TensorSpec(name, DataType.F64, shape), values));
    }

    public string Source => "memory";

    public string Format => "memory";

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public IReadOnlyList<TensorSpec> Tensors => [.. _tensors.Values.Select(tensor => tensor.Spec)];

    public TensorSpec this[string name] => _tensors[name].Spec;

    public static MemoryTrace Read(string path)
    {
        using var file = SafetensorsReader.Open(path);
        return new MemoryTrace(file.Tensors.Select(tensor => (tensor.Name, tensor.Shape.ToArray(), file.ReadDoubles(tensor.Name))));
    }

    public bool Contains(string name) => _tensors.ContainsKey(name);

    public double[] ReadDoubles(string name) => _tensors[name].Values;

    public void ReadSingles(string name, long firstElement, Span<float> destination) => throw new NotSupportedException();

    public void Dispose() { }

    /// <summary>With one tensor computed anew.</summary>
    public MemoryTrace With(string name, Func<double[], double[]> change) => With(name, [.. this[name].Shape], change(_tensors[name].Values));

    /// <summary>With one tensor of another shape.</summary>
    public MemoryTrace With(string name, long[] shape, double[] values) => new(_tensors.Values.Select(tensor => tensor.Spec.Name == name ? (name, shape, values) : Entry(tensor)));

    /// <summary>With the tensors whose names fit.</summary>
    public MemoryTrace Where(Func<string, bool> wanted) => new(_tensors.Values.Where(tensor => wanted(tensor.Spec.Name)).Select(Entry));

    /// <summary>With one tensor that cannot be read.</summary>
    public MemoryTrace Unreadable(string name, string reason)
    {
        var trace = new MemoryTrace(_tensors.Values.Select(Entry));
        trace._tensors[name] = (trace._tensors[name].Spec with { Unreadable = reason }, []);
        return trace;
    }

    /// <summary>With every tensor renamed.</summary>
    public MemoryTrace Renamed(Func<string, string> name) => new(_tensors.Values.Select(tensor => (name(tensor.Spec.Name), tensor.Spec.Shape.ToArray(), tensor.Values)));

    private static (string, long[], double[]) Entry((TensorSpec Spec, double[] Values) tensor) => (tensor.Spec.Name, [.. tensor.Spec.Shape], tensor.Values);
}

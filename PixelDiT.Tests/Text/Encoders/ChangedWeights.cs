using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>A file whose values a test changes.</summary>
internal sealed class ChangedWeights(SafetensorsReader file) : IWeightFile
{
    private readonly IWeightFile _file = file;

    /// <summary>A value's new value by the tensor's name and its place; null changes nothing.</summary>
    public Func<string, long, float, float>? Value { get; init; }

    /// <summary>A whole tensor's new values; null changes nothing.</summary>
    public Func<string, float[], float[]>? Tensor { get; init; }

    public string Source => _file.Source;

    public string Format => _file.Format;

    public IReadOnlyDictionary<string, string> Metadata => _file.Metadata;

    public IReadOnlyList<TensorSpec> Tensors => _file.Tensors;

    public TensorSpec this[string name] => _file[name];

    public bool Contains(string name) => _file.Contains(name);

    public void ReadSingles(string name, long firstElement, Span<float> destination)
    {
        if (Tensor is { } change) change(name, file.ReadSingles(name)).AsSpan((int)firstElement, destination.Length).CopyTo(destination);
        else _file.ReadSingles(name, firstElement, destination);
        for (int i = 0; Value is not null && i < destination.Length; i++) destination[i] = Value(name, firstElement + i, destination[i]);
    }

    public double[] ReadDoubles(string name) => throw new NotSupportedException();

    public void Dispose() => _file.Dispose();
}

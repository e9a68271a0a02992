namespace PixelDiT.Reference.Formats.Shards;

/// <summary>A file of weights that a folder stood for, beside others.</summary>
/// <param name="file">The file.</param>
/// <param name="left">The others.</param>
internal sealed class FileOfFolder(IWeightFile file, IReadOnlyList<string> left) : IWeightFile
{
    public string Source => file.Source;

    public IReadOnlyList<string> Files => file.Files;

    public string Format => file.Format;

    public IReadOnlyDictionary<string, string> Metadata => file.Metadata;

    public IReadOnlyList<TensorSpec> Tensors => file.Tensors;

    public IReadOnlyList<string> Notes => file.Notes;

    public IReadOnlyList<string> LeftInFolder => left;

    public string? PartOf => file.PartOf;

    public TensorSpec this[string name] => file[name];

    public bool Contains(string name) => file.Contains(name);

    public void ReadSingles(string name, long firstElement, Span<float> destination) => file.ReadSingles(name, firstElement, destination);

    public double[] ReadDoubles(string name) => file.ReadDoubles(name);

    public void Dispose() => file.Dispose();
}

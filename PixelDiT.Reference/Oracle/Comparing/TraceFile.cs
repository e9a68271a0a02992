using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Oracle.Comparing;

/// <summary>A file of traced tensors under the names of this program's traces. Tensors are read when asked for.</summary>
public sealed class TraceFile
{
    private readonly IWeightFile _file;
    private readonly Dictionary<string, TensorSpec> _tensors = new(StringComparer.Ordinal);

    /// <summary>Takes a file, and the names that its tensors shall have.</summary>
    /// <param name="file">The file, which stays its owner's.</param>
    /// <param name="map">What renames its tensors, or null.</param>
    /// <exception cref="FileFormatException">Two tensors would have the same name.</exception>
    public TraceFile(IWeightFile file, NameMap? map = null)
    {
        _file = file;
        var names = new List<string>();
        foreach (var tensor in file.Tensors)
        {
            string name = map?.Rename(tensor.Name) ?? tensor.Name;
            // What trace reads under both names.
            if (name is "in.text" or "grad.in.text" && !file.Contains(name.Replace("text", "y", StringComparison.Ordinal))) name = name.Replace("text", "y", StringComparison.Ordinal);
            if (!_tensors.TryAdd(name, tensor))
                throw new FileFormatException($"{map?.Source}: {Quote.Text(_tensors[name].Name)} and {Quote.Text(tensor.Name)} of {file.Source} both become {Quote.Text(name)}");
            names.Add(name);
        }
        Names = names;
        IsText = names.Any(ShowsText);
    }

    /// <summary>Takes tensors that are in memory, such as what <see cref="Trace"/> gives, or a port's.</summary>
    /// <param name="name">What messages call them.</param>
    /// <param name="tensors">The tensors; they are copied.</param>
    /// <param name="map">What renames them, or null.</param>
    /// <exception cref="FileFormatException">Two tensors have or would have the same name.</exception>
    public static TraceFile Of(string name, IReadOnlyList<TensorData> tensors, NameMap? map = null) => new(SafetensorsReader.Open(SafetensorsWriter.InMemory(name, tensors), name), map);

    /// <summary>The file's path.</summary>
    public string Source => _file.Source;

    /// <summary>The names in the order of the file.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Whether it is of a text-to-image model, by its names and ranks.</summary>
    public bool IsText { get; }

    /// <summary>Whether there is a tensor of this name.</summary>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <summary>A tensor's shape, or null where there is none of this name.</summary>
    public int[]? Shape(string name) => _tensors.TryGetValue(name, out var tensor) ? [.. tensor.Shape.Select(size => (int)Math.Min(size, int.MaxValue))] : null;

    /// <summary>Why a tensor cannot be read as numbers; null where it can, or where there is none of this name.</summary>
    public string? Unreadable(string name) => _tensors.TryGetValue(name, out var tensor) ? tensor.Unreadable : null;

    /// <summary>A whole tensor, row-major.</summary>
    /// <exception cref="FileFormatException">It cannot be read as numbers.</exception>
    public double[] Read(string name) => _file.ReadDoubles(_tensors[name].Name);

    /// <summary>As <see cref="Read"/>, or null where there is none of this name that can be read.</summary>
    public double[]? TryRead(string name) => Contains(name) && Unreadable(name) is null ? Read(name) : null;

    private bool ShowsText(string name) => name switch
    {
        "in.y" or "act.y_embedder" => Shape(name) is { Length: 3 },
        "act.y_positions" or "grad.param.y_pos_embedding" => true,
        _ => StageName.Of(name) is { } stage && StageName.Block(stage) is { Stream.Length: > 0 }
    };
}

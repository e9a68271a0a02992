using System.Globalization;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>
/// The named tensors in what a pickle gave. They are all tensors under their paths with dots; those of a top-level <c>state_dict</c> come first,
/// under its own names. Top-level numbers and texts (step, epoch, version) become metadata.
/// </summary>
internal sealed class TorchContents
{
    private const string StateDict = "state_dict";
    private const int MaximumDepth = 32, MaximumTensors = 1 << 16, MaximumName = 1024, MaximumNames = 1 << 22, MaximumMetadata = 1000;

    private readonly string _source;
    private readonly HashSet<object> _seen = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, TorchTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private long _names;

    /// <summary>Finds the tensors.</summary>
    /// <exception cref="FileFormatException">The root is no dict, a name occurs twice, or names pass their limits.</exception>
    public TorchContents(object? root, string source)
    {
        _source = source;
        if (root is not PickleDict dict) throw Error($"holds {Describe(root)}; a state dict, or a dict with one, was expected");
        var weights = dict.Items.LastOrDefault(item => item.Key is StateDict).Value as PickleDict;
        _seen.Add(dict);
        if (weights is not null) Visit(weights, Clash(weights, dict) ? StateDict : "", 0);
        foreach (var (key, value) in dict.Items)
        {
            // Callbacks, averages and an optimizer's state stand beside it.
            if (Text(key) is { } name && (weights is null || name != StateDict)) Visit(value, Join("", name), 1);
        }
        foreach (var (key, value) in dict.Items)
        {
            if (key is string { Length: <= MaximumName } name && Text(value) is { Length: <= MaximumName } text && _metadata.Count < MaximumMetadata) _metadata[name] = text;
        }
    }

    /// <summary>The tensors under their names, in the order of the file.</summary>
    public IReadOnlyDictionary<string, TorchTensor> Tensors => _tensors;

    /// <summary>Top-level numbers and texts.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Whether names of the state dict could be taken for those of what stands beside it, so that it keeps its own name before them: some begin alike, or a tensor stands there without a path.</summary>
    private static bool Clash(PickleDict weights, PickleDict root)
    {
        var beside = root.Items.Where(item => item.Key is not StateDict).ToList();
        if (beside.Any(item => item.Value is TorchTensor)) return true;
        var names = beside.Select(item => Text(item.Key)).ToHashSet(StringComparer.Ordinal);
        return weights.Items.Any(item => Text(item.Key) is { } name && names.Contains(name.Split('.')[0]));
    }

    private void Visit(object? node, string name, int depth)
    {
        if (node is TorchTensor tensor) Add(name, tensor);
        if (node is not (PickleDict or PickleList or PickleTuple) || !_seen.Add(node)) return;
        if (depth == MaximumDepth) throw Error($"its dicts nest more than {MaximumDepth} deep");
        if (node is PickleDict dict)
        {
            foreach (var (key, value) in dict.Items)
            {
                if (Text(key) is { } text && value is TorchTensor or PickleDict or PickleList or PickleTuple) Visit(value, Join(name, text), depth + 1);
            }
            return;
        }
        int index = 0;
        foreach (object? item in node is PickleList list ? (IEnumerable<object?>)list.Items : ((PickleTuple)node).Items)
        {
            if (item is TorchTensor or PickleDict or PickleList or PickleTuple) Visit(item, Join(name, $"{index}"), depth + 1);
            index++;
        }
    }

    private string Join(string name, string part)
    {
        int length = name.Length + 1 + part.Length;
        if (length > MaximumName) throw Error($"a name has {length} letters; at most {MaximumName} were expected");
        return name.Length == 0 ? part : $"{name}.{part}";
    }

    private void Add(string name, TorchTensor tensor)
    {
        _names += name.Length;
        if (_tensors.Count == MaximumTensors || _names > MaximumNames) throw Error($"has more tensors or longer names than are read ({MaximumTensors} and {MaximumNames} letters)");
        if (!_tensors.TryAdd(name, tensor)) throw Error($"tensor {Quote.Text(name)} occurs twice");
    }

    private static string? Text(object? value) => value switch
    {
        string text => text,
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        bool flag => flag ? "true" : "false",
        _ => null
    };

    private static string Describe(object? root) => root switch
    {
        PickleObject { Made: { } made } => $"an object of {Quote.Text(made.ToString())}, which nothing here will build",
        TorchTensor => "a single tensor",
        PickleList or PickleTuple => "a list",
        _ => "a single value"
    };

    private FileFormatException Error(string problem) => new($"{_source}: {problem}");
}

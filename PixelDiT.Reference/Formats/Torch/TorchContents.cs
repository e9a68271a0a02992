using System.Globalization;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>
/// The named tensors in what a pickle gave: those of a top-level <c>state_dict</c> first, under its own names, and all others under their paths with dots. Top-level numbers and texts
/// (step, epoch, version) become metadata. An object that is met in several places is listed in each of them.
/// </summary>
internal sealed class TorchContents
{
    private const string StateDict = "state_dict", Parameters = "_parameters", Buffers = "_buffers", Modules = "_modules", NotKept = "_non_persistent_buffers_set";
    private const int MaximumDepth = 32, MaximumVisits = 4_000_000, MaximumTensors = 1 << 16, MaximumName = 1024, MaximumNames = 1 << 22, MaximumMetadata = 1000, MaximumNotes = 10;

    private readonly string _source;
    private readonly HashSet<object> _path = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, object> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly List<string> _notes = [];
    private long _names;
    private int _visits, _tooDeep;
    private string _firstTooDeep = "";

    /// <summary>Finds the tensors.</summary>
    /// <exception cref="FileFormatException">The root is one value or holds nothing, or names and references pass their limits.</exception>
    public TorchContents(object? root, string source)
    {
        _source = source;
        if (root is not (PickleDict or PickleList or PickleTuple or PickleObject)) throw Error($"holds {Describe(root)}; a state dict, or a dict with one, was expected");
        var top = Children(root).ToList();
        int at = top.FindLastIndex(child => child.Key is StateDict && child.Value is PickleDict or PickleObject);
        if (at >= 0) Visit(top[at].Value, StandsAlone(top[at].Value, top) ? "" : StateDict, 1);
        if (at < 0) Visit(root, "", 0);
        for (int i = 0; at >= 0 && i < top.Count; i++)
        {
            if (i != at && Name(top[i].Key) is { } name) Visit(top[i].Value, name, 1);
        }
        if (_tensors.Count == 0 && root is not PickleDict) throw Error($"holds {Describe(root)}; a state dict, or a dict with one, was expected");
        if (_tooDeep > 0) Note($"dicts nested more than {MaximumDepth} deep are left out: {Quote.Text(_firstTooDeep)}{(_tooDeep > 1 ? $" and {_tooDeep - 1} more" : "")}");
        foreach (var (key, value) in top)
        {
            if (key is string { Length: <= MaximumName } name && Text(value) is { Length: <= MaximumName } text && _metadata.Count < MaximumMetadata) _metadata[name] = text;
        }
    }

    /// <summary>The tensors under their names, in the order of the file: each a <see cref="TorchTensor"/> or an <see cref="UnreadableTensor"/>.</summary>
    public IReadOnlyDictionary<string, object> Tensors => _tensors;

    /// <summary>Top-level numbers and texts.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>What was left out or stands for more than its name, in sentences.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>
    /// Whether a state dict's names can stand in one list with the paths of what lies beside it: none of them begins as a path does, and no tensor without a path could be
    /// taken for one of the state dict's.
    /// </summary>
    private static bool StandsAlone(object? weights, List<(object? Key, object? Value)> top)
    {
        var others = top.Where(child => !ReferenceEquals(child.Value, weights) && MayHold(child.Value)).ToList();
        if (others.Any(child => child.Value is TorchStorage || TorchRules.IsTensor(child.Value))) return false;
        var paths = others.Select(child => Name(child.Key)).ToHashSet(StringComparer.Ordinal);
        return !Children(weights).Any(child => Name(child.Key) is { } name && paths.Contains(name.Split('.')[0]));
    }

    /// <summary>Counts looks at nodes: a dict that is met again and again is walked through each time.</summary>
    private void Count(int looks)
    {
        _visits += looks;
        if (_visits > MaximumVisits) throw Error("its dicts refer to each other so often that their tensors have no end of names");
    }

    private void Visit(object? node, string name, int depth)
    {
        switch (node)
        {
            case TorchTensor or UnreadableTensor: Add(name, node); return;
            case NumpyArray array: Add(name, array.Tensor); return;
            case TorchStorage { Type.Type: not DataType.Other } storage: Add(name, new TorchTensor(storage, storage.Type, 0, [storage.Count], [1])); return;
            case not (PickleDict or PickleList or PickleTuple or PickleObject): return;
        }
        if (_path.Contains(node)) return;
        if (depth >= MaximumDepth)
        {
            if (_tooDeep++ == 0) _firstTooDeep = name;
            return;
        }
        _path.Add(node);
        // A module's attributes are looked through for those that hold its tensors.
        if (node is PickleObject { State: PickleDict state }) Count(state.Items.Count * 6);
        int before = _tensors.Count;
        foreach (var (key, value) in Children(node))
        {
            Count(1);
            if (MayHold(value) && Name(key) is { } part && Join(name, part) is { } joined) Visit(value, joined, depth + 1);
        }
        _path.Remove(node);
        if (node is PickleObject made) Judge(made, name, _tensors.Count > before);
    }

    /// <summary>What a node holds, under its keys.</summary>
    private static IEnumerable<(object? Key, object? Value)> Children(object? node) => node switch
    {
        PickleDict dict => dict.Items,
        PickleList list => list.Items.Select(item => ((object?)(long)item.Index, item.Value)),
        PickleTuple tuple => tuple.Items.Select((item, index) => ((object?)(long)index, item)),
        PickleObject made when ModuleOf(made) is { } module => OfModule(module),
        PickleObject made => (made.Entries?.Items ?? Enumerable.Empty<(object?, object?)>()).Concat(made.Elements is { } elements ? Children(elements) : []).Concat(Attributes(made.State)),
        _ => []
    };

    /// <summary>The attributes in a state: a dict of them, or that and a dict of slots.</summary>
    private static IEnumerable<(object? Key, object? Value)> Attributes(object? state) => state switch
    {
        PickleDict dict => dict.Items,
        PickleTuple { Items: [null or PickleDict, PickleDict slots] items } => (items[0] as PickleDict)?.Items.Concat(slots.Items) ?? slots.Items,
        _ => []
    };

    /// <summary>The attributes of an object that is a torch.nn.Module; null where it is none.</summary>
    private static PickleDict? ModuleOf(PickleObject made)
        => made.State is PickleDict state && state.Items.Any(item => item.Key is Parameters) && state.Items.Any(item => item.Key is Modules) ? state : null;

    /// <summary>What a module's state_dict() has: its parameters, the buffers that it keeps, and its modules.</summary>
    private static IEnumerable<(object? Key, object? Value)> OfModule(PickleDict module)
    {
        object? Attribute(string name) => module.Items.LastOrDefault(item => item.Key is string key && key == name).Value;
        var dropped = SetOf(Attribute(NotKept)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        return Children(Attribute(Parameters)).Concat(Children(Attribute(Buffers)).Where(buffer => buffer.Key is not string name || !dropped.Contains(name))).Concat(Children(Attribute(Modules)));
    }

    private static IEnumerable<object?> SetOf(object? node) => node switch
    {
        PickleList list => list.Items.Select(item => item.Value),
        PickleObject { Arguments.Items: [PickleList list] } => SetOf(list),
        PickleObject { Entries: null, Elements: { } list } => SetOf(list),
        _ => []
    };

    /// <summary>An object without names inside that was to be made from tensors is one tensor that cannot be read; one with names gets a note.</summary>
    private void Judge(PickleObject made, string name, bool hasTensors)
    {
        if (hasTensors)
        {
            if (made.State is not null && _notes.Count < MaximumNotes && !_notes.Any(note => note.Contains("is an object of", StringComparison.Ordinal)))
                Note($"{(name.Length == 0 ? "it" : Quote.Text(name))} is an object of {made.Class}; its tensors are listed {(ModuleOf(made) is null ? "under the names of its attributes" : "as its state_dict() names them")}");
        }
        else if (name.Length > 0 && (Holds(made.Arguments, 0) || Holds(made.State, 0)))
        {
            Add(name, new UnreadableTensor($"it is an object of {made.Class}, which was made from tensors in a way that is not read", TorchType.Unknown, []));
        }
    }

    private bool Holds(object? node, int depth)
    {
        Count(1);
        return depth < MaximumDepth && node switch
        {
            TorchStorage => true,
            PickleObject made => Holds(made.Arguments, depth + 1) || Holds(made.State, depth + 1),
            PickleTuple tuple => tuple.Items.Any(item => Holds(item, depth + 1)),
            PickleList or PickleDict => Children(node).Any(child => Holds(child.Value, depth + 1)),
            _ => TorchRules.IsTensor(node)
        };
    }

    private static bool MayHold(object? value) => value is PickleDict or PickleList or PickleTuple or PickleObject or TorchStorage || TorchRules.IsTensor(value);

    private static string? Name(object? key) => key switch
    {
        PickleBytes bytes => bytes.AsName(MaximumName),
        PickleGlobal global => global.ToString(),
        null => "None",
        _ => Text(key)
    };

    private string? Join(string name, string part)
    {
        int length = name.Length + 1 + part.Length;
        if (length <= MaximumName) return name.Length == 0 ? part : $"{name}.{part}";
        if (!_notes.Any(note => note.StartsWith("names of more", StringComparison.Ordinal))) Note($"names of more than {MaximumName} letters are left out: {Quote.Text(name.Length == 0 ? part : name)}");
        return null;
    }

    private void Add(string name, object tensor)
    {
        if (_tensors.TryGetValue(name, out object? known))
        {
            // One tensor met twice on the same path is one tensor; of two, none is taken for the other.
            bool isSame = ReferenceEquals(known, tensor) || (known is TorchTensor one && tensor is TorchTensor two && one.IsSameAs(two));
            if (!isSame) _tensors[name] = new UnreadableTensor("two tensors of the file have this name", TorchType.Unknown, []);
            return;
        }
        _names += name.Length;
        if (_tensors.Count == MaximumTensors || _names > MaximumNames) throw Error($"has more tensors or longer names than are read ({MaximumTensors} and {MaximumNames} letters)");
        _tensors.Add(name, tensor);
    }

    private void Note(string note)
    {
        if (_notes.Count < MaximumNotes) _notes.Add(note);
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
        PickleObject made => $"an object of {made.Class}, which nothing here will build",
        TorchTensor or NumpyArray or UnreadableTensor => "a single tensor",
        PickleList or PickleTuple => "a list",
        _ => "a single value"
    };

    private FileFormatException Error(string problem) => new($"{_source}: {problem}");
}

using System.Globalization;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>
/// The named tensors in what a pickle gave: those of a top-level <c>state_dict</c> first, under its own names, and all others under their paths with dots (a tensor that stands in no dict
/// beside it has the path <c>(top)</c>). Top-level numbers and texts (step, epoch, version) become metadata, and so do those inside what a model was made with. An object that is met in several places is listed in each of them.
/// </summary>
internal sealed class TorchContents
{
    /// <summary>How deep dicts may nest; what lies deeper is left out.</summary>
    public const int MaximumDepth = 32;

    private const string StateDict = "state_dict", Top = "(top)";
    private const int MaximumVisits = 4_000_000, MaximumTensors = 1 << 16, MaximumName = 1024, MaximumNames = 1 << 22, MaximumMetadata = 1000, MaximumText = 1 << 16;
    private const int SettingsDepth = 4;

    // Where training programs keep what a model was built with.
    private static readonly string[] s_configs = ["config", "hyper_parameters", "hparams", "args", "model_args", "model_config", "cfg"];

    private readonly string _source;
    private readonly Dictionary<string, object> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly List<string> _notes = [];
    private readonly StringBuilder _name = new();
    private readonly List<PickleChild>[] _levels = [.. Enumerable.Range(0, MaximumDepth + 1).Select(_ => new List<PickleChild>())];
    private (int Count, string First) _tooDeep, _tooLong, _objects;
    private long _names, _texts;
    private int _visits;

    /// <summary>Finds the tensors.</summary>
    /// <exception cref="FileFormatException">The root is one value or holds nothing, or names and references pass their limits.</exception>
    public TorchContents(object? root, string source)
    {
        _source = source;
        if (root is not PickleContainer container) throw Error($"holds {Describe(root)}; a state dict, or a dict with one, was expected");
        TensorReach.Mark(container);
        var top = new List<PickleChild>();
        PickleChildren.AddTo(top, root);
        int at = top.FindLastIndex(child => child is { Key: StateDict, Value: PickleDict or PickleObject });
        if (at < 0) Visit(root, 0);
        else VisitStateDict(top[at].Value, [.. top.Where((_, index) => index != at)]);
        if (_tensors.Count == 0 && root is not PickleDict) throw Error($"holds {Describe(root)}; a state dict, or a dict with one, was expected");
        foreach (var (key, _, value) in top)
        {
            if (key is string name) AddText(name, value);
        }
        int seen = 0;
        foreach (var (key, _, value) in top)
        {
            if (key is string name && s_configs.Contains(name)) AddSettings(name, value, 1, ref seen);
        }
        Note(_tooDeep, $"dicts nested more than {MaximumDepth} deep are left out");
        Note(_tooLong, $"tensors with names of more than {MaximumName} letters are left out");
        Note(_objects, "objects of other programs' classes are listed by what they hold, as state_dict() names it where they are modules");
    }

    /// <summary>The tensors under their names, in the order of the file: each a <see cref="TorchTensor"/> or an <see cref="UnreadableTensor"/>.</summary>
    public IReadOnlyDictionary<string, object> Tensors => _tensors;

    /// <summary>Top-level numbers and texts, and under their paths those of settings.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>What was left out or stands for more than its name, in sentences.</summary>
    public IReadOnlyList<string> Notes => _notes;

    private void AddText(string name, object? value)
    {
        if (PickleDict.IsStep(name) && value is long step)
        {
            _metadata[name] = Text(step)!;
            return;
        }
        if (name.Length > MaximumName || _metadata.Count >= MaximumMetadata || value is PickleLongText { Utf8.Length: > MaximumText }) return;
        if ((value is PickleLongText longer ? Encoding.UTF8.GetString(longer.Utf8.Span) : Text(value)) is not { } text || _texts + name.Length + text.Length > MaximumNames) return;
        _texts += name.Length + text.Length;
        _metadata[name] = text;
    }

    /// <summary>Plain values in settings become metadata under their paths, such as <c>config.patch_size</c>.</summary>
    private void AddSettings(string path, object? settings, int depth, ref int seen)
    {
        if (settings is not (PickleDict or PickleObject) || depth > SettingsDepth) return;
        var entries = new List<PickleChild>();
        PickleChildren.AddTo(entries, settings);
        foreach (var (key, _, value) in entries)
        {
            if (seen++ >= MaximumMetadata) return;
            if (key is not string { Length: <= MaximumName } name) continue;
            AddText($"{path}.{name}", value);
            AddSettings($"{path}.{name}", value, depth + 1, ref seen);
        }
    }

    private void VisitStateDict(object? weights, List<PickleChild> beside)
    {
        Enter(Clashes(weights, beside) ? StateDict : "", weights, 1);
        foreach (var child in beside)
        {
            // A tensor without a path could be taken for one of the state dict's.
            if (TensorReach.Holds(child.Value)) Enter(child.Value is PickleContainer ? NameOf(child) : $"{Top}.{NameOf(child)}", child.Value, 1);
        }
    }

    /// <summary>Whether a name in the state dict begins as a path beside it does, so that the two cannot stand in one list without its own name before it.</summary>
    private static bool Clashes(object? weights, List<PickleChild> beside)
    {
        var paths = beside.Where(child => TensorReach.Holds(child.Value)).Select(NameOf).ToHashSet(StringComparer.Ordinal);
        var names = new List<PickleChild>();
        PickleChildren.AddTo(names, weights);
        return paths.Count > 0 && names.Any(child => paths.Contains(NameOf(child).Split('.')[0]));
    }

    private void Visit(object? node, int depth)
    {
        if (node is NumpyArray array) node = array.Tensor;
        if (node is TorchStorage storage) node = AsTensor(storage);
        if (node is not PickleContainer container)
        {
            Add(node!);
            return;
        }
        if (container.IsOnPath) return;
        if (depth == MaximumDepth)
        {
            _tooDeep = (_tooDeep.Count + 1, _tooDeep.Count == 0 ? _name.ToString() : _tooDeep.First);
            return;
        }
        container.IsOnPath = true;
        int before = _tensors.Count;
        var children = _levels[depth];
        children.Clear();
        PickleChildren.AddTo(children, container);
        _visits += children.Count;
        if (_visits > MaximumVisits) throw Error("its dicts refer to each other so often that their tensors have no end of names");
        foreach (var child in children)
        {
            if (TensorReach.Holds(child.Value)) Enter(NameOf(child), child.Value, depth + 1);
        }
        container.IsOnPath = false;
        if (container is PickleObject made) Judge(made, _tensors.Count > before);
    }

    /// <summary>Visits a node one step further along the name.</summary>
    private void Enter(string part, object? node, int depth)
    {
        int length = _name.Length;
        if (length > 0) _name.Append('.');
        if (length + part.Length < MaximumName)
        {
            _name.Append(part);
            Visit(node, depth);
        }
        else
        {
            _tooLong = (_tooLong.Count + 1, _tooLong.Count == 0 ? _name.Append(part.AsSpan(0, Math.Min(part.Length, 100))).ToString() : _tooLong.First);
        }
        _name.Length = length;
    }

    /// <summary>An object without names inside that was to be made from tensors is one tensor that cannot be read; one with names gets a note.</summary>
    private void Judge(PickleObject made, bool hasTensors)
    {
        if (hasTensors)
        {
            if (made.State is not null) _objects = (_objects.Count + 1, _objects.Count == 0 ? $"{_name} ({made.Class})" : _objects.First);
            return;
        }
        var nameless = new List<PickleChild>();
        PickleChildren.AddNameless(nameless, made);
        if (_name.Length > 0 && nameless.Exists(child => TensorReach.Holds(child.Value)))
            Add(new UnreadableTensor($"it is an object of {made.Class}, which was made from tensors in a way that is not read", TorchType.Unknown, []));
    }

    /// <summary>A storage without a tensor is a row of its elements.</summary>
    private static object AsTensor(TorchStorage storage) => storage.Type.Type == DataType.Other
        ? new UnreadableTensor($"its type is {Quote.Text(storage.Type.Name)}, which this program does not know", storage.Type, [storage.Count])
        : new TorchTensor(storage, storage.Type, 0, [storage.Count], [1]);

    private void Add(object tensor)
    {
        string name = _name.ToString();
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

    private void Note((int Count, string First) found, string what)
    {
        if (found.Count > 0) _notes.Add($"{what}: {Quote.Text(found.First)}{(found.Count > 1 ? $" and {found.Count - 1} more" : "")}");
    }

    private static string NameOf(PickleChild child) => child.Index >= 0 ? child.Index.ToString(CultureInfo.InvariantCulture) : child.Key switch
    {
        PickleBytes bytes => bytes.AsName(MaximumName),
        PickleGlobal global => global.ToString(),
        null => "None",
        var key => Text(key)
    } ?? "?";

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

using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>The closed list of names that mean something in torch.save's pickles: they give tensors, storages, dicts and plain values. Every other call is inert.</summary>
/// <param name="source">The file, for messages.</param>
/// <param name="charge">Told of the memory that a call takes beside its node, in bytes; it ends a pickle that takes too much.</param>
internal sealed class TorchRules(string source, Action<long> charge)
{
    private const int MaximumShapes = 8 << 20, MaximumSearch = 48, MaximumCode = 16, ReasonCost = 1536;
    private const long PairCost = 160;
    private const long MaximumScanned = 256 << 20;

    private readonly Dictionary<string, TorchStorage> _known = new(StringComparer.Ordinal);
    private long _shapeMemory, _scanned;

    /// <summary>All storages named so far, by key.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => _known;

    /// <summary>What a call gives: a tensor, a dict, a plain value, or an inert node.</summary>
    /// <exception cref="FileFormatException">The arguments are no tuple, or a tensor lies outside its storage.</exception>
    public object? Call(object? function, object? arguments)
    {
        if (arguments is not PickleTuple tuple) throw Error("a call has arguments that are no tuple");
        if (function is not PickleGlobal global) return new PickleObject(null, tuple);
        object?[] items = tuple.Items;
        return global.Module switch
        {
            "torch._utils" or "torch._tensor" or "torch.tensor" or "torch.nn.parameter" or "torch" => Torch(global, tuple),
            "numpy" or "numpy.core.multiarray" or "numpy._core.multiarray" or "numpy.core.numeric" or "numpy._core.numeric" => Numpy(global.Name, items),
            "numpy.ma.core" when global.Name == "_mareconstruct" => Unreadable("it is a masked NumPy array", null, null),
            "_codecs" when global.Name == "encode" && items.Length > 0 => Encoded(items[0]),
            "collections" when global.Name is "OrderedDict" or "defaultdict" or "Counter" => Dict(items),
            "builtins" or "__builtin__" when global.Name == "dict" => Dict(items),
            "copyreg" or "copy_reg" when global.Name == "_reconstructor" && items is [PickleGlobal made, _, var state] => new PickleObject(made, new([])) { Entries = state as PickleDict },
            _ => null
        } ?? Inert(global, tuple);
    }

    /// <summary>What making an instance of a class gives; a few classes are known to be dicts.</summary>
    public object Make(object? made, object? arguments)
    {
        var tuple = arguments as PickleTuple ?? new([]);
        if (made is not PickleGlobal global) return new PickleObject(null, tuple);
        if (global is { Module: "collections", Name: "OrderedDict" or "defaultdict" or "Counter" }) return Dict(tuple.Items) ?? new PickleDict();
        return global is { Module: "torch.nn.parameter", Name: "Parameter" or "Buffer" } && IsTensor(tuple.Items.FirstOrDefault()) ? tuple.Items[0]! : Inert(global, tuple);
    }

    /// <summary>Gives an object its state. A tensor or a dict needs none.</summary>
    /// <returns>The object.</returns>
    public object? Build(object? node, object? state)
    {
        if (node is PickleObject made) made.State = state;
        else if (node is NumpyArray array)
        {
            charge(ReasonCost);
            array.Build(state);
        }
        else if (node is NumpyType type) type.Build(state);
        return node;
    }

    /// <summary>The storage that a persistent identifier names: ('storage', type, key, location, count[, view]), or the class that an old file stored with its source.</summary>
    /// <exception cref="FileFormatException">It names neither, or a storage in two ways.</exception>
    public object Persistent(object? id)
    {
        if (id is PickleTuple { Items: ["module", PickleGlobal made, ..] }) return made;
        if (id is not PickleTuple { Items: ["storage", PickleGlobal type, string key, _, long count, .. var view] }) throw Error("it names a storage in an unknown way");
        var element = TorchType.OfStorage(type);
        if (count < 0 || count > long.MaxValue / Math.Max(element.Type.ElementBits / 8, 1)) throw Error($"storage {Quote.Text(key)} has {count} elements");
        if (view is not ([] or [null])) throw Error($"storage {Quote.Text(key)} is a view of another, as torch wrote before 0.4; load and save it with a newer torch");
        var storage = new TorchStorage(key, element, count) { IsUntyped = TorchType.IsUntyped(type) };
        if (_known.TryAdd(key, storage) || _known[key] == storage) return _known[key];
        // A storage that says nothing of its type fits any other of as many bytes.
        return (storage.IsUntyped || _known[key].IsUntyped) && _known[key].Bytes == storage.Bytes ? storage : throw Error($"storage {Quote.Text(key)} is said to have two types or sizes");
    }

    /// <summary>Whether a node is a tensor, readable or not.</summary>
    public static bool IsTensor(object? node) => node is TorchTensor or UnreadableTensor or NumpyArray;

    private object? Torch(PickleGlobal global, PickleTuple tuple)
    {
        object?[] items = tuple.Items;
        switch (global.Name)
        {
            case "_rebuild_tensor" or "_rebuild_tensor_v2": return Tensor(items, null);
            case "_rebuild_tensor_v3": return Tensor(items, items.Length > 6 ? TorchType.OfDtype(items[6]) ?? TorchType.Unknown : TorchType.Unknown);
            case "_rebuild_parameter" or "_rebuild_parameter_with_state" or "Parameter" or "Buffer" or "_rebuild_device_tensor_from_cpu_tensor" or "_rebuild_device_tensor_from_numpy" or "_rebuild_xla_tensor"
                when IsTensor(items.FirstOrDefault()):
                return items[0];
            case "_rebuild_from_type" or "_rebuild_from_type_v2" when items is [var function, PickleGlobal type, PickleTuple arguments, .. var state]:
                return Wrapped(type, Call(function, arguments), state.FirstOrDefault());
            case "_rebuild_wrapper_subclass" when items is [PickleGlobal type, var dtype, var shape, ..]:
                return Unreadable($"it is of {Quote.Text(type.ToString())}, whose numbers PyTorch stores in parts", TorchType.OfDtype(dtype), shape);
            case "_rebuild_meta_tensor_no_storage" when items is [var dtype, var shape, ..]: return Unreadable("it was saved on the device \"meta\", without its numbers", TorchType.OfDtype(dtype), shape);
            case "UninitializedParameter" or "UninitializedBuffer": return Unreadable("it was saved before it was given a shape", TorchType.OfDtype(items.ElementAtOrDefault(2)), null);
            case "_rebuild_qtensor" when items is [TorchStorage storage, _, var shape, ..]: return Unreadable("it is quantized", storage.Type, shape);
            case "_rebuild_sparse_tensor" or "_rebuild_sparse_csr_tensor" when items is [_, PickleTuple { Items: { Length: <= 8 } parts }]:
                return Unreadable("it is sparse", parts.OfType<TorchTensor>().LastOrDefault()?.Type, parts.OfType<PickleTuple>().FirstOrDefault());
            case "_rebuild_nested_tensor": return Unreadable("it is nested, of rows that have other lengths", (items.FirstOrDefault() as TorchTensor)?.Type, null);
            case "Size" when items is [PickleTuple or PickleList]: return items[0];
            case var name when name.StartsWith("_rebuild", StringComparison.Ordinal): return Unreadable($"it is rebuilt by {Quote.Text(global.ToString())} in a way that is not read", null, null);
            default: return null;
        }
    }

    /// <summary>A tensor of a class of its own. Where the class keeps its numbers in attributes, they are read only if one attribute alone can be all of them.</summary>
    private object? Wrapped(PickleGlobal type, object? tensor, object? state)
    {
        if (tensor is not UnreadableTensor outer) return tensor;
        charge(ReasonCost);
        var inner = new List<TorchTensor>();
        int left = MaximumSearch;
        Collect(state, inner, ref left);
        return inner is [var only] && outer.Shape.Length > 0 && only.Shape.AsSpan().SequenceEqual(outer.Shape) && only.Type == outer.Type ? only
            : inner.Count > 0 ? outer with { Reason = $"it is of {Quote.Text(type.ToString())}, which holds {inner.Count} tensor{(inner.Count == 1 ? "" : "s")} in the place of its numbers" } : outer;
    }

    private static void Collect(object? node, List<TorchTensor> found, ref int left)
    {
        if (left-- <= 0) return;
        if (node is TorchTensor tensor) found.Add(tensor);
        object?[] items = node is PickleTuple tuple ? tuple.Items : [];
        for (int i = 0; i < items.Length && left > 0; i++) Collect(items[i], found, ref left);
        var entries = (node as PickleDict)?.Items;
        for (int i = 0; i < entries?.Count && left > 0; i++) Collect(entries[i].Value, found, ref left);
    }

    private object? Numpy(string name, object?[] items)
    {
        charge(ReasonCost);
        return (name, items) switch
        {
            ("dtype", [string { Length: <= MaximumCode } code, ..]) => new NumpyType(code),
            ("dtype", [PickleGlobal { Name.Length: <= MaximumCode } type, ..]) => new NumpyType(type.Name),
            ("_reconstruct", _) => new NumpyArray(),
            ("_frombuffer", [var data, NumpyType type, PickleTuple shape, var order, ..]) => NumpyArray.Make(shape, type, order is "F", data),
            ("scalar", [NumpyType type, var data]) => Scalar(type, data),
            _ => null
        };
    }

    /// <summary>A NumPy number as a plain one; null where it is none.</summary>
    private static object? Scalar(NumpyType type, object? data)
    {
        if (!type.Type.Type.IsReadable || NumpyArray.Bytes(data) is not { } bytes || bytes.Length != type.Type.Type.ElementBytes) return null;
        if (type.Type.Type == DataType.Bool) return bytes.Decode().Span[0] != 0;
        if (type.Type.Type == DataType.U64) return null;
        if (!type.Type.Type.IsInteger)
        {
            double[] real = new double[1];
            ElementConversion.Decode<double>(type.Type.Type, bytes.Decode().Span, real);
            return real[0];
        }
        long[] whole = new long[1];
        ElementConversion.Decode<long>(type.Type.Type, bytes.Decode().Span, whole);
        return whole[0];
    }

    /// <summary>Bytes that protocols before 3 write as a text of Latin-1.</summary>
    private PickleBytes? Encoded(object? text)
    {
        if (text is string name)
        {
            charge(name.Length);
            return name.All(c => c <= '\xff') ? new PickleBytes(Encoding.Latin1.GetBytes(name)) : null;
        }
        if (text is not PickleLongText { Utf8: var utf8 }) return null;
        // Each call looks at every letter, and a pickle can repeat a call in a few bytes.
        _scanned += utf8.Length;
        if (_scanned > MaximumScanned) throw Error($"its pickle turns more than {MaximumScanned >> 20} MiB of text into bytes");
        return PickleBytes.IsLatin1(utf8.Span) ? new PickleBytes(utf8, IsText: true) : null;
    }

    /// <summary>A dict from the arguments of its class: none, a dict, pairs, or a default and one of these.</summary>
    private PickleDict? Dict(object?[] items) => items switch
    {
        [] => new PickleDict(),
        [.., PickleDict dict] => dict,
        [.., PickleList pairs] => Pairs(pairs),
        [_] => new PickleDict(),
        _ => null
    };

    /// <summary>A list of pairs as a dict; null where an item is no pair.</summary>
    private PickleDict? Pairs(PickleList list)
    {
        if (list.Items.Count != list.Count) return null;
        charge(PairCost * list.Count);
        var dict = new PickleDict();
        foreach (var (_, item) in list.Items)
        {
            object?[] pair = item switch { PickleTuple tuple => tuple.Items, PickleList { Count: 2 } two => [.. two.Items.Select(entry => entry.Value)], _ => [] };
            if (pair.Length != 2) return null;
            dict.Items.Add((pair[0], pair[1]));
        }
        return dict;
    }

    /// <summary>A call of an unknown name. One dict, or a list of pairs, as its only argument is what a class derived from dict is made from.</summary>
    private PickleObject Inert(PickleGlobal global, PickleTuple arguments) => arguments.Items switch
    {
        [PickleDict entries] => new(global, new([])) { Entries = entries },
        [PickleList { Count: > 0 } list] when Pairs(list) is { } pairs => new(global, new([])) { Entries = pairs },
        _ => new(global, arguments)
    };

    private object Tensor(object?[] items, TorchType? type)
    {
        if (items is not [TorchStorage storage, long offset, var shape, var strides, ..] || Sizes(shape) is not { } sizes || Sizes(strides) is not { } steps)
            return Unreadable("it is rebuilt from unknown arguments", type, null);
        var element = type ?? storage.Type;
        if (TorchTensor.Damage(storage, element, offset, sizes, steps) is { } problem) throw Error(problem);
        if (element.Type == DataType.Other || storage.Type.Type == DataType.Other)
        {
            string name = element.Name ?? storage.Type.Name ?? "unknown";
            return Unreadable($"its type is {Quote.Text(name)}, which this program does not know", new(DataType.Other, name), shape);
        }
        var tensor = new TorchTensor(storage, element, offset, sizes, steps);
        return tensor.Repetition is { } repetition ? Unreadable(repetition, element, shape) : tensor;
    }

    private UnreadableTensor Unreadable(string reason, TorchType? type, object? shape)
    {
        charge(ReasonCost);
        return new UnreadableTensor(reason, type ?? TorchType.Unknown, Sizes(shape) is { } sizes && TensorInfo.TryMeasure(sizes, DataType.U8, out _) ? sizes : []);
    }

    /// <summary>Sizes or strides; null where the node is no tuple of whole numbers.</summary>
    private long[]? Sizes(object? node)
    {
        if (node is not PickleTuple { Items: var items }) return null;
        // Shapes can be shared by all of a file's tensors, so their copies have a limit of their own.
        _shapeMemory += 16L * items.Length;
        if (_shapeMemory > MaximumShapes) throw Error($"the shapes of its tensors take more than {MaximumShapes >> 20} MiB");
        return items.All(item => item is long) ? [.. items.Select(item => (long)item!)] : null;
    }

    private FileFormatException Error(string problem) => new($"{source}: {problem}");
}

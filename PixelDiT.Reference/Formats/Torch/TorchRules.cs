using PixelDiT.Kernels;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>The closed list of names that mean something in torch.save's pickles; every other call is inert.</summary>
internal sealed class TorchRules(string source)
{
    private static readonly Dictionary<string, DataType> s_storages = new(StringComparer.Ordinal)
    {
        ["DoubleStorage"] = DataType.F64,
        ["FloatStorage"] = DataType.F32,
        ["HalfStorage"] = DataType.F16,
        ["BFloat16Storage"] = DataType.BF16,
        ["LongStorage"] = DataType.I64,
        ["IntStorage"] = DataType.I32,
        ["ShortStorage"] = DataType.I16,
        ["CharStorage"] = DataType.I8,
        ["ByteStorage"] = DataType.U8,
        ["BoolStorage"] = DataType.Bool
    };

    private readonly Dictionary<string, TorchStorage> _known = new(StringComparer.Ordinal);
    private long _tensorMemory;

    /// <summary>All storages named so far, by key.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => _known;

    /// <summary>What a call gives: a tensor, an empty dict, or an inert node.</summary>
    /// <exception cref="FileFormatException">A tensor is rebuilt from arguments that make none.</exception>
    public object? Call(object? function, object? arguments)
    {
        if (arguments is not PickleTuple { Items: var items }) throw Error("a call has arguments that are no tuple");
        if (function is not PickleGlobal global) return new PickleObject(null);
        return (global.Module, global.Name) switch
        {
            ("collections", "OrderedDict") when items.Length == 0 => new PickleDict(),
            ("torch._utils", "_rebuild_tensor_v2" or "_rebuild_tensor") => Tensor(items),
            ("torch._utils", "_rebuild_parameter") => items is [TorchTensor tensor, ..] ? tensor : throw Error("a parameter is made of something that is no tensor"),
            _ => new PickleObject(global)
        };
    }

    /// <summary>The storage that a persistent identifier names: ('storage', type, key, location, count[, view]).</summary>
    /// <exception cref="FileFormatException">It names none, or one of a type that is not read.</exception>
    public TorchStorage Persistent(object? id)
    {
        if (id is not PickleTuple { Items: ["storage", PickleGlobal type, string key, _, long count, .. var view] }) throw Error("it names a storage in an unknown way");
        if (type.Module is not ("torch" or "torch.storage") || !s_storages.TryGetValue(type.Name, out var element)) throw Error($"a storage is of type {Quote.Text(type.ToString())}, which is not read");
        if (count < 0 || count > long.MaxValue / element.ElementBytes) throw Error($"storage {Quote.Text(key)} has {count} elements");
        if (view is not ([] or [null])) throw Error($"storage {Quote.Text(key)} is a view of another, as torch wrote before 0.4; load and save it with a newer torch");
        var storage = new TorchStorage(key, element, count);
        if (_known.TryAdd(key, storage) || _known[key] == storage) return _known[key];
        throw Error($"storage {Quote.Text(key)} is said to have two types or sizes");
    }

    private TorchTensor Tensor(object?[] items)
    {
        if (items is not [TorchStorage storage, long offset, PickleTuple shape, PickleTuple strides, ..]) throw Error("a tensor is rebuilt from unknown arguments");
        // Shapes can be shared by all of a file's tensors, so their copies have a limit of their own.
        _tensorMemory += 16L * (shape.Items.Length + strides.Items.Length);
        if (_tensorMemory > 8 << 20) throw Error("the shapes of its tensors take more than 8 MiB");
        long[] sizes = Numbers(shape), steps = Numbers(strides);
        return TorchTensor.Problem(storage, offset, sizes, steps) is { } problem ? throw Error(problem) : new TorchTensor(storage, offset, sizes, steps);
    }

    private long[] Numbers(PickleTuple tuple) => [.. tuple.Items.Select(item => item is long number ? number : throw Error("a tensor's sizes or strides are no whole numbers"))];

    private FileFormatException Error(string problem) => new($"{source}: {problem}");
}

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>A Python tuple. Beside these nodes a pickle gives null, bool, long, BigInteger, double, string and byte[].</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>A Python list, or a set.</summary>
internal sealed class PickleList
{
    /// <summary>The items in order.</summary>
    public List<object?> Items { get; } = [];
}

/// <summary>A Python dict, or an OrderedDict.</summary>
internal sealed class PickleDict
{
    /// <summary>Keys and values in the order of the file; a key may occur again.</summary>
    public List<(object? Key, object? Value)> Items { get; } = [];
}

/// <summary>The name of a class or function. It is only ever compared with names.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    /// <summary>Module and name with a dot.</summary>
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>What a call or a class outside the closed list stands for: nothing but the name of what was to be called.</summary>
internal sealed record PickleObject(PickleGlobal? Made);

/// <summary>A run of elements in the file that tensors are views of.</summary>
/// <param name="Key">The name of its bytes in the file.</param>
/// <param name="Type">The type of an element.</param>
/// <param name="Count">How many elements it has.</param>
internal sealed record TorchStorage(string Key, DataType Type, long Count);

/// <summary>A view of a storage: element (i₀, i₁, …) lies at Offset + Σ iₖ·Strideₖ. Checked to lie within the storage.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides)
{
    private const int MaximumRank = 64;
    private const long MaximumRepeated = 1 << 20;

    /// <summary>The number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Whether elements lie in row-major order without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected) return false;
                expected *= Shape[i];
            }
            return true;
        }
    }

    /// <summary>How many elements of the storage lie from the first to the last of the view; 0 if it is empty.</summary>
    public long Extent => Shape.Contains(0) ? 0 : 1 + Shape.Zip(Strides, (size, stride) => (size - 1) * stride).Sum();

    /// <summary>What is wrong with a view, or null.</summary>
    public static string? Problem(TorchStorage storage, long offset, long[] shape, long[] strides)
    {
        if (shape.Length != strides.Length || shape.Length > MaximumRank) return $"a tensor has {shape.Length} sizes and {strides.Length} strides; as many of each, at most {MaximumRank}, were expected";
        if (offset < 0 || strides.Any(stride => stride < 0)) return "a tensor has a negative offset or stride";
        if (!TensorInfo.TryMeasure(shape, storage.Type, out long bytes)) return "a tensor has a negative size, or more than 2^63 - 1 bytes";
        Int128 last = offset;
        for (int i = 0; i < shape.Length; i++) last += (Int128)Math.Max(shape[i] - 1, 0) * strides[i];
        if (bytes > 0 ? last >= storage.Count : offset > storage.Count) return $"a tensor reaches element {last} of storage {Quote.Text(storage.Key)}, which has {storage.Count}";
        long count = bytes / storage.Type.ElementBytes;
        return count > Math.Max(storage.Count, MaximumRepeated) ? $"a tensor repeats the {storage.Count} elements of storage {Quote.Text(storage.Key)} {count} times over" : null;
    }
}

using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>A run of elements that tensors are views of.</summary>
/// <param name="Key">The name of its bytes in the file.</param>
/// <param name="Type">The type of an element.</param>
/// <param name="Count">How many elements it has.</param>
internal sealed record TorchStorage(string Key, TorchType Type, long Count)
{
    /// <summary>The bytes themselves, where they stand in the pickle; null where the file has them under <see cref="Key"/>.</summary>
    public PickleBytes? Inline { get; init; }

    /// <summary>Whether the file says nothing of its elements but their bytes.</summary>
    public bool IsUntyped { get; init; }

    /// <summary>How many bytes it has; 0 where the size of its type is unknown.</summary>
    public long Bytes => Count * (Type.Type.ElementBits / 8);
}

/// <summary>A tensor that a file names but whose numbers this program cannot give.</summary>
/// <param name="Reason">Why, in words that can follow its name and a colon.</param>
/// <param name="Type">The type of its elements, as far as the file tells.</param>
/// <param name="Shape">Its sizes; empty where the file does not tell.</param>
internal sealed record UnreadableTensor(string Reason, TorchType Type, long[] Shape);

/// <summary>A view of a storage: element (i₀, i₁, …) lies at Offset + Σ iₖ·Strideₖ. Checked to lie within the storage.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Type">The type as which the storage's bytes are seen.</param>
/// <param name="Offset">The place of the first element, in elements.</param>
/// <param name="Shape">The sizes.</param>
/// <param name="Strides">From one element to the next on each axis, in elements.</param>
internal sealed record TorchTensor(TorchStorage Storage, TorchType Type, long Offset, long[] Shape, long[] Strides)
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

    /// <summary>Whether two views are of the same elements.</summary>
    public bool IsSameAs(TorchTensor other)
        => Storage == other.Storage && Type == other.Type && Offset == other.Offset && Shape.AsSpan().SequenceEqual(other.Shape) && Strides.AsSpan().SequenceEqual(other.Strides);

    /// <summary>What is wrong with a view, so that its file is damaged; null where it is sound.</summary>
    public static string? Damage(TorchStorage storage, TorchType type, long offset, long[] shape, long[] strides)
    {
        if (shape.Length != strides.Length || shape.Length > MaximumRank) return $"a tensor has {shape.Length} sizes and {strides.Length} strides; as many of each, at most {MaximumRank}, were expected";
        if (offset < 0 || strides.Any(stride => stride < 0)) return "a tensor has a negative offset or stride";
        if (!TensorInfo.TryMeasure(shape, type.Type, out _)) return "a tensor has a negative size, or more than 2^63 - 1 bytes";
        if (type.Type == DataType.Other || storage.Type.Type == DataType.Other) return null;
        Int128 last = offset;
        for (int i = 0; i < shape.Length; i++) last += (Int128)Math.Max(shape[i] - 1, 0) * strides[i];
        long room = type.Type == storage.Type.Type ? storage.Count : storage.Bytes / (type.Type.ElementBits / 8);
        return (shape.Contains(0) ? offset > room : last >= room) ? $"a tensor reaches element {last} of storage {Quote.Text(storage.Key)}, which has {room}" : null;
    }

    /// <summary>Why a sound view is not read: it shows few elements so many times that reading it would never end.</summary>
    public string? Repetition => Count > Math.Max(Storage.Count, MaximumRepeated) ? $"it repeats the {Storage.Count} elements of storage {Quote.Text(Storage.Key)} {Count} times over" : null;
}

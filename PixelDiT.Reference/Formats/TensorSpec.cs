using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Reference.Formats;

/// <summary>A tensor's name, type and shape.</summary>
/// <param name="Name">Its key in the file: unique, and not "__metadata__".</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Shape">The sizes, outermost first, each at least 0; empty for a scalar.</param>
public record TensorSpec(string Name, DataType Type, IReadOnlyList<long> Shape)
{
    /// <summary>The number of elements: the product of the shape.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>The bytes of its elements; 0 where their size is unknown.</summary>
    public virtual long Bytes => TensorInfo.TryMeasure(Shape, Type, out long bytes) ? bytes : 0;

    /// <summary>The type in the words of its file, such as "F32"; a type that <see cref="DataType"/> lacks has its own.</summary>
    public string TypeName { get => field ?? Type.FormatName; init; }

    /// <summary>Why its elements cannot be read as numbers, in words that can follow its name and a colon; null where they can.</summary>
    public string? Unreadable
    {
        get => field ?? (Type.IsReadable ? null : $"its type is {TypeName}, which this program cannot turn into numbers; a float of 16 to 64 bits, an integer or BOOL was expected");
        init;
    }
}

/// <summary>Supplies the elements of a tensor while it is being written.</summary>
/// <param name="name">The tensor.</param>
/// <param name="firstElement">The index of the chunk's first element in row-major order. Chunks come in order and never span tensors.</param>
/// <param name="chunk">To be filled to its end; its content before that is arbitrary.</param>
public delegate void TensorFill(string name, long firstElement, Span<float> chunk);

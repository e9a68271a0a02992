namespace PixelDiT.Reference.Formats.Safetensors;

/// <summary>Where one tensor lies in a safetensors file and how its elements are encoded.</summary>
/// <param name="Name">The key in the file; any text, unique in the file.</param>
/// <param name="Type">The encoding of an element.</param>
/// <param name="Shape">The sizes, outermost first, each at least 0; empty for a scalar. Elements are row-major.</param>
/// <param name="Offset">Where the first byte lies, counted from the first byte after the header.</param>
/// <param name="Bytes">The number of bytes, the product of the shape times the size of an element.</param>
public sealed record TensorInfo(string Name, DataType Type, IReadOnlyList<long> Shape, long Offset, long Bytes) : TensorSpec(Name, Type, Shape)
{
    /// <inheritdoc/>
    public override long Bytes { get; } = Bytes;

    /// <summary>
    /// The bytes of a tensor of a shape and type; elements below 8 bits lie side by side, and a last byte that is filled in part counts whole. A shape whose nonzero sizes alone
    /// overflow 64 bits is refused even when another size is zero, so that nobody who multiplies the sizes in another order meets an overflow.
    /// </summary>
    /// <returns>False if a size is negative, or the elements or their bytes are more than 2⁶³ − 1.</returns>
    internal static bool TryMeasure(IReadOnlyList<long> shape, DataType type, out long bytes)
    {
        bytes = 0;
        Int128 elements = 1;
        bool empty = false;
        foreach (long size in shape)
        {
            if (size < 0) return false;
            empty |= size == 0;
            elements *= Math.Max(size, 1);
            if (elements > long.MaxValue) return false;
        }
        Int128 needed = ((elements * type.ElementBits) + 7) / 8;
        if (needed > long.MaxValue) return false;
        bytes = empty ? 0 : (long)needed;
        return true;
    }
}

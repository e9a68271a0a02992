using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>Where queries, keys, values or results lie: element (image, token, head, channel) is at Offset + image·BatchStride + token·TokenStride + head·HeadStride + channel.</summary>
/// <param name="Values">The tensor.</param>
/// <param name="Offset">The first element.</param>
/// <param name="BatchStride">From an image to the next.</param>
/// <param name="TokenStride">From a token to the next.</param>
/// <param name="HeadStride">From a head to the next.</param>
public readonly record struct HeadView(Tensor Values, long Offset, long BatchStride, int TokenStride, int HeadStride)
{
    /// <summary>A tensor [B, L, h, hd].</summary>
    public static HeadView Of(Tensor values) => new(values, 0, (long)values.Shape[1] * values.Shape[2] * values.Shape[3], values.Shape[2] * values.Shape[3], values.Shape[3]);

    /// <summary>One part of qkv [B, L, 3, h, hd]: 0 queries, 1 keys, 2 values.</summary>
    public static HeadView PartOf(Tensor qkv, int part)
    {
        int row = qkv.Shape[3] * qkv.Shape[4];
        return new(qkv, part * row, (long)qkv.Shape[1] * 3 * row, 3 * row, qkv.Shape[4]);
    }

    /// <summary>Whether every token of every head begins at a multiple of so many elements, in memory too.</summary>
    internal bool IsAligned(int elements)
        => Values.Address % (elements * Tensor.SizeOf(Values.Type)) == 0 && Offset % elements == 0 && BatchStride % elements == 0 && TokenStride % elements == 0 && HeadStride % elements == 0;

    /// <summary>Checks that every element which an attention will touch lies inside the tensor.</summary>
    /// <exception cref="ShapeException">The last one does not.</exception>
    internal void Require(string name, AttentionSizes sizes)
    {
        long last = Offset + ((sizes.Batch - 1) * BatchStride) + ((sizes.Tokens - 1L) * TokenStride) + ((sizes.Heads - 1L) * HeadStride) + sizes.Width - 1;
        if (Offset < 0 || last >= Values.Count) throw new ShapeException($"{name} {Values.Shape} from element {Offset} on do not hold {sizes.Batch} images, {sizes.Tokens} tokens, {sizes.Heads} heads of {sizes.Width}");
    }
}

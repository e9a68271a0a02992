using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// Where queries, keys, values or results lie: element (image, token, head, channel) is at Offset + image·BatchStride + token·TokenStride + head·HeadStride + channel. A joint sequence, such as
/// text before an image, lies in two tensors: tokens from <see cref="Split"/> on are those of <see cref="Second"/>.
/// </summary>
/// <param name="Values">The tensor.</param>
/// <param name="Offset">The first element.</param>
/// <param name="BatchStride">From an image to the next.</param>
/// <param name="TokenStride">From a token to the next.</param>
/// <param name="HeadStride">From a head to the next.</param>
public sealed record HeadView(Tensor Values, long Offset, long BatchStride, int TokenStride, int HeadStride)
{
    /// <summary>The token with which the second part begins; beyond every token where there is one part.</summary>
    public int Split { get; private init; } = int.MaxValue;

    /// <summary>Where the tokens from <see cref="Split"/> on lie; null where there is one part.</summary>
    public HeadView? Second { get; private init; }

    /// <summary>A tensor [B, L, h, hd].</summary>
    public static HeadView Of(Tensor values) => new(values, 0, (long)values.Shape[1] * values.Shape[2] * values.Shape[3], values.Shape[2] * values.Shape[3], values.Shape[3]);

    /// <summary>One part of qkv [B, L, 3, h, hd]: 0 queries, 1 keys, 2 values.</summary>
    public static HeadView PartOf(Tensor qkv, int part)
    {
        int row = qkv.Shape[3] * qkv.Shape[4];
        return new(qkv, part * row, (long)qkv.Shape[1] * 3 * row, 3 * row, qkv.Shape[4]);
    }

    /// <summary>A sequence of <paramref name="tokens"/> tokens followed by another, each where it lies.</summary>
    /// <exception cref="ShapeException">The two are stored differently, or lie with different strides.</exception>
    public HeadView Then(int tokens, HeadView next)
    {
        if (Second is not null || next.Second is not null) throw new ShapeException("a joint sequence has two parts");
        if (next.Values.Type != Values.Type || next.TokenStride != TokenStride || next.HeadStride != HeadStride)
            throw new ShapeException($"the parts of a joint sequence, {Values.Shape} of {Values.Type} and {next.Values.Shape} of {next.Values.Type}, lie with different strides");
        return this with { Split = tokens, Second = next };
    }

    /// <summary>Whether every token of every head begins at a multiple of so many elements, in memory too.</summary>
    internal bool IsAligned(int elements)
        => Values.Address % (elements * Tensor.SizeOf(Values.Type)) == 0 && Offset % elements == 0 && BatchStride % elements == 0 && TokenStride % elements == 0 && HeadStride % elements == 0
            && (Second?.IsAligned(elements) ?? true);

    /// <summary>Checks that every element which an attention will touch lies inside the tensors.</summary>
    /// <exception cref="ShapeException">The last one does not.</exception>
    internal void Require(string name, AttentionSizes sizes)
    {
        if (Second is not null && (Split < 1 || Split >= sizes.Tokens)) throw new ShapeException($"{name} are parted at token {Split} of {sizes.Tokens}");
        int tokens = Math.Min(Split, sizes.Tokens);
        long last = Offset + ((sizes.Batch - 1) * BatchStride) + ((tokens - 1L) * TokenStride) + ((sizes.Heads - 1L) * HeadStride) + sizes.Width - 1;
        if (Offset < 0 || last >= Values.Count) throw new ShapeException($"{name} {Values.Shape} from element {Offset} on do not hold {sizes.Batch} images, {tokens} tokens, {sizes.Heads} heads of {sizes.Width}");
        Second?.Require(name, sizes with { Tokens = sizes.Tokens - Split });
    }
}

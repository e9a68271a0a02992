using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

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

    /// <summary>Checks that every element which an attention will touch lies inside the tensor.</summary>
    /// <exception cref="ShapeException">The last one does not.</exception>
    internal void Require(string name, AttentionSizes sizes)
    {
        long last = Offset + ((sizes.Batch - 1) * BatchStride) + ((sizes.Tokens - 1L) * TokenStride) + ((sizes.Heads - 1L) * HeadStride) + sizes.Width - 1;
        if (last >= Values.Count) throw new ShapeException($"{name} {Values.Shape} end before the last of {sizes.Batch} images, {sizes.Tokens} tokens, {sizes.Heads} heads of {sizes.Width}");
    }
}

/// <summary>
/// Attention (SPEC §2). For each image and head, q, k, v, o [L, hd], lse [L]:
/// <code>
/// forward    S = q·kᵀ/√hd      P = softmax(S)     o = P·v        lse = log Σ exp S
/// backward   P again from S and lse;  δ_i = Σ_c do_ic·o_ic
///            dv = Pᵀ·do     dS = P∘(do·vᵀ − δ)/√hd     dq = dS·k     dk = dSᵀ·q
/// </code>
/// No L×L matrix is kept: the forward works on 64 queries at a time, the backward repeats them. All gradients are written.
/// </summary>
public static class Attention
{
    /// <summary>Queries that one item of the forward takes.</summary>
    internal const int TileRows = 64;

    /// <summary>o and lse [B, h, L] from q, k, v.</summary>
    public static void Forward(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse)
    {
        q.Require("queries", sizes);
        k.Require("keys", sizes);
        v.Require("values", sizes);
        o.Require("results", sizes);
        lse.RequireCountOf("lse", (long)sizes.Batch * sizes.Heads * sizes.Tokens);
        if (q.Values.Type == ElementType.BFloat16) Forward<BFloat16>(q, k, v, sizes, o, lse);
        else Forward<Single32>(q, k, v, sizes, o, lse);
    }

    /// <summary>dq, dk and dv.</summary>
    public static void Backward(HeadView dO, HeadView q, HeadView k, HeadView v, HeadView o, Tensor lse, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV)
    {
        if (q.Values.Type == ElementType.BFloat16) Backward<BFloat16>(dO, q, k, v, o, lse, sizes, dQ, dK, dV);
        else Backward<Single32>(dO, q, k, v, o, lse, sizes, dQ, dK, dV);
    }

    private static void Forward<T>(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse) where T : unmanaged, IStorage<T>
    {
        int tiles = (sizes.Tokens + TileRows - 1) / TileRows;
        q.Values.Device.Launch(new AttentionForward<T>(new(q), new(k), new(v), new(o), lse.View<float>(), sizes, tiles), sizes.Batch * sizes.Heads * tiles, TileRows);
    }

    private static void Backward<T>(HeadView dO, HeadView q, HeadView k, HeadView v, HeadView o, Tensor lse, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV)
        where T : unmanaged, IStorage<T>
    {
        q.Values.Device.Launch(
            new AttentionBackward<T>(new(dO), new(q), new(k), new(v), new(o), lse.View<float>(), sizes, new(dQ), new(dK), new(dV)), sizes.Batch * sizes.Heads, Elements.MaxLanes);
    }
}

/// <summary>The sizes of an attention.</summary>
/// <param name="Batch">B, images.</param>
/// <param name="Tokens">L, queries and keys of an image.</param>
/// <param name="Heads">h.</param>
/// <param name="Width">hd, channels of a head.</param>
public readonly record struct AttentionSizes(int Batch, int Tokens, int Heads, int Width)
{
    /// <summary>1/√hd.</summary>
    public float Scale => 1f / MathF.Sqrt(Width);
}

/// <summary>A <see cref="HeadView"/> as kernels take it.</summary>
internal readonly struct HeadMemory<T>(HeadView view) where T : unmanaged, IStorage<T>
{
    public readonly DeviceView<T> Values = view.Values.View<T>();
    private readonly long _offset = view.Offset, _batchStride = view.BatchStride;
    private readonly int _headStride = view.HeadStride;

    /// <summary>From a token to the next.</summary>
    public readonly int TokenStride = view.TokenStride;

    /// <summary>The first element of an image's head.</summary>
    public long First(int image, int head) => _offset + (image * _batchStride) + ((long)head * _headStride);

    /// <summary>A stored value as float32.</summary>
    public float Read(long index) => T.ToSingle(Values[index]);
}

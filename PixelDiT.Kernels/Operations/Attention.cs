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

/// <summary>
/// Attention (SPEC §2). For each image and head, q, k, v, o [L, hd], lse [L]:
/// <code>
/// forward    S = q·kᵀ/√hd      P = softmax(S)     o = P·v        lse = log Σ exp S
/// backward   P again from S and lse;  δ_i = Σ_c do_ic·o_ic
///            dv = Pᵀ·do     dS = P∘(do·vᵀ − δ)/√hd     dq = dS·k     dk = dSᵀ·q
/// </code>
/// No L×L matrix is kept: a CPU works on 64 queries at a time and its backward repeats them; a GPU works on blocks of both (<see cref="TiledAttention"/>). All
/// gradients are written. A <see cref="Precision"/> rounds both operands of each of the five products; scores, softmax and sums are float32.
/// </summary>
public static class Attention
{
    /// <summary>Queries that one item of the forward takes.</summary>
    internal const int TileRows = 64;

    /// <summary>o and lse [B, h, L] from q, k, v.</summary>
    /// <exception cref="ShapeException">Something ends too early, hd is no multiple of 4, or TF32 is asked for and the storage is not float32.</exception>
    public static void Forward(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse, Precision precision = Precision.Single)
    {
        sizes.Require(q.Values, lse, precision);
        Require(sizes, ("queries", q), ("keys", k), ("values", v), ("results", o));
        if (TiledAttention.Serves(q.Values, sizes, precision)) TiledAttention.Forward(q, k, v, sizes, o, lse, precision);
        else if (q.Values.Type == ElementType.BFloat16) Forward<BFloat16>(q, k, v, sizes, o, lse, precision);
        else Forward<Single32>(q, k, v, sizes, o, lse, precision);
    }

    /// <summary>dq, dk and dv.</summary>
    /// <inheritdoc cref="Forward(HeadView, HeadView, HeadView, AttentionSizes, HeadView, Tensor, Precision)" path="/exception"/>
    public static void Backward(
        HeadView dO, HeadView q, HeadView k, HeadView v, HeadView o, Tensor lse, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV, Precision precision = Precision.Single)
    {
        sizes.Require(q.Values, lse, precision);
        Require(sizes, ("queries", q), ("keys", k), ("values", v), ("results", o), ("do", dO), ("dq", dQ), ("dk", dK), ("dv", dV));
        if (TiledAttention.Serves(q.Values, sizes, precision)) TiledAttention.Backward(dO, q, k, v, o, lse, sizes, dQ, dK, dV, precision);
        else if (q.Values.Type == ElementType.BFloat16) Backward<BFloat16>(dO, q, k, v, o, lse, sizes, dQ, dK, dV, precision);
        else Backward<Single32>(dO, q, k, v, o, lse, sizes, dQ, dK, dV, precision);
    }

    private static void Require(AttentionSizes sizes, params ReadOnlySpan<(string Name, HeadView View)> views)
    {
        foreach (var (name, view) in views) view.Require(name, sizes);
    }

    private static void Forward<T>(HeadView q, HeadView k, HeadView v, AttentionSizes sizes, HeadView o, Tensor lse, Precision precision) where T : unmanaged, IStorage<T>
    {
        int tiles = (sizes.Tokens + TileRows - 1) / TileRows;
        q.Values.Device.Launch(new AttentionForward<T>(new(q), new(k), new(v), new(o), lse.View<float>(), sizes, tiles, precision), sizes.Batch * sizes.Heads * tiles, TileRows);
    }

    private static void Backward<T>(
        HeadView dO, HeadView q, HeadView k, HeadView v, HeadView o, Tensor lse, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV, Precision precision)
        where T : unmanaged, IStorage<T>
    {
        q.Values.Device.Launch(
            new AttentionBackward<T>(new(dO), new(q), new(k), new(v), new(o), lse.View<float>(), sizes, new(dQ), new(dK), new(dV), precision), sizes.Batch * sizes.Heads, Elements.MaxLanes);
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

    /// <summary>Checks what does not depend on where the heads lie.</summary>
    internal void Require(Tensor queries, Tensor lse, Precision precision)
    {
        lse.RequireCountOf("lse", (long)Batch * Heads * Tokens);
        if (Width < 4 || Width % 4 != 0) throw new ShapeException($"attention takes heads of 4, 8, 12, .. channels; these have {Width}");
        if (precision == Precision.TensorFloat32 && queries.Type != ElementType.Single) throw new ShapeException($"attention in TF32 takes float32 storage; queries {queries.Shape} are stored as {queries.Type}");
    }
}

/// <summary>A <see cref="HeadView"/> as kernels take it.</summary>
internal readonly struct HeadMemory<T>(HeadView view) where T : unmanaged, IStorage<T>
{
    public readonly DeviceView<T> Values = view.Values.View<T>();
    private readonly long _offset = view.Offset, _batchStride = view.BatchStride;
    private readonly int _headStride = view.HeadStride;

    /// <summary>From a token to the next.</summary>
    public readonly int TokenStride = view.TokenStride;

    /// <summary>Not 0 where every token of every head begins at a multiple of 16 bytes.</summary>
    public readonly int Aligned = view.IsAligned(16 / Tensor.SizeOf(view.Values.Type)) ? 1 : 0;

    /// <summary>The first element of an image's head.</summary>
    public long First(int image, int head) => _offset + (image * _batchStride) + ((long)head * _headStride);

    /// <summary>A stored value as float32.</summary>
    public float Read(long index) => T.ToSingle(Values[index]);
}

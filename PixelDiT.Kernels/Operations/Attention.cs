using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// Attention (SPEC §2). For each image and head, q, k, v, o [L, hd], lse [L]:
/// <code>
/// forward    S = q·kᵀ/√hd      P = softmax(S)     o = P·v        lse = log Σ exp S
/// backward   P again from S and lse;  δ_i = Σ_c do_ic·o_ic
///            dv = Pᵀ·do     dS = P∘(do·vᵀ − δ)/√hd     dq = dS·k     dk = dSᵀ·q
/// </code>
/// No L×L matrix is kept: a CPU works on 64 to 127 queries at a time and its backward repeats them; a GPU works on blocks of both (<see cref="TiledAttention"/>). All
/// gradients are written. A <see cref="Precision"/> rounds both operands of each of the five products; scores, softmax and sums are float32.
/// </summary>
public static class Attention
{
    /// <summary>Queries that one item of the forward takes, more or less.</summary>
    internal const int TileRows = 64;

    /// <summary>Queries that one item takes at most: below twice <see cref="TileRows"/>, so that no short tile is left over, which would pack all keys for a few queries.</summary>
    internal static int RowsOf(int tokens)
    {
        int tiles = Math.Max(1, tokens / TileRows);
        return (tokens + tiles - 1) / tiles;
    }

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
        int rows = RowsOf(sizes.Tokens), tiles = (sizes.Tokens + rows - 1) / rows;
        q.Values.Device.Launch(new PlainAttentionForward<T>(new(q), new(k), new(v), new(o), lse.View<float>(), sizes, rows, tiles, precision), sizes.Batch * sizes.Heads * tiles, TileRows);
    }

    private static void Backward<T>(
        HeadView dO, HeadView q, HeadView k, HeadView v, HeadView o, Tensor lse, AttentionSizes sizes, HeadView dQ, HeadView dK, HeadView dV, Precision precision)
        where T : unmanaged, IStorage<T>
    {
        q.Values.Device.Launch(
            new PlainAttentionBackward<T>(new(dO), new(q), new(k), new(v), new(o), lse.View<float>(), sizes, new(dQ), new(dK), new(dV), precision), sizes.Batch * sizes.Heads, Elements.MaxLanes);
    }
}

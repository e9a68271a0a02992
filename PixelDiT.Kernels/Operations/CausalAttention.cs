using PixelDiT.Kernels.Machine.Emulation;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The attention of a language model, in float32, forward only. For each text, query i, and head a of h, which reads key head g = ⌊a·kv/h⌋ of kv (Ainslie et al. 2023, "grouped-query attention"):
/// <code>
/// s_j = scale·q_i·k_j          with a cap c: s_j = c·tanh(s_j/c)
/// o_i = Σ_j softmax(s)_j·v_j   over the visible keys: j ≤ i, mask_j ≠ 0, and with a window w: j > i − w
/// </code>
/// The window counts the query itself. A query that sees no key gets 0. No L×L matrix is kept: a CPU works on 64 queries at a time and on the keys that these can see; a GPU takes the keys one
/// after the other (online softmax), a warp a query, whose lanes share the channels.
/// </summary>
public static class CausalAttention
{
    /// <summary>Queries that one item of a CPU takes.</summary>
    private const int TileRows = 64;

    /// <summary>o from q, k, v.</summary>
    /// <param name="q">Queries of h heads.</param>
    /// <param name="k">Keys of kv heads.</param>
    /// <param name="v">Values of kv heads.</param>
    /// <param name="mask">[B, L], 0 for a key that nobody sees; null where all are seen.</param>
    /// <param name="sizes">B, L, h, kv, hd.</param>
    /// <param name="rule">Scale, cap and window.</param>
    /// <param name="o">Results of h heads; none of the inputs.</param>
    /// <exception cref="ShapeException">Something ends too early, kv does not divide h, or the rule is no rule.</exception>
    public static void Forward(HeadView q, HeadView k, HeadView v, Tensor? mask, CausalAttentionSizes sizes, CausalAttentionRule rule, HeadView o)
    {
        sizes.Require();
        rule.Require();
        AttentionSizes queries = new(sizes.Batch, sizes.Tokens, sizes.Heads, sizes.Width), keys = queries with { Heads = sizes.KeyHeads };
        q.Require("queries", queries);
        k.Require("keys", keys);
        v.Require("values", keys);
        o.Require("results", queries);
        mask?.RequireCountOf("a mask", (long)sizes.Batch * sizes.Tokens);
        var device = q.Values.Device;
        int rows = device.GroupSize == 1 ? TileRows : 1, tiles = (sizes.Tokens + rows - 1) / rows;
        // More than a warp would meet in barriers, once a key.
        int lanes = Math.Min(Elements.LanesFor(sizes.Width), WarpExchange.Lanes);
        device.Launch(
            new CausalAttentionForward(new(q), new(k), new(v), new(o), mask is null ? default : mask.View<int>(), mask is null ? 0 : 1, sizes, rule, rows, tiles), checked(sizes.Batch * sizes.Heads * tiles), lanes);
    }
}

using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary><see cref="CausalAttention"/> for some queries of one text and head: 64 on a CPU, one on a GPU.</summary>
internal readonly struct CausalAttentionForward(
    HeadMemory<Single32> q, HeadMemory<Single32> k, HeadMemory<Single32> v, HeadMemory<Single32> o, DeviceView<int> mask, int isMasked, CausalAttentionSizes sizes, CausalAttentionRule rule, int rows, int tiles) : IRowKernel
{
    public readonly HeadMemory<Single32> Q = q, K = k, V = v, O = o;
    public readonly DeviceView<int> Mask = mask;
    public readonly int IsMasked = isMasked, Tokens = sizes.Tokens, Heads = sizes.Heads, Group = sizes.Heads / sizes.KeyHeads, Width = sizes.Width, Window = rule.Window, Rows = rows, Tiles = tiles;
    public readonly float Scale = rule.Scale, Cap = rule.Cap;

    public void Run(int item, int lane, int lanes)
    {
        int tile = item % Tiles, pair = item / Tiles;
        CausalAttentionForwardBody.Tile(this, pair / Heads, pair % Heads, tile * Rows, lane, lanes);
    }

    /// <summary>The first key that query <paramref name="row"/>'s window lets it see.</summary>
    public int FirstKey(int row) => Window != 0 && row >= Window ? row - Window + 1 : 0;
}

/// <summary>The bodies of <see cref="CausalAttentionForward"/>.</summary>
internal static class CausalAttentionForwardBody
{
    /// <summary>Below every score.</summary>
    private const float Nothing = -3e38f;

    [IntrinsicImplementation, DeviceBody(nameof(DeviceRow)), MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static unsafe void Tile(CausalAttentionForward a, int text, int head, int first, int lane, int lanes)
    {
        if (lanes != 1)
        {
            DeviceRow(a, text, head, first, lane, lanes);
            return;
        }
        int rows = Math.Min(a.Rows, a.Tokens - first), start = a.FirstKey(first), keys = first + rows - start, width = a.Width;
        float* packed = HostMemory.Floats(Packing.PackedCount(width, keys) + ((long)rows * keys)), scores = packed + Packing.PackedCount(width, keys);
        Packing.PackB(At(a.K, text, head / a.Group, start), 1, a.K.TokenStride, width, keys, packed);
        MacroKernel.Multiply(PanelsA.InPlace(At(a.Q, text, head, first), a.Q.TokenStride, 1), PanelsB.Packed(packed, width), scores, keys, rows, keys, width, add: false, bias: null);

        float* inverse = stackalloc float[rows];
        int* mask = a.IsMasked != 0 ? a.Mask.Address + ((long)text * a.Tokens) + start : null;
        for (int r = 0; r < rows; r++)
        {
            float* row = scores + ((nint)r * keys);
            int from = a.FirstKey(first + r) - start, end = first + r + 1 - start;
            new Span<float>(row, from).Clear();
            new Span<float>(row + end, keys - end).Clear();
            inverse[r] = Softmax(a, row + from, end - from, mask is null ? null : mask + from);
        }
        float* target = At(a.O, text, head, first);
        MacroKernel.Multiply(PanelsA.InPlace(scores, keys, 1), PanelsB.InPlace(At(a.V, text, head / a.Group, start), a.V.TokenStride), target, a.O.TokenStride, rows, width, keys, add: false, bias: null);
        for (int r = 0; r < rows; r++) Blas1.Scale(target + ((nint)r * a.O.TokenStride), width, inverse[r]);
    }

    /// <summary>The exponentials of a query's scores, 0 for masked keys; returns 1/Σ, or 0 where there is no key.</summary>
    private static unsafe float Softmax(CausalAttentionForward a, float* row, int count, int* mask)
    {
        float scale = a.Scale;
        if (a.Cap > 0)
        {
            Elements.For(new SoftCap(new DeviceView<float>(row), scale, a.Cap), 0, count, 0, 1);
            scale = 1;
        }
        int seen = count;
        for (int j = 0; mask is not null && j < count; j++)
        {
            if (mask[j] != 0) continue;
            row[j] = Nothing;
            seen--;
        }
        if (seen == 0)
        {
            new Span<float>(row, count).Clear();
            return 0;
        }
        float lse, inverse;
        CpuSoftmax.Forward(row, 1, count, scale, &lse, &inverse);
        // The exponential ends at 1e-38, not at 0.
        for (int j = 0; seen < count && j < count; j++)
        {
            if (mask[j] == 0) row[j] = 0;
        }
        return inverse;
    }

    private static unsafe float* At(HeadMemory<Single32> heads, int text, int head, int token) => (float*)heads.Values.Address + heads.First(text, head) + ((long)token * heads.TokenStride);

    /// <summary>A GPU's lanes take a query together: for each key its score, then what the result was, scaled to the new maximum, plus the key's share.</summary>
    private static void DeviceRow(CausalAttentionForward a, int text, int head, int row, int lane, int lanes)
    {
        long query = a.Q.First(text, head) + ((long)row * a.Q.TokenStride), output = a.O.First(text, head) + ((long)row * a.O.TokenStride);
        long keys = a.K.First(text, head / a.Group), values = a.V.First(text, head / a.Group), mask = (long)text * a.Tokens;
        float largest = Nothing, sum = 0;
        Elements.For(new Rescale(a.O.Values, output, 0), 0, a.Width, lane, lanes);
        for (int j = a.FirstKey(row); j <= row; j++)
        {
            if (a.IsMasked == 0 || a.Mask[mask + j] != 0)
            {
                float score = Elements.Sum(new Product(a.Q.Values, query, a.K.Values, keys + ((long)j * a.K.TokenStride)), a.Width, lane, lanes) * a.Scale;
                if (a.Cap > 0) score = a.Cap * Formulas.Tanh<GpuLane, float>(score / a.Cap);
                float before = 1, now = 1;
                if (score > largest)
                {
                    before = Formulas.Exp<GpuLane, float>(largest - score);
                    largest = score;
                }
                else now = Formulas.Exp<GpuLane, float>(score - largest);
                sum = (sum * before) + now;
                Elements.For(new AddValue(a.O.Values, output, before, a.V.Values, values + ((long)j * a.V.TokenStride), now), 0, a.Width, lane, lanes);
            }
        }
        if (sum > 0) Elements.For(new Rescale(a.O.Values, output, 1f / sum), 0, a.Width, lane, lanes);
    }

    /// <summary>q_c·k_c.</summary>
    private readonly struct Product(DeviceView<Single32> q, long query, DeviceView<Single32> k, long key) : ITerm
    {
        private readonly DeviceView<Single32> _q = q, _k = k;
        private readonly long _query = query, _key = key;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Multiply(L.Load(_q, _query + i), L.Load(_k, _key + i));
    }

    /// <summary>o = o·before + v·now.</summary>
    private readonly struct AddValue(DeviceView<Single32> o, long output, float before, DeviceView<Single32> v, long value, float now) : IEach
    {
        private readonly DeviceView<Single32> _o = o, _v = v;
        private readonly long _output = output, _value = value;
        private readonly float _before = before, _now = now;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            => L.Store(_o, _output + i, L.MultiplyAdd(L.Load(_v, _value + i), L.Set(_now), L.Multiply(L.Load(_o, _output + i), L.Set(_before))));
    }

    /// <summary>o = o·factor, and 0 for 0 whatever was there.</summary>
    private readonly struct Rescale(DeviceView<Single32> o, long output, float factor) : IEach
    {
        private readonly DeviceView<Single32> _o = o;
        private readonly long _output = output;
        private readonly float _factor = factor;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S value = L.Set(0f);
            if (_factor != 0) value = L.Multiply(L.Load(_o, _output + i), L.Set(_factor));
            L.Store(_o, _output + i, value);
        }
    }

    /// <summary>s = c·tanh(s·scale/c).</summary>
    private readonly struct SoftCap(DeviceView<float> scores, float scale, float cap) : IEach
    {
        private readonly DeviceView<float> _scores = scores;
        private readonly float _factor = scale / cap, _cap = cap;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            => L.Store(_scores, i, L.Multiply(Formulas.Tanh<L, S>(L.Multiply(L.Load(_scores, i), L.Set(_factor))), L.Set(_cap)));
    }
}

using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>Which tokens an attention's backward keeps in registers; the others come by.</summary>
internal interface IAttentionSide
{
    /// <summary>Keys with their values: dk and dv. Otherwise queries with do: dq.</summary>
    static abstract bool IsKeys { get; }
}

/// <summary>Queries stay: dq.</summary>
internal readonly struct QuerySide : IAttentionSide
{
    public static bool IsKeys => false;
}

/// <summary>Keys stay: dk and dv.</summary>
internal readonly struct KeySide : IAttentionSide
{
    public static bool IsKeys => true;
}

/// <summary>
/// Attention's backward for 128 tokens of one image and head, 16 in the registers of each of 8 warps. Both sides do the same with their roles exchanged; every sum
/// is taken by one warp in the order of the tokens, so no gradient needs atomics, at the price of computing scores and their slopes once for each side:
/// <code>
/// QuerySide   rows q, do    others k, v     S = q·kᵀ    do·vᵀ    dS                dq = dS·k
/// KeySide     rows k, v     others q, do    Sᵀ = k·qᵀ   v·doᵀ    dSᵀ, Pᵀ           dk = dSᵀ·q     dv = Pᵀ·do
/// </code>
/// </summary>
internal readonly struct TiledAttentionBackward<TSide, TFormat, TWidth, T>(
    HeadMemory<T> rows, HeadMemory<T> rowPartners, HeadMemory<T> others, HeadMemory<T> otherPartners, DeviceView<float> lse, DeviceView<float> delta,
    HeadMemory<T> slopes, HeadMemory<T> partnerSlopes, AttentionSizes sizes, int tiles) : IKernel
    where TSide : struct, IAttentionSide where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
{
    private readonly HeadMemory<T> _rows = rows, _rowPartners = rowPartners, _others = others, _otherPartners = otherPartners, _slopes = slopes, _partnerSlopes = partnerSlopes;
    private readonly DeviceView<float> _lse = lse, _delta = delta;
    private readonly int _tokens = sizes.Tokens, _heads = sizes.Heads, _width = sizes.Width, _tiles = tiles;
    private readonly float _scale = sizes.Scale;

    public void Run(int item, int lane, int lanes)
    {
        int first = item % _tiles * HeadTile.GroupRows, pair = item / _tiles, image = pair / _heads, head = pair % _heads, row = first + ((lane >> 5) * 16);
        long shared = Memory.Shared();
        var rows = new HeadFeed<TFormat, TWidth, T>(_rows, image, head, _tokens, _width, lane).Stage(shared, first);
        var partners = new HeadFeed<TFormat, TWidth, T>(_rowPartners, image, head, _tokens, _width, lane).Stage(shared, first);
        var pipe = new HeadPipe<TFormat, TWidth, T>(
            new(_others, image, head, _tokens, _width, lane), new(_otherPartners, image, head, _tokens, _width, lane), shared, _tokens);
        pipe.Begin();

        int startColumns = HeadTile.StartOfColumns<TFormat, TWidth>(lane & 31), startAcross = TFormat.StartAcross(HeadTile.LineBytes<TFormat, TWidth>(), lane & 31);
        var numbers = new QueryNumbers(_lse, _delta, ((long)image * _heads) + head, _tokens, lane & 31);
        // Of the lane's two rows, or, where rows are keys, of nothing.
        var own = TSide.IsKeys ? default : numbers.OfRows(row);
        HeadSums sums = default, partnerSums = default;
        for (int token = 0; token < _tokens; token += HeadTile.StepTokens)
        {
            long tile = pipe.Reach(token), partnerTile = tile + HeadTile.BlockBytes<TFormat, TWidth>();
            // A warp whose rows lie beyond the last only helps to move blocks.
            if (row >= _tokens) continue;
            var products = HeadRows.Multiply<TFormat, TWidth>(rows, tile + startColumns);
            var along = HeadRows.Multiply<TFormat, TWidth>(partners, partnerTile + startColumns);
            var weights = Weigh(products, numbers, own, token);
            if (TSide.IsKeys) partnerSums = HeadSums.Add<TFormat, TWidth>(partnerSums, weights, partnerTile, startAcross);
            sums = HeadSums.Add<TFormat, TWidth>(sums, Slopes(weights, along, numbers, own, token), tile, startAcross);
        }
        new HeadResult<TWidth, T>(_slopes, image, head, _tokens, _width, shared).Store(HeadSums.Scale(sums, _scale, _scale), first, lane);
        if (TSide.IsKeys) new HeadResult<TWidth, T>(_partnerSlopes, image, head, _tokens, _width, shared).Store(partnerSums, first, lane);
    }

    /// <summary>P of the warp's 16 rows and 32 others.</summary>
    private RowSums Weigh(RowSums products, QueryNumbers numbers, RowNumbers own, int token) => new()
    {
        Column0 = Weigh(products.Column0, numbers, own, token),
        Column8 = Weigh(products.Column8, numbers, own, token + 8),
        Column16 = Weigh(products.Column16, numbers, own, token + 16),
        Column24 = Weigh(products.Column24, numbers, own, token + 24)
    };

    private Accumulator Weigh(Accumulator products, QueryNumbers numbers, RowNumbers own, int token)
    {
        float left = numbers.Lse<TSide>(token, 0), right = numbers.Lse<TSide>(token, 1);
        return new()
        {
            X = TFormat.Exp((products.X * _scale) - own.UpperLse - left),
            Y = TFormat.Exp((products.Y * _scale) - own.UpperLse - right),
            Z = TFormat.Exp((products.Z * _scale) - own.LowerLse - left),
            W = TFormat.Exp((products.W * _scale) - own.LowerLse - right)
        };
    }

    /// <summary>dS·√hd: P∘(do·vᵀ − δ).</summary>
    private static RowSums Slopes(RowSums weights, RowSums along, QueryNumbers numbers, RowNumbers own, int token) => new()
    {
        Column0 = Slopes(weights.Column0, along.Column0, numbers, own, token),
        Column8 = Slopes(weights.Column8, along.Column8, numbers, own, token + 8),
        Column16 = Slopes(weights.Column16, along.Column16, numbers, own, token + 16),
        Column24 = Slopes(weights.Column24, along.Column24, numbers, own, token + 24)
    };

    private static Accumulator Slopes(Accumulator weights, Accumulator along, QueryNumbers numbers, RowNumbers own, int token)
    {
        float left = numbers.Delta<TSide>(token, 0), right = numbers.Delta<TSide>(token, 1);
        return new()
        {
            X = weights.X * (along.X - own.UpperDelta - left),
            Y = weights.Y * (along.Y - own.UpperDelta - right),
            Z = weights.Z * (along.Z - own.LowerDelta - left),
            W = weights.W * (along.W - own.LowerDelta - right)
        };
    }
}

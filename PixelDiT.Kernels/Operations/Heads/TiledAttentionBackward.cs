using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>Which tokens an attention's backward keeps in registers; the others come by.</summary>
internal interface IAttentionGradient
{
    /// <summary>Keys with their values: dk and dv. Otherwise queries with do: dq.</summary>
    static abstract bool IsKeys { get; }
}

/// <summary>Queries stay: dq.</summary>
internal readonly struct QueryGradient : IAttentionGradient
{
    public static bool IsKeys => false;
}

/// <summary>Keys stay: dk and dv.</summary>
internal readonly struct KeyValueGradient : IAttentionGradient
{
    public static bool IsKeys => true;
}

/// <summary>
/// Attention's backward for 128 tokens of one image and head, 16 in the registers of each of 8 warps. Both sides do the same with their roles exchanged; every sum
/// is taken by one warp in the order of the tokens, so no gradient needs atomics, at the price of computing scores and their gradients once for each side:
/// <code>
/// QueryGradient   rows q, do    others k, v     S = q·kᵀ    do·vᵀ    dS                dq = dS·k
/// KeyValueGradient     rows k, v     others q, do    Sᵀ = k·qᵀ   v·doᵀ    dSᵀ, Pᵀ           dk = dSᵀ·q     dv = Pᵀ·do
/// </code>
/// </summary>
internal readonly struct TiledAttentionBackward<TGradient, TFormat, TWidth, T>(
    HeadMemory<T> rows, HeadMemory<T> rowPartners, HeadMemory<T> others, HeadMemory<T> otherPartners, DeviceView<float> lse, DeviceView<float> delta,
    HeadMemory<T> gradients, HeadMemory<T> partnerGradients, AttentionSizes sizes, int tiles) : IKernel
    where TGradient : struct, IAttentionGradient where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth where T : unmanaged, IStorage<T>
{
    private readonly HeadMemory<T> _rows = rows, _rowPartners = rowPartners, _others = others, _otherPartners = otherPartners, _gradients = gradients, _partnerGradients = partnerGradients;
    private readonly DeviceView<float> _lse = lse, _delta = delta;
    private readonly int _tokens = sizes.Tokens, _heads = sizes.Heads, _width = sizes.Width, _tiles = tiles;
    private readonly float _scale = sizes.Scale;

    public void Run(int item, int lane, int lanes)
    {
        int first = item % _tiles * HeadTile.GroupRows, pair = item / _tiles, image = pair / _heads, head = pair % _heads, row = first + ((lane >> 5) * 16);
        long shared = Memory.Shared();
        var rows = new HeadCopy<TFormat, TWidth, T>(_rows, image, head, _tokens, _width, lane).Stage(shared, first);
        var partners = new HeadCopy<TFormat, TWidth, T>(_rowPartners, image, head, _tokens, _width, lane).Stage(shared, first);
        var pipe = new HeadPipeline<TFormat, TWidth, T>(
            new(_others, image, head, _tokens, _width, lane), new(_otherPartners, image, head, _tokens, _width, lane), shared, _tokens);
        pipe.Begin();

        int startColumns = HeadTile.StartOfColumns<TFormat, TWidth>(lane & 31), startMNMajor = TFormat.StartMNMajor(HeadTile.LineBytes<TFormat, TWidth>(), lane & 31);
        var numbers = new SoftmaxStatistics(_lse, _delta, ((long)image * _heads) + head, _tokens, lane & 31);
        // Of the lane's two rows, or, where rows are keys, of nothing.
        var own = TGradient.IsKeys ? default : numbers.OfRows(row);
        HeadAccumulators sums = default, partnerSums = default;
        for (int token = 0; token < _tokens; token += HeadTile.StepTokens)
        {
            long tile = pipe.Reach(token), partnerTile = tile + HeadTile.BlockBytes<TFormat, TWidth>();
            // A warp whose rows lie beyond the last only helps to move blocks.
            if (row >= _tokens) continue;
            var products = HeadFragments.Multiply<TFormat, TWidth>(rows, tile + startColumns);
            var along = HeadFragments.Multiply<TFormat, TWidth>(partners, partnerTile + startColumns);
            var probabilities = Probabilities(products, numbers, own, token);
            if (TGradient.IsKeys) partnerSums = HeadAccumulators.Add<TFormat, TWidth>(partnerSums, probabilities, partnerTile, startMNMajor);
            sums = HeadAccumulators.Add<TFormat, TWidth>(sums, ScoreGradients(probabilities, along, numbers, own, token), tile, startMNMajor);
        }
        new HeadStore<TWidth, T>(_gradients, image, head, _tokens, _width, shared).Store(HeadAccumulators.Scale(sums, _scale, _scale), first, lane);
        if (TGradient.IsKeys) new HeadStore<TWidth, T>(_partnerGradients, image, head, _tokens, _width, shared).Store(partnerSums, first, lane);
    }

    /// <summary>P of the warp's 16 rows and 32 others.</summary>
    private Accumulators16x32 Probabilities(Accumulators16x32 products, SoftmaxStatistics numbers, RowStatistics own, int token) => new()
    {
        Column0 = Probabilities(products.Column0, numbers, own, token),
        Column8 = Probabilities(products.Column8, numbers, own, token + 8),
        Column16 = Probabilities(products.Column16, numbers, own, token + 16),
        Column24 = Probabilities(products.Column24, numbers, own, token + 24)
    };

    private Accumulator Probabilities(Accumulator products, SoftmaxStatistics numbers, RowStatistics own, int token)
    {
        float left = numbers.Lse<TGradient>(token, 0), right = numbers.Lse<TGradient>(token, 1);
        return new()
        {
            X = AttentionExp.Of<TFormat>((products.X * _scale) - own.UpperLse - left),
            Y = AttentionExp.Of<TFormat>((products.Y * _scale) - own.UpperLse - right),
            Z = AttentionExp.Of<TFormat>((products.Z * _scale) - own.LowerLse - left),
            W = AttentionExp.Of<TFormat>((products.W * _scale) - own.LowerLse - right)
        };
    }

    /// <summary>dS·√hd: P∘(do·vᵀ − δ).</summary>
    private static Accumulators16x32 ScoreGradients(Accumulators16x32 probabilities, Accumulators16x32 along, SoftmaxStatistics numbers, RowStatistics own, int token) => new()
    {
        Column0 = ScoreGradients(probabilities.Column0, along.Column0, numbers, own, token),
        Column8 = ScoreGradients(probabilities.Column8, along.Column8, numbers, own, token + 8),
        Column16 = ScoreGradients(probabilities.Column16, along.Column16, numbers, own, token + 16),
        Column24 = ScoreGradients(probabilities.Column24, along.Column24, numbers, own, token + 24)
    };

    private static Accumulator ScoreGradients(Accumulator probabilities, Accumulator along, SoftmaxStatistics numbers, RowStatistics own, int token)
    {
        float left = numbers.Delta<TGradient>(token, 0), right = numbers.Delta<TGradient>(token, 1);
        return new()
        {
            X = probabilities.X * (along.X - own.UpperDelta - left),
            Y = probabilities.Y * (along.Y - own.UpperDelta - right),
            Z = probabilities.Z * (along.Z - own.LowerDelta - left),
            W = probabilities.W * (along.W - own.LowerDelta - right)
        };
    }
}

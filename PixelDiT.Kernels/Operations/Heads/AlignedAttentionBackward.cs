using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// <see cref="TiledAttentionBackward{TGradient, TFormat, TWidth, T}"/> in bfloat16 for tokens that begin at multiples of 16 bytes. What a query's row needs of the softmax, log₂e·lse and δ, stands side by side in a table
/// that is filled up to whole blocks with queries whose probabilities are 0: with keys in registers no column asks whether there is a query. With queries in registers only the last block asks which of its keys there are.
/// </summary>
internal readonly struct AlignedAttentionBackward<TGradient, TWidth>(
    HeadMemory<BFloat16> rows, HeadMemory<BFloat16> rowPartners, HeadMemory<BFloat16> others, HeadMemory<BFloat16> otherPartners, DeviceView<float> statistics,
    HeadMemory<BFloat16> gradients, HeadMemory<BFloat16> partnerGradients, AttentionSizes sizes, int tiles) : IKernel
    where TGradient : struct, IAttentionGradient where TWidth : struct, IHeadWidth
{
    /// <summary>Tokens of a block, and of a step.</summary>
    public const int Block = 64, Step = 32;

    private readonly HeadMemory<BFloat16> _rows = rows, _rowPartners = rowPartners, _others = others, _otherPartners = otherPartners, _gradients = gradients, _partnerGradients = partnerGradients;
    private readonly DeviceView<float> _statistics = statistics;
    private readonly int _tokens = sizes.Tokens, _heads = sizes.Heads, _width = sizes.Width, _tiles = tiles;
    private readonly float _scale = sizes.Scale;

    private static int BlockBytes => HeadTile.BlockBytes<BFloat16Format, TWidth>();

    private static int Line => HeadTile.LineBytes<BFloat16Format, TWidth>();

    public void Run(int item, int lane, int lanes)
    {
        int first = item % _tiles * HeadTile.GroupRows, pair = item / _tiles, image = pair / _heads, head = pair % _heads, row = first + ((lane >> 5) * 16);
        long shared = Memory.Shared();
        var rows = new AlignedHeadCopy<TWidth>(_rows, image, head, _tokens, _width, lane).Stage(shared, first, lane);
        var partners = new AlignedHeadCopy<TWidth>(_rowPartners, image, head, _tokens, _width, lane).Stage(shared, first, lane);
        AlignedHeadCopy<TWidth> others = new(_others, image, head, _tokens, _width, lane), otherPartners = new(_otherPartners, image, head, _tokens, _width, lane);
        Move(others, otherPartners, shared, 0);

        int startColumns = HeadTile.StartOfColumns<BFloat16Format, TWidth>(lane & 31), startMNMajor = BFloat16Format.StartMNMajor(Line, lane & 31);
        // Of this image and head: of the lane's two rows, or, where rows are keys, of its first column.
        long table = _statistics.Start + (8 * (((long)pair * AttentionStatistics.Padded(_tokens)) + (TGradient.IsKeys ? (lane & 3) * 2 : row + ((lane & 31) >> 2))));
        RowStatistics own = default;
        if (!TGradient.IsKeys && row < _tokens)
        {
            UInt2 upper = Memory.LoadGlobalPair(table), lower = Memory.LoadGlobalPair(table + 64);
            own = new() { UpperLse = Interop.IntAsFloat(upper.X), UpperDelta = Interop.IntAsFloat(upper.Y), LowerLse = Interop.IntAsFloat(lower.X), LowerDelta = Interop.IntAsFloat(lower.Y) };
        }
        float c = _scale * AttentionStatistics.Log2E;
        HeadAccumulators sums = default, partnerSums = default;
        int stage = 0;
        for (int token = 0; token < _tokens; token += Block)
        {
            AsyncCopy.WaitForAll();
            Group.Barrier();
            long tile = shared + stage;
            stage = (2 * BlockBytes) - stage;
            if (token + Block < _tokens) Move(others, otherPartners, shared + stage, token + Block);
            // A warp whose rows lie beyond the last only helps to move blocks.
            if (row >= _tokens) continue;
            for (int step = 0; step < Block; step += Step)
            {
                long partnerTile = tile + BlockBytes;
                var products = HeadFragments.Multiply<BFloat16Format, TWidth>(rows, tile + startColumns);
                var along = HeadFragments.Multiply<BFloat16Format, TWidth>(partners, partnerTile + startColumns);
                Accumulators16x32 probabilities, scoreGradients;
                if (TGradient.IsKeys)
                {
                    long column = table + (8L * (token + step));
                    Float4 a = Float4.AsFloats(Memory.LoadGlobal(column)), b = Float4.AsFloats(Memory.LoadGlobal(column + 64)), d = Float4.AsFloats(Memory.LoadGlobal(column + 128)), e = Float4.AsFloats(Memory.LoadGlobal(column + 192));
                    probabilities = new() { Column0 = Probabilities(products.Column0, c, a), Column8 = Probabilities(products.Column8, c, b), Column16 = Probabilities(products.Column16, c, d), Column24 = Probabilities(products.Column24, c, e) };
                    scoreGradients = new() { Column0 = ScoreGradients(probabilities.Column0, along.Column0, a), Column8 = ScoreGradients(probabilities.Column8, along.Column8, b), Column16 = ScoreGradients(probabilities.Column16, along.Column16, d), Column24 = ScoreGradients(probabilities.Column24, along.Column24, e) };
                    partnerSums = HeadAccumulators.Add<BFloat16Format, TWidth>(partnerSums, probabilities, partnerTile, startMNMajor);
                }
                else
                {
                    probabilities = new() { Column0 = Probabilities(products.Column0, c, own), Column8 = Probabilities(products.Column8, c, own), Column16 = Probabilities(products.Column16, c, own), Column24 = Probabilities(products.Column24, c, own) };
                    if (token + Block > _tokens) probabilities = Mask(probabilities, _tokens - token - step - ((lane & 3) * 2));
                    scoreGradients = new() { Column0 = ScoreGradients(probabilities.Column0, along.Column0, own), Column8 = ScoreGradients(probabilities.Column8, along.Column8, own), Column16 = ScoreGradients(probabilities.Column16, along.Column16, own), Column24 = ScoreGradients(probabilities.Column24, along.Column24, own) };
                }
                sums = HeadAccumulators.Add<BFloat16Format, TWidth>(sums, scoreGradients, tile, startMNMajor);
                tile += Step * Line;
            }
        }
        new HeadStore<TWidth, BFloat16>(_gradients, image, head, _tokens, _width, shared).Store(HeadAccumulators.Scale(sums, _scale, _scale), first, lane);
        if (TGradient.IsKeys) new HeadStore<TWidth, BFloat16>(_partnerGradients, image, head, _tokens, _width, shared).Store(partnerSums, first, lane);
    }

    private static void Move(AlignedHeadCopy<TWidth> others, AlignedHeadCopy<TWidth> partners, long stage, int token)
    {
        others.Move(stage, token, Block);
        partners.Move(stage + BlockBytes, token, Block);
        AsyncCopy.Commit();
    }

    /// <summary>P of rows that are queries.</summary>
    private static Accumulator Probabilities(Accumulator products, float c, RowStatistics own) => new()
    {
        X = Approximate.PowerOfTwo((products.X * c) - own.UpperLse),
        Y = Approximate.PowerOfTwo((products.Y * c) - own.UpperLse),
        Z = Approximate.PowerOfTwo((products.Z * c) - own.LowerLse),
        W = Approximate.PowerOfTwo((products.W * c) - own.LowerLse)
    };

    /// <summary>P of columns that are queries: of two, lse and δ each.</summary>
    private static Accumulator Probabilities(Accumulator products, float c, Float4 columns) => new()
    {
        X = Approximate.PowerOfTwo((products.X * c) - columns.X),
        Y = Approximate.PowerOfTwo((products.Y * c) - columns.Z),
        Z = Approximate.PowerOfTwo((products.Z * c) - columns.X),
        W = Approximate.PowerOfTwo((products.W * c) - columns.Z)
    };

    /// <summary>dS·√hd: P∘(do·vᵀ − δ).</summary>
    private static Accumulator ScoreGradients(Accumulator probabilities, Accumulator along, RowStatistics own) => new()
    {
        X = probabilities.X * (along.X - own.UpperDelta),
        Y = probabilities.Y * (along.Y - own.UpperDelta),
        Z = probabilities.Z * (along.Z - own.LowerDelta),
        W = probabilities.W * (along.W - own.LowerDelta)
    };

    private static Accumulator ScoreGradients(Accumulator probabilities, Accumulator along, Float4 columns) => new()
    {
        X = probabilities.X * (along.X - columns.Y),
        Y = probabilities.Y * (along.Y - columns.W),
        Z = probabilities.Z * (along.Z - columns.Y),
        W = probabilities.W * (along.W - columns.W)
    };

    private static Accumulators16x32 Mask(Accumulators16x32 probabilities, int there) => new()
    {
        Column0 = Mask(probabilities.Column0, there),
        Column8 = Mask(probabilities.Column8, there - 8),
        Column16 = Mask(probabilities.Column16, there - 16),
        Column24 = Mask(probabilities.Column24, there - 24)
    };

    private static Accumulator Mask(Accumulator probabilities, int there) => new()
    {
        X = there > 0 ? probabilities.X : 0f,
        Y = there > 1 ? probabilities.Y : 0f,
        Z = there > 0 ? probabilities.Z : 0f,
        W = there > 1 ? probabilities.W : 0f
    };
}

/// <summary>What the backward needs of each query's softmax, [B, h, whole blocks of queries, 2]: log₂e·lse and δ = Σ_c do·o; beyond the last query numbers with which every weight is 0.</summary>
internal readonly struct AttentionStatistics(HeadMemory<BFloat16> dO, HeadMemory<BFloat16> o, DeviceView<float> lse, DeviceView<float> statistics, AttentionSizes sizes) : IRowKernel
{
    public const float Log2E = 1.44269504f;

    /// <summary>Beyond every score.</summary>
    private const float Everything = 3e38f;

    private readonly HeadMemory<BFloat16> _dO = dO, _o = o;
    private readonly DeviceView<float> _lse = lse, _statistics = statistics;
    private readonly int _tokens = sizes.Tokens, _padded = Padded(sizes.Tokens), _heads = sizes.Heads, _width = sizes.Width;

    /// <summary>Queries with those that fill the last block; a group's rows are read whole.</summary>
    public static int Padded(int tokens) => (tokens + HeadTile.GroupRows - 1) / HeadTile.GroupRows * HeadTile.GroupRows;

    public void Run(int item, int lane, int lanes)
    {
        // Heads of a token lie side by side.
        int head = item % _heads, token = item / _heads % _padded, image = item / _heads / _padded;
        long pair = ((long)image * _heads) + head, place = 2 * ((pair * _padded) + token);
        if (token >= _tokens)
        {
            if (lane != 0) return;
            Scalar.Write(_statistics, place, Everything);
            Scalar.Write(_statistics, place + 1, 0f);
            return;
        }
        float delta = Elements.Sum(new Term(_dO.Values, _o.Values, _dO.Row(image, head, token), _o.Row(image, head, token)), _width, lane, lanes);
        if (lane != 0) return;
        Scalar.Write(_statistics, place, _lse[(pair * _tokens) + token] * Log2E);
        Scalar.Write(_statistics, place + 1, delta);
    }

    private readonly struct Term(DeviceView<BFloat16> dO, DeviceView<BFloat16> o, long upstream, long result) : ITerm
    {
        private readonly DeviceView<BFloat16> _dO = dO, _o = o;
        private readonly long _upstream = upstream, _result = result;

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
        public S At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged => L.Multiply(L.Load(_dO, _upstream + i), L.Load(_o, _result + i));
    }
}

using ILGPU;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// <see cref="TiledAttentionForward{TFormat, TWidth, T}"/> in bfloat16 for tokens that begin at multiples of 16 bytes. Only the last block asks which of its keys there are; what has been summed is
/// scaled only where a larger score has come; and a probability is one multiplication and one power of two: exp(s·scale − top) = 2^(s·c − top·c), c = scale·log₂e.
/// </summary>
internal readonly struct AlignedAttentionForward<TWidth>(
    HeadMemory<BFloat16> q, HeadMemory<BFloat16> k, HeadMemory<BFloat16> v, HeadMemory<BFloat16> o, DeviceView<float> lse, AttentionSizes sizes, int tiles) : ILaunchBounds
    where TWidth : struct, IHeadWidth
{
    /// <summary>Keys of a block, and of a step.</summary>
    private const int Block = 64, Step = 32;

    /// <summary>Below every product.</summary>
    private const float Nothing = -3e38f;

    private const float Log2E = 1.44269504f;

    private readonly HeadMemory<BFloat16> _q = q, _k = k, _v = v, _o = o;
    private readonly DeviceView<float> _lse = lse;
    private readonly int _tokens = sizes.Tokens, _heads = sizes.Heads, _width = sizes.Width, _tiles = tiles;
    private readonly float _scale = sizes.Scale;

    public static int MinGroupsPerMultiprocessor => 2;

    private static int BlockBytes => HeadTile.BlockBytes<BFloat16Format, TWidth>();

    private static int Line => HeadTile.LineBytes<BFloat16Format, TWidth>();

    public void Run(int item, int lane, int lanes)
    {
        int first = item % _tiles * HeadTile.GroupRows, pair = item / _tiles, image = pair / _heads, head = pair % _heads, row = first + ((lane >> 5) * 16);
        long shared = Memory.Shared();
        var queries = new AlignedHeadCopy<TWidth>(_q, image, head, _tokens, _width, lane).Stage(shared, first, lane);
        AlignedHeadCopy<TWidth> keys = new(_k, image, head, _tokens, _width, lane), values = new(_v, image, head, _tokens, _width, lane);
        Move(keys, values, shared, 0);

        int startKeys = HeadTile.StartOfColumns<BFloat16Format, TWidth>(lane & 31), startValues = BFloat16Format.StartMNMajor(Line, lane & 31);
        float c = _scale * Log2E;
        State state = new() { UpperTop = Nothing, LowerTop = Nothing };
        int stage = 0;
        for (int token = 0; token < _tokens; token += Block)
        {
            AsyncCopy.WaitForAll();
            Group.Barrier();
            long block = shared + stage;
            stage = (2 * BlockBytes) - stage;
            if (token + Block < _tokens) Move(keys, values, shared + stage, token + Block);
            // A warp whose queries lie beyond the last only helps to move blocks.
            if (row >= _tokens) continue;
            for (int step = 0; step < Block; step += Step)
            {
                var products = HeadFragments.Multiply<BFloat16Format, TWidth>(queries, block + startKeys);
                if (token + Block > _tokens) products = Mask(products, _tokens - token - step - ((lane & 3) * 2));
                state = Add(state, products, c, block + BlockBytes, startValues);
                block += Step * Line;
            }
        }

        float upper = QuadReduce.Sum(state.UpperSum), lower = QuadReduce.Sum(state.LowerSum);
        int token0 = row + ((lane & 31) >> 2);
        long place = ((((long)image * _heads) + head) * _tokens) + token0;
        if ((lane & 3) == 0)
        {
            if (token0 < _tokens) _lse[place] = (state.UpperTop * _scale) + MathF.Log(upper);
            if (token0 + 8 < _tokens) _lse[place + 8] = (state.LowerTop * _scale) + MathF.Log(lower);
        }
        new HeadStore<TWidth, BFloat16>(_o, image, head, _tokens, _width, shared).Store(HeadAccumulators.Scale(state.Sums, 1f / upper, 1f / lower), first, lane);
    }

    private static void Move(AlignedHeadCopy<TWidth> keys, AlignedHeadCopy<TWidth> values, long stage, int token)
    {
        keys.Move(stage, token, Block);
        values.Move(stage + BlockBytes, token, Block);
        AsyncCopy.Commit();
    }

    /// <summary>What <see cref="OnlineSoftmax"/> keeps, its largest products before they are scaled.</summary>
    private struct State
    {
        public HeadAccumulators Sums;
        public float UpperTop, LowerTop, UpperSum, LowerSum;
    }

    private static State Add(State state, Accumulators16x32 products, float c, long values, int start)
    {
        float upperTop = Extremes.Max(state.UpperTop, QuadReduce.Largest(Upper(products))), lowerTop = Extremes.Max(state.LowerTop, QuadReduce.Largest(Lower(products)));
        float upperOffset = upperTop * -c, lowerOffset = lowerTop * -c;
        float upper = Approximate.PowerOfTwo((state.UpperTop * c) + upperOffset), lower = Approximate.PowerOfTwo((state.LowerTop * c) + lowerOffset);
        // Larger scores come seldom after the first few steps.
        if (upperTop != state.UpperTop || lowerTop != state.LowerTop) state.Sums = HeadAccumulators.Scale(state.Sums, upper, lower);
        var probabilities = Probabilities(products, c, upperOffset, lowerOffset);
        return new()
        {
            UpperTop = upperTop,
            LowerTop = lowerTop,
            UpperSum = (state.UpperSum * upper) + UpperSum(probabilities),
            LowerSum = (state.LowerSum * lower) + LowerSum(probabilities),
            Sums = HeadAccumulators.Add<BFloat16Format, TWidth>(state.Sums, probabilities, values, start)
        };
    }

    private static Accumulators16x32 Mask(Accumulators16x32 products, int there) => new()
    {
        Column0 = Mask(products.Column0, there),
        Column8 = Mask(products.Column8, there - 8),
        Column16 = Mask(products.Column16, there - 16),
        Column24 = Mask(products.Column24, there - 24)
    };

    private static Accumulator Mask(Accumulator products, int there) => new()
    {
        X = there > 0 ? products.X : Nothing,
        Y = there > 1 ? products.Y : Nothing,
        Z = there > 0 ? products.Z : Nothing,
        W = there > 1 ? products.W : Nothing
    };

    private static Accumulators16x32 Probabilities(Accumulators16x32 products, float c, float upper, float lower) => new()
    {
        Column0 = Probabilities(products.Column0, c, upper, lower),
        Column8 = Probabilities(products.Column8, c, upper, lower),
        Column16 = Probabilities(products.Column16, c, upper, lower),
        Column24 = Probabilities(products.Column24, c, upper, lower)
    };

    private static Accumulator Probabilities(Accumulator products, float c, float upper, float lower) => new()
    {
        X = Approximate.PowerOfTwo((products.X * c) + upper),
        Y = Approximate.PowerOfTwo((products.Y * c) + upper),
        Z = Approximate.PowerOfTwo((products.Z * c) + lower),
        W = Approximate.PowerOfTwo((products.W * c) + lower)
    };

    private static float Upper(Accumulators16x32 p) => Extremes.Max(
        Extremes.Max(Extremes.Max(p.Column0.X, p.Column0.Y), Extremes.Max(p.Column8.X, p.Column8.Y)), Extremes.Max(Extremes.Max(p.Column16.X, p.Column16.Y), Extremes.Max(p.Column24.X, p.Column24.Y)));

    private static float Lower(Accumulators16x32 p) => Extremes.Max(
        Extremes.Max(Extremes.Max(p.Column0.Z, p.Column0.W), Extremes.Max(p.Column8.Z, p.Column8.W)), Extremes.Max(Extremes.Max(p.Column16.Z, p.Column16.W), Extremes.Max(p.Column24.Z, p.Column24.W)));

    private static float UpperSum(Accumulators16x32 w) => (w.Column0.X + w.Column0.Y + (w.Column8.X + w.Column8.Y)) + (w.Column16.X + w.Column16.Y + (w.Column24.X + w.Column24.Y));

    private static float LowerSum(Accumulators16x32 w) => (w.Column0.Z + w.Column0.W + (w.Column8.Z + w.Column8.W)) + (w.Column16.Z + w.Column16.W + (w.Column24.Z + w.Column24.W));
}

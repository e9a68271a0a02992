using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>
/// A softmax that is taken while keys come by, for a warp's 16 queries: the largest score so far, the sum of exp(score − largest), and the values weighted by the
/// same. When a larger score comes, what is there shrinks by exp(old − new). A lane keeps two queries: lane / 4 (upper) and lane / 4 + 8 (lower).
/// </summary>
internal struct OnlineSoftmax
{
    /// <summary>Below every score.</summary>
    private const float Nothing = -3e38f;

    public HeadAccumulators Sums;
    public float UpperTop, LowerTop;

    /// <summary>The lane's own columns of the sum; four lanes share a query.</summary>
    public float UpperSum, LowerSum;

    /// <summary>Before the first key.</summary>
    public static OnlineSoftmax Empty => new() { UpperTop = Nothing, LowerTop = Nothing };

    /// <summary>Takes 32 keys and their values.</summary>
    /// <param name="softmax">So far.</param>
    /// <param name="products">q·kᵀ [16, 32].</param>
    /// <param name="scale">What makes scores of them.</param>
    /// <param name="keys">How many of the keys there are; at least 1.</param>
    /// <param name="values">The address of the first key's values.</param>
    /// <param name="start">Where the lane reads them.</param>
    /// <param name="lane">The lane.</param>
    public static OnlineSoftmax Add<TFormat, TWidth>(OnlineSoftmax softmax, Accumulators16x32 products, float scale, int keys, long values, int start, int lane)
        where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth
    {
        int column = (lane & 3) * 2;
        Accumulator a = Score(products.Column0, scale, column, keys), b = Score(products.Column8, scale, column + 8, keys);
        Accumulator c = Score(products.Column16, scale, column + 16, keys), d = Score(products.Column24, scale, column + 24, keys);
        float upperTop = Larger(softmax.UpperTop, QuadReduce.Max(Larger(Larger(Larger(a.X, a.Y), Larger(b.X, b.Y)), Larger(Larger(c.X, c.Y), Larger(d.X, d.Y)))));
        float lowerTop = Larger(softmax.LowerTop, QuadReduce.Max(Larger(Larger(Larger(a.Z, a.W), Larger(b.Z, b.W)), Larger(Larger(c.Z, c.W), Larger(d.Z, d.W)))));
        Accumulators16x32 probabilities = new()
        {
            Column0 = Probabilities<TFormat>(a, upperTop, lowerTop),
            Column8 = Probabilities<TFormat>(b, upperTop, lowerTop),
            Column16 = Probabilities<TFormat>(c, upperTop, lowerTop),
            Column24 = Probabilities<TFormat>(d, upperTop, lowerTop)
        };
        float upper = AttentionExp.Of<TFormat>(softmax.UpperTop - upperTop), lower = AttentionExp.Of<TFormat>(softmax.LowerTop - lowerTop);
        return new()
        {
            UpperTop = upperTop,
            LowerTop = lowerTop,
            UpperSum = (softmax.UpperSum * upper) + Upper(probabilities),
            LowerSum = (softmax.LowerSum * lower) + Lower(probabilities),
            Sums = HeadAccumulators.Add<TFormat, TWidth>(HeadAccumulators.Scale(softmax.Sums, upper, lower), probabilities, values, start)
        };
    }

    private static Accumulator Score(Accumulator products, float scale, int column, int keys) => new()
    {
        X = column < keys ? products.X * scale : Nothing,
        Y = column + 1 < keys ? products.Y * scale : Nothing,
        Z = column < keys ? products.Z * scale : Nothing,
        W = column + 1 < keys ? products.W * scale : Nothing
    };

    private static Accumulator Probabilities<TFormat>(Accumulator scores, float upperTop, float lowerTop) where TFormat : struct, IHeadFormat => new()
    {
        X = AttentionExp.Of<TFormat>(scores.X - upperTop),
        Y = AttentionExp.Of<TFormat>(scores.Y - upperTop),
        Z = AttentionExp.Of<TFormat>(scores.Z - lowerTop),
        W = AttentionExp.Of<TFormat>(scores.W - lowerTop)
    };

    private static float Upper(Accumulators16x32 w) => w.Column0.X + w.Column0.Y + w.Column8.X + w.Column8.Y + w.Column16.X + w.Column16.Y + w.Column24.X + w.Column24.Y;

    private static float Lower(Accumulators16x32 w) => w.Column0.Z + w.Column0.W + w.Column8.Z + w.Column8.W + w.Column16.Z + w.Column16.W + w.Column24.Z + w.Column24.W;

    private static float Larger(float a, float b) => a > b ? a : b;
}

using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>16 tokens of a head in a warp's registers, as the operand A of products along its channels: a <see cref="UInt4"/> for every 32 bytes of a token.</summary>
internal struct HeadFragments
{
    public UInt4 F0, F1, F2, F3, F4, F5, F6, F7, F8, F9;

    /// <summary>Reads the warp's 16 tokens from a tile.</summary>
    public static HeadFragments Read<TFormat, TWidth>(long tile, int lane) where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth
    {
        long start = tile + HeadTile.StartOfRows<TFormat, TWidth>((lane >> 5) * 16, lane & 31);
        int steps = TWidth.Pieces * TFormat.Steps16;
        HeadFragments rows = default;
        rows.F0 = MatrixLoads.Load(start);
        rows.F1 = MatrixLoads.Load(start + 32);
        if (steps > 2) rows.F2 = MatrixLoads.Load(start + 64);
        if (steps > 2) rows.F3 = MatrixLoads.Load(start + 96);
        if (steps > 4) rows.F4 = MatrixLoads.Load(start + 128);
        if (steps > 5) rows.F5 = MatrixLoads.Load(start + 160);
        if (steps > 5) rows.F6 = MatrixLoads.Load(start + 192);
        if (steps > 5) rows.F7 = MatrixLoads.Load(start + 224);
        if (steps > 8) rows.F8 = MatrixLoads.Load(start + 256);
        if (steps > 8) rows.F9 = MatrixLoads.Load(start + 288);
        return rows;
    }

    /// <summary>The products of the 16 tokens with 32 others, along the channels: sums [16, 32].</summary>
    /// <param name="rows">The warp's tokens.</param>
    /// <param name="start">Where the lane reads the others.</param>
    public static Accumulators16x32 Multiply<TFormat, TWidth>(HeadFragments rows, long start) where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth
    {
        int steps = TWidth.Pieces * TFormat.Steps16, half = 16 * HeadTile.LineBytes<TFormat, TWidth>();
        Accumulators16x32 sums = default;
        sums = Step<TFormat>(sums, rows.F0, start, half);
        sums = Step<TFormat>(sums, rows.F1, start + 32, half);
        if (steps > 2) sums = Step<TFormat>(sums, rows.F2, start + 64, half);
        if (steps > 2) sums = Step<TFormat>(sums, rows.F3, start + 96, half);
        if (steps > 4) sums = Step<TFormat>(sums, rows.F4, start + 128, half);
        if (steps > 5) sums = Step<TFormat>(sums, rows.F5, start + 160, half);
        if (steps > 5) sums = Step<TFormat>(sums, rows.F6, start + 192, half);
        if (steps > 5) sums = Step<TFormat>(sums, rows.F7, start + 224, half);
        if (steps > 8) sums = Step<TFormat>(sums, rows.F8, start + 256, half);
        if (steps > 8) sums = Step<TFormat>(sums, rows.F9, start + 288, half);
        return sums;
    }

    private static Accumulators16x32 Step<TFormat>(Accumulators16x32 sums, UInt4 rows, long start, int half) where TFormat : struct, IHeadFormat
        => Accumulators16x32.Add<TFormat>(sums, rows, MatrixLoads.Load(start), MatrixLoads.Load(start + half));
}

/// <summary>Sums of 16 tokens by 16 channels, in a warp's registers.</summary>
internal struct Accumulators16x16
{
    public Accumulator Left, Right;

    /// <summary>Adds A [16, k]·B [k, 16].</summary>
    public static Accumulators16x16 Add<TFormat>(Accumulators16x16 sums, UInt4 a, UInt4 b) where TFormat : struct, IHeadFormat => new()
    {
        Left = TFormat.Multiply(a, new UInt2 { X = b.X, Y = b.Y }, sums.Left),
        Right = TFormat.Multiply(a, new UInt2 { X = b.Z, Y = b.W }, sums.Right)
    };

    /// <summary>The first eight tokens multiplied by one number, the last eight by another.</summary>
    public static Accumulators16x16 Scale(Accumulators16x16 sums, float upper, float lower) => new()
    {
        Left = Scale(sums.Left, upper, lower),
        Right = Scale(sums.Right, upper, lower)
    };

    private static Accumulator Scale(Accumulator sums, float upper, float lower) => new() { X = sums.X * upper, Y = sums.Y * upper, Z = sums.Z * lower, W = sums.W * lower };
}

/// <summary>Sums of 16 tokens by all channels of a head, in a warp's registers.</summary>
internal struct HeadAccumulators
{
    public Accumulators16x16 C0, C1, C2, C3, C4;

    /// <summary>Adds probabilities [16, 32]·tokens [32, channels].</summary>
    /// <param name="sums">The sums so far.</param>
    /// <param name="probabilities">Of the warp's 16 tokens for 32 others.</param>
    /// <param name="tile">The address of the first of the others.</param>
    /// <param name="start">Where the lane reads.</param>
    public static HeadAccumulators Add<TFormat, TWidth>(HeadAccumulators sums, Accumulators16x32 probabilities, long tile, int start) where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth
    {
        if (TFormat.Steps16 == 1)
        {
            sums = Step<TFormat, TWidth>(sums, TFormat.AsRows(probabilities.Column0, probabilities.Column8), tile, start, 0);
            return Step<TFormat, TWidth>(sums, TFormat.AsRows(probabilities.Column16, probabilities.Column24), tile, start, 1);
        }
        sums = Step<TFormat, TWidth>(sums, TFormat.AsRows(probabilities.Column0, probabilities.Column0), tile, start, 0);
        sums = Step<TFormat, TWidth>(sums, TFormat.AsRows(probabilities.Column8, probabilities.Column8), tile, start, 1);
        sums = Step<TFormat, TWidth>(sums, TFormat.AsRows(probabilities.Column16, probabilities.Column16), tile, start, 2);
        return Step<TFormat, TWidth>(sums, TFormat.AsRows(probabilities.Column24, probabilities.Column24), tile, start, 3);
    }

    private static HeadAccumulators Step<TFormat, TWidth>(HeadAccumulators sums, UInt4 rows, long tile, int start, int step) where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth
    {
        int line = HeadTile.LineBytes<TFormat, TWidth>();
        sums.C0 = Accumulators16x16.Add<TFormat>(sums.C0, rows, TFormat.ReadMNMajor(tile, start, line, 0, step));
        sums.C1 = Accumulators16x16.Add<TFormat>(sums.C1, rows, TFormat.ReadMNMajor(tile, start, line, 1, step));
        if (TWidth.Pieces > 2) sums.C2 = Accumulators16x16.Add<TFormat>(sums.C2, rows, TFormat.ReadMNMajor(tile, start, line, 2, step));
        if (TWidth.Pieces > 2) sums.C3 = Accumulators16x16.Add<TFormat>(sums.C3, rows, TFormat.ReadMNMajor(tile, start, line, 3, step));
        if (TWidth.Pieces > 4) sums.C4 = Accumulators16x16.Add<TFormat>(sums.C4, rows, TFormat.ReadMNMajor(tile, start, line, 4, step));
        return sums;
    }

    /// <summary>The first eight tokens multiplied by one number, the last eight by another.</summary>
    public static HeadAccumulators Scale(HeadAccumulators sums, float upper, float lower) => new()
    {
        C0 = Accumulators16x16.Scale(sums.C0, upper, lower),
        C1 = Accumulators16x16.Scale(sums.C1, upper, lower),
        C2 = Accumulators16x16.Scale(sums.C2, upper, lower),
        C3 = Accumulators16x16.Scale(sums.C3, upper, lower),
        C4 = Accumulators16x16.Scale(sums.C4, upper, lower)
    };
}

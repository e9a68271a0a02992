using ILGPU;

namespace PixelDiT.Kernels.Machine;

/// <summary>What a warp of an attention multiplies: the formats of products, strict float32 among them, with what attention needs beside.</summary>
internal interface IHeadFormat : IFragmentFormat
{
    /// <summary>Multiplications that follow each other along 16 channels, or 16 tokens.</summary>
    static abstract int Steps16 { get; }

    /// <summary>exp(x), as exact as the format asks for.</summary>
    static abstract float Exp(float x);

    /// <summary>
    /// Sums [16, 8] as the operand A of a product along their columns: bf16 takes two side by side, formats of 32 bits one. A lane keeps its own columns, 2·(lane mod 4) and the
    /// next, wherever the instruction expects others: the same order of k holds for B, and a sum does not mind.
    /// </summary>
    static abstract Quad AsRows(Accumulator left, Accumulator right);

    /// <summary>Where a lane reads the first piece of B from lines of tokens; see <see cref="ReadAcross"/>.</summary>
    static abstract int StartAcross(int lineBytes, int lane);

    /// <summary>16 channels of the tokens of a step as the operand B of a product along tokens, in the order of <see cref="AsRows"/>.</summary>
    /// <param name="tile">The tile's address.</param>
    /// <param name="start">What <see cref="StartAcross"/> gave.</param>
    /// <param name="lineBytes">From a token to the next.</param>
    /// <param name="piece">Which 16 channels.</param>
    /// <param name="step">Which step along the tokens.</param>
    static abstract Quad ReadAcross(long tile, int start, int lineBytes, int piece, int step);
}

internal readonly partial struct BrainFormat : IHeadFormat
{
    public static int Steps16 => 1;

    public static float Exp(float x) => Approximate.PowerOfTwo(x * 1.44269504f);

    public static Quad AsRows(Accumulator left, Accumulator right) => new()
    {
        X = Pack(left.X, left.Y),
        Y = Pack(left.Z, left.W),
        Z = Pack(right.X, right.Y),
        W = Pack(right.Z, right.W)
    };

    public static int StartAcross(int lineBytes, int lane) => (((lane & 7) + (((lane >> 3) & 1) << 3)) * lineBytes) + ((lane >> 4) << 4);

    public static Quad ReadAcross(long tile, int start, int lineBytes, int piece, int step) => MatrixLoads.LoadTransposed(tile + start + (step * 16 * lineBytes) + (piece * 32));
}

internal readonly partial struct TensorFloatFormat : IHeadFormat
{
    public static int Steps16 => SingleFormat.Steps16;

    public static float Exp(float x) => SingleFormat.Exp(x);

    public static Quad AsRows(Accumulator left, Accumulator right) => new()
    {
        X = Rounding.ToTensorFloat(left.X),
        Y = Rounding.ToTensorFloat(left.Z),
        Z = Rounding.ToTensorFloat(left.Y),
        W = Rounding.ToTensorFloat(left.W)
    };

    public static int StartAcross(int lineBytes, int lane) => SingleFormat.StartAcross(lineBytes, lane);

    public static Quad ReadAcross(long tile, int start, int lineBytes, int piece, int step) => SingleFormat.ReadAcross(tile, start, lineBytes, piece, step);
}

internal readonly partial struct SingleFormat : IHeadFormat
{
    public static int Steps16 => 2;

    public static float Exp(float x) => Formulas.Exp<DeviceLane, float>(x);

    public static Accumulator Multiply(Quad a, Pair b, Accumulator c) => WarpProduct.Multiply(a, b, c);

    public static Quad AsRows(Accumulator left, Accumulator right) => new()
    {
        X = Interop.FloatAsInt(left.X),
        Y = Interop.FloatAsInt(left.Z),
        Z = Interop.FloatAsInt(left.Y),
        W = Interop.FloatAsInt(left.W)
    };

    public static int StartAcross(int lineBytes, int lane) => ((lane & 3) * 2 * lineBytes) + ((lane >> 2) << 2);

    public static Quad ReadAcross(long tile, int start, int lineBytes, int piece, int step)
    {
        long first = tile + start + (step * 8 * lineBytes) + (piece * 64), second = first + lineBytes;
        return new()
        {
            X = Memory.LoadShared(first),
            Y = Memory.LoadShared(second),
            Z = Memory.LoadShared(first + 32),
            W = Memory.LoadShared(second + 32)
        };
    }
}

using ILGPU;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>What a warp of an attention multiplies: the formats of products, strict float32 among them, with what attention needs beside.</summary>
internal interface IHeadFormat : IFragmentFormat
{
    /// <summary>Multiplications that follow each other along 16 channels, or 16 tokens.</summary>
    static abstract int Steps16 { get; }

    /// <summary>Whether the exponential of a score may be approximate, because the format rounds more away.</summary>
    static abstract bool TakesApproximateExp { get; }

    /// <summary>
    /// Sums [16, 8] as the operand A of a product along their columns: bf16 takes two side by side, formats of 32 bits one. A lane keeps its own columns, 2·(lane mod 4) and the
    /// next, wherever the instruction expects others: the same order of k holds for B, and a sum does not mind.
    /// </summary>
    static abstract UInt4 AsRows(Accumulator left, Accumulator right);

    /// <summary>Where a lane reads the first piece of B from lines of tokens; see <see cref="ReadMNMajor"/>.</summary>
    static abstract int StartMNMajor(int lineBytes, int lane);

    /// <summary>16 channels of the tokens of a step as the operand B of a product along tokens, in the order of <see cref="AsRows"/>.</summary>
    /// <param name="tile">The tile's address.</param>
    /// <param name="start">What <see cref="StartMNMajor"/> gave.</param>
    /// <param name="lineBytes">From a token to the next.</param>
    /// <param name="piece">Which 16 channels.</param>
    /// <param name="step">Which step along the tokens.</param>
    static abstract UInt4 ReadMNMajor(long tile, int start, int lineBytes, int piece, int step);
}

internal readonly partial struct BFloat16Format : IHeadFormat
{
    public static int Steps16 => 1;

    public static bool TakesApproximateExp => true;

    public static UInt4 AsRows(Accumulator left, Accumulator right) => new()
    {
        X = Pack(left.X, left.Y),
        Y = Pack(left.Z, left.W),
        Z = Pack(right.X, right.Y),
        W = Pack(right.Z, right.W)
    };

    public static int StartMNMajor(int lineBytes, int lane) => (((lane & 7) + (((lane >> 3) & 1) << 3)) * lineBytes) + ((lane >> 4) << 4);

    public static UInt4 ReadMNMajor(long tile, int start, int lineBytes, int piece, int step) => MatrixLoads.LoadTransposed(tile + start + (step * 16 * lineBytes) + (piece * 32));
}

internal readonly partial struct TensorFloat32Format : IHeadFormat
{
    public static int Steps16 => SingleFormat.Steps16;

    public static bool TakesApproximateExp => false;

    public static UInt4 AsRows(Accumulator left, Accumulator right) => new()
    {
        X = Rounding.ToTensorFloat32(left.X),
        Y = Rounding.ToTensorFloat32(left.Z),
        Z = Rounding.ToTensorFloat32(left.Y),
        W = Rounding.ToTensorFloat32(left.W)
    };

    public static int StartMNMajor(int lineBytes, int lane) => SingleFormat.StartMNMajor(lineBytes, lane);

    public static UInt4 ReadMNMajor(long tile, int start, int lineBytes, int piece, int step) => SingleFormat.ReadMNMajor(tile, start, lineBytes, piece, step);
}

internal readonly partial struct SingleFormat : IHeadFormat
{
    public static int Steps16 => 2;

    public static bool TakesApproximateExp => false;

    public static Accumulator Multiply(UInt4 a, UInt2 b, Accumulator c) => ShuffleMma.Multiply(a, b, c);

    public static UInt4 AsRows(Accumulator left, Accumulator right) => new()
    {
        X = Interop.FloatAsInt(left.X),
        Y = Interop.FloatAsInt(left.Z),
        Z = Interop.FloatAsInt(left.Y),
        W = Interop.FloatAsInt(left.W)
    };

    public static int StartMNMajor(int lineBytes, int lane) => ((lane & 3) * 2 * lineBytes) + ((lane >> 2) << 2);

    public static UInt4 ReadMNMajor(long tile, int start, int lineBytes, int piece, int step)
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

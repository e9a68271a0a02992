namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>How an operand lies in memory: which of its two dimensions has its elements side by side.</summary>
internal interface IMajor
{
    /// <summary>Whether elements that follow each other belong to one row of A, or column of B, and to successive k.</summary>
    static abstract bool IsKMajor { get; }
}

/// <summary>Successive k side by side: A [M, K] and W [N, K] as stored.</summary>
internal readonly struct KMajor : IMajor
{
    public static bool IsKMajor => true;
}

/// <summary>One k side by side: A given as [K, M], or B as [K, N].</summary>
internal readonly struct MNMajor : IMajor
{
    public static bool IsKMajor => false;
}

/// <summary>
/// A tile of an operand in shared memory: 128 rows of A (or columns of B) by 64 bytes of k, 8 KiB, cut into chunks of 16 bytes. A chunk is moved within its line by exclusive or with
/// bits of the line's number, so that the eight lines which a matrix load reads together lie in different banks. Written as stored:
/// <code>
/// KMajor   128 lines of 4 chunks                        chunk ^ (line / 2 mod 4)
/// MNMajor  bf16: 32 lines (k) of 16 chunks              chunk ^ (line mod 8)
///          tf32, float32: 16 lines (k) of 32 chunks              chunk ^ 2·(line mod 4)
/// </code>
/// A warp reads A in pieces of 16 rows and B in pieces of 16 columns, each 32 bytes of k deep. A lane computes one place for each operand, once; pieces and steps follow by exclusive or and addition
/// of constants.
/// </summary>
internal static class MmaTile
{
    /// <summary>Threads of a group that works on tiles: 8 warps.</summary>
    public const int Threads = 256;

    /// <summary>Rows of A, or columns of B, of a tile.</summary>
    public const int Size = 128;

    /// <summary>Bytes of k of a tile, as a piece's row in shared memory.</summary>
    public const int DepthBytes = 64;

    /// <summary>Bytes of a tile.</summary>
    public const int Bytes = Size * DepthBytes;

    /// <summary>Chunks that a line holds.</summary>
    public static int LineChunks<TFormat, TMajor>() where TFormat : struct, IOperandFormat where TMajor : struct, IMajor
        => TMajor.IsKMajor ? DepthBytes / 16 : Size / TFormat.ChunkElements;

    /// <summary>Where a chunk lies in its tile, in bytes.</summary>
    public static int SwizzledOffset<TFormat, TMajor>(int line, int chunk) where TFormat : struct, IOperandFormat where TMajor : struct, IMajor
        => TMajor.IsKMajor ? (line * DepthBytes) + ((chunk ^ ((line >> 1) & 3)) << 4) : TFormat.MNMajorOffset(line, chunk);

    /// <summary>Where a lane reads the first piece of A.</summary>
    /// <param name="row">The warp's first row, a multiple of 64.</param>
    /// <param name="lane">The lane.</param>
    public static int StartOfA<TFormat, TMajor>(int row, int lane) where TFormat : struct, IMmaFormat where TMajor : struct, IMajor
        => TMajor.IsKMajor ? SwizzledOffset<TFormat, TMajor>(row + (lane & 15), lane >> 4) : TFormat.StartOfMNMajorA(row, lane);

    /// <summary>Where a lane reads the first piece of B.</summary>
    /// <param name="column">The warp's first column, a multiple of 32.</param>
    /// <param name="lane">The lane.</param>
    public static int StartOfB<TFormat, TMajor>(int column, int lane) where TFormat : struct, IMmaFormat where TMajor : struct, IMajor
        => TMajor.IsKMajor ? SwizzledOffset<TFormat, TMajor>(column + (lane & 7) + ((lane >> 4) << 3), (lane >> 3) & 1) : TFormat.StartOfMNMajorB(column, lane);

    /// <summary>A piece of A: the fragment that a multiplication takes.</summary>
    /// <param name="tile">The tile's address.</param>
    /// <param name="start">What <see cref="StartOfA{TFormat, TMajor}"/> gave.</param>
    /// <param name="piece">Which 16 rows, 0 to 3.</param>
    /// <param name="step">Which half of the tile's k, 0 or 1.</param>
    public static UInt4 ReadA<TFormat, TMajor>(long tile, int start, int piece, int step) where TFormat : struct, IMmaFormat where TMajor : struct, IMajor
        => TMajor.IsKMajor ? ReadKMajor(tile, start, piece, step) : TFormat.ReadMNMajorA(tile, start, piece, step);

    /// <summary>A piece of B: the fragments of its first 8 columns (X, Y) and of its last (Z, W).</summary>
    /// <inheritdoc cref="ReadA{TFormat, TMajor}"/>
    public static UInt4 ReadB<TFormat, TMajor>(long tile, int start, int piece, int step) where TFormat : struct, IMmaFormat where TMajor : struct, IMajor
        => TMajor.IsKMajor ? ReadKMajor(tile, start, piece, step) : TFormat.ReadMNMajorB(tile, start, piece, step);

    // Both halves of k lie two chunks apart, within the four that the exclusive or permutes.
    private static UInt4 ReadKMajor(long tile, int start, int piece, int step)
        => MatrixLoads.Load(tile + (start ^ (step * 32)) + (piece * 16 * DepthBytes));
}

using ILGPU;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>What is multiplied: how it is packed, and how it lies in a tile whose lines are k.</summary>
internal interface IOperandFormat
{
    /// <summary>Elements in 16 bytes.</summary>
    static abstract int ChunkElements { get; }

    /// <summary>Whether elements stored so need no packing.</summary>
    static abstract bool IsStoredAs(ElementType type);

    /// <summary>A chunk from the bits of float32 elements in order; a format of four to a chunk leaves <paramref name="high"/>.</summary>
    static abstract UInt4 Pack(UInt4 low, UInt4 high);

    /// <summary>32 bits of a chunk; a format of one element to 32 bits leaves <paramref name="high"/>.</summary>
    static abstract uint Pack(float low, float high);

    /// <inheritdoc cref="MmaTile.SwizzledOffset{TFormat, TMajor}"/>
    static abstract int MNMajorOffset(int line, int chunk);
}

/// <summary>What a warp multiplies from its registers.</summary>
internal interface IFragmentFormat : IOperandFormat
{
    /// <summary>c + a·b for A [16, 32 bytes of k] and B [32 bytes of k, 8].</summary>
    static abstract Accumulator Multiply(UInt4 a, UInt2 b, Accumulator c);
}

/// <summary>What tensor cores multiply in tiles: how a warp reads a tile whose lines are k.</summary>
internal interface IMmaFormat : IFragmentFormat
{
    /// <inheritdoc cref="MmaTile.StartOfA{TFormat, TMajor}"/>
    static abstract int StartOfMNMajorA(int row, int lane);

    /// <inheritdoc cref="MmaTile.StartOfB{TFormat, TMajor}"/>
    static abstract int StartOfMNMajorB(int column, int lane);

    /// <inheritdoc cref="MmaTile.ReadA{TFormat, TMajor}"/>
    static abstract UInt4 ReadMNMajorA(long tile, int start, int piece, int step);

    /// <inheritdoc cref="MmaTile.ReadB{TFormat, TMajor}"/>
    static abstract UInt4 ReadMNMajorB(long tile, int start, int piece, int step);
}

/// <summary>bfloat16, two to a register.</summary>
internal readonly partial struct BFloat16Format : IMmaFormat
{
    private const int LineBytes = 256;

    public static int ChunkElements => 8;

    public static bool IsStoredAs(ElementType type) => type == ElementType.BFloat16;

    public static UInt4 Pack(UInt4 low, UInt4 high) => new()
    {
        X = Pack(Interop.IntAsFloat(low.X), Interop.IntAsFloat(low.Y)),
        Y = Pack(Interop.IntAsFloat(low.Z), Interop.IntAsFloat(low.W)),
        Z = Pack(Interop.IntAsFloat(high.X), Interop.IntAsFloat(high.Y)),
        W = Pack(Interop.IntAsFloat(high.Z), Interop.IntAsFloat(high.W))
    };

    public static uint Pack(float low, float high) => Rounding.ToBFloat16(low, high);

    public static Accumulator Multiply(UInt4 a, UInt2 b, Accumulator c) => Mma.MultiplyBFloat16(a, b, c);

    public static int MNMajorOffset(int line, int chunk) => (line * LineBytes) + ((chunk ^ (line & 7)) << 4);

    // Transposing loads read lines of k. For A their four matrices are rows 0-7 and 8-15 of k 0-7, then of k 8-15; for B k 0-7 and 8-15 of columns 0-7, then of 8-15.
    public static int StartOfMNMajorA(int row, int lane) => MNMajorOffset((lane & 7) + ((lane >> 4) << 3), (row >> 3) + ((lane >> 3) & 1));

    public static int StartOfMNMajorB(int column, int lane) => MNMajorOffset((lane & 7) + (((lane >> 3) & 1) << 3), (column >> 3) + (lane >> 4));

    public static UInt4 ReadMNMajorA(long tile, int start, int piece, int step) => MatrixLoads.LoadTransposed(tile + (start ^ (piece * 32)) + (step * 16 * LineBytes));

    public static UInt4 ReadMNMajorB(long tile, int start, int piece, int step) => ReadMNMajorA(tile, start, piece, step);
}

/// <summary>TF32: float32 with 10 bits of mantissa, one to a register.</summary>
internal readonly partial struct TensorFloat32Format : IMmaFormat
{
    private const int LineBytes = SingleFormat.LineBytes;

    public static int ChunkElements => 4;

    public static bool IsStoredAs(ElementType type) => false;

    public static UInt4 Pack(UInt4 low, UInt4 high) => new()
    {
        X = Rounding.ToTensorFloat32(Interop.IntAsFloat(low.X)),
        Y = Rounding.ToTensorFloat32(Interop.IntAsFloat(low.Y)),
        Z = Rounding.ToTensorFloat32(Interop.IntAsFloat(low.Z)),
        W = Rounding.ToTensorFloat32(Interop.IntAsFloat(low.W))
    };

    public static uint Pack(float low, float high) => Rounding.ToTensorFloat32(low);

    public static Accumulator Multiply(UInt4 a, UInt2 b, Accumulator c) => Mma.MultiplyTensorFloat32(a, b, c);

    public static int MNMajorOffset(int line, int chunk) => SingleFormat.MNMajorOffset(line, chunk);

    // No instruction transposes 32-bit elements: a lane reads its own, of k = lane mod 4 and row or column lane / 4 of eight.
    public static int StartOfMNMajorA(int row, int lane) => ((lane & 3) * LineBytes) + (((row + (lane >> 2)) ^ ((lane & 3) << 3)) << 2);

    public static int StartOfMNMajorB(int column, int lane) => StartOfMNMajorA(column, lane);

    public static UInt4 ReadMNMajorA(long tile, int start, int piece, int step)
    {
        long at = tile + (step * 8 * LineBytes), first = at + (start ^ (piece * 64)), second = at + (start ^ ((piece * 64) + 32));
        return new()
        {
            X = Memory.LoadShared(first),
            Y = Memory.LoadShared(second),
            Z = Memory.LoadShared(first + (4 * LineBytes)),
            W = Memory.LoadShared(second + (4 * LineBytes))
        };
    }

    public static UInt4 ReadMNMajorB(long tile, int start, int piece, int step)
    {
        var a = ReadMNMajorA(tile, start, piece, step);
        return new() { X = a.X, Y = a.Z, Z = a.Y, W = a.W };
    }
}

/// <summary>Float32 as it is, for products without tensor cores.</summary>
internal readonly partial struct SingleFormat : IOperandFormat
{
    /// <summary>Bytes of a line of one k.</summary>
    public const int LineBytes = 512;

    public static int ChunkElements => 4;

    public static bool IsStoredAs(ElementType type) => type == ElementType.Single;

    public static UInt4 Pack(UInt4 low, UInt4 high) => low;

    public static uint Pack(float low, float high) => Interop.FloatAsInt(low);

    public static int MNMajorOffset(int line, int chunk) => (line * LineBytes) + ((chunk ^ ((line & 3) << 1)) << 4);
}

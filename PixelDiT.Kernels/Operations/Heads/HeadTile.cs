using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Heads;

/// <summary>How many channels of a head a kernel is made for; a narrower head has zeros in the rest.</summary>
internal interface IHeadWidth
{
    /// <summary>Pieces of 16 channels.</summary>
    static abstract int Pieces { get; }
}

/// <summary>Heads of up to 32 channels.</summary>
internal readonly struct Width32 : IHeadWidth
{
    public static int Pieces => 2;
}

/// <summary>Heads of up to 64 channels.</summary>
internal readonly struct Width64 : IHeadWidth
{
    public static int Pieces => 4;
}

/// <summary>Heads of up to 80 channels.</summary>
internal readonly struct Width80 : IHeadWidth
{
    public static int Pieces => 5;
}

/// <summary>
/// Tokens of a head in shared memory, a token a line. Lines are an odd number of chunks of 16 bytes apart: the eight lines that a matrix load reads together, and the
/// four pairs of lines that 32-bit formats read across, lie in different banks.
/// </summary>
internal static class HeadTile
{
    /// <summary>The widest head that there is a tile for.</summary>
    public const int MaxWidth = 80;

    /// <summary>Tokens that a group keeps in registers, 16 a warp.</summary>
    public const int GroupRows = 128;

    /// <summary>Tokens that a warp multiplies with at once.</summary>
    public const int StepTokens = 32;

    /// <summary>Chunks of 16 bytes of a token.</summary>
    public static int Chunks<TFormat, TWidth>() where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth => TWidth.Pieces * 16 / TFormat.ChunkElements;

    /// <summary>Bytes from a token to the next.</summary>
    public static int LineBytes<TFormat, TWidth>() where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth => (Chunks<TFormat, TWidth>() | 1) * 16;

    /// <summary>Tokens of a block that passes through shared memory: two operands, two blocks each, in 48 KiB.</summary>
    public static int BlockTokens<TFormat>() where TFormat : struct, IHeadFormat => 8 * TFormat.ChunkElements;

    /// <summary>Bytes of a block of one operand.</summary>
    public static int BlockBytes<TFormat, TWidth>() where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth
        => BlockTokens<TFormat>() * LineBytes<TFormat, TWidth>();

    /// <summary>Where a lane reads the operand A of 16 tokens along channels.</summary>
    public static int StartOfRows<TFormat, TWidth>(int token, int lane) where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth
        => ((token + (lane & 15)) * LineBytes<TFormat, TWidth>()) + ((lane >> 4) << 4);

    /// <summary>Where a lane reads the operand B of 16 tokens along channels: tokens are columns.</summary>
    public static int StartOfColumns<TFormat, TWidth>(int lane) where TFormat : struct, IHeadFormat where TWidth : struct, IHeadWidth
        => (((lane & 7) + ((lane >> 4) << 3)) * LineBytes<TFormat, TWidth>()) + (((lane >> 3) & 1) << 4);
}

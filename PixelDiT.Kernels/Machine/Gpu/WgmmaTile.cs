namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// A tile of a bfloat16 operand in shared memory as warp-group instructions read it (PTX ISA, "Shared memory matrix layout", 128-byte swizzle): lines of 128 bytes,
/// eight of them an atom of 1024, and within a line each chunk of 16 bytes moved by exclusive or with the line's number. Tiles begin at multiples of 1024.
/// <code>
/// KMajor    a line is a row of A (column of B), 64 successive k      atoms follow each other along the rows
/// MNMajor   a line is a k, 64 successive rows (columns)              atoms follow each other along k; a block of 64 rows after another
/// </code>
/// </summary>
internal static class WgmmaTile
{
    /// <summary>k of a tile.</summary>
    public const int Depth = 64;

    /// <summary>Rows of C that a group computes, 64 a warp group.</summary>
    public const int Rows = 128;

    /// <summary>Columns of C that a group computes.</summary>
    public const int Columns = 256;

    /// <summary>Bytes of a line.</summary>
    public const int LineBytes = 128;

    /// <summary>Bytes of 64 rows or columns, for every k of a tile, in either order.</summary>
    public const int BlockBytes = 64 * LineBytes;

    /// <summary>Bytes of a tile of A and of one of B.</summary>
    public const int StageBytes = (Rows + Columns) / 64 * BlockBytes;

    /// <summary>Tiles of each operand that shared memory holds at once.</summary>
    public const int Stages = 4;

    /// <summary>All of it.</summary>
    public const int SharedBytes = Stages * StageBytes;

    /// <summary>Where a chunk of 8 elements lies.</summary>
    /// <param name="line">A row, or a k.</param>
    /// <param name="chunk">Which 8 of its k, or of its rows.</param>
    public static int SwizzledOffset<TMajor>(int line, int chunk) where TMajor : struct, IMajor
        => TMajor.IsKMajor
            ? (line * LineBytes) + ((chunk ^ (line & 7)) << 4)
            : ((chunk >> 3) * BlockBytes) + (line * LineBytes) + (((chunk & 7) ^ (line & 7)) << 4);

    /// <summary>Where an instruction finds an element, by its own rule: bits 4 to 6 of an address are changed by bits 7 to 9.</summary>
    /// <param name="tile">The tile's address.</param>
    /// <param name="row">The row of A, or column of B.</param>
    /// <param name="k">The k.</param>
    public static long AddressOf<TMajor>(long tile, int row, int k) where TMajor : struct, IMajor
    {
        long address = TMajor.IsKMajor
            ? tile + (row / 8 * 1024) + (row % 8 * LineBytes) + (k * 2)
            : tile + (row / 64 * BlockBytes) + (k / 8 * 1024) + (k % 8 * LineBytes) + (row % 64 * 2);
        return address ^ ((address >> 3) & 0x70);
    }
}

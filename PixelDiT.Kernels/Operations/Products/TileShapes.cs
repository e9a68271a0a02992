using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Operations.Products;

/// <summary>192 by 192, by three warp groups: the fewest bytes from the cache for a sum; 1152 columns are six of them.</summary>
internal readonly struct Tile192x192 : ITileShape
{
    public static int Rows => 192;

    public static int Columns => 192;
}

/// <summary>128 by 256: 3072 and 4096 columns are whole numbers of them.</summary>
internal readonly struct Tile128x256 : ITileShape
{
    public static int Rows => 128;

    public static int Columns => 256;
}

/// <summary>128 by 192: between the other two.</summary>
internal readonly struct Tile128x192 : ITileShape
{
    public static int Rows => 128;

    public static int Columns => 192;
}

/// <summary>128 by 128: more tiles.</summary>
internal readonly struct Tile128x128 : ITileShape
{
    public static int Rows => 128;

    public static int Columns => 128;
}

/// <summary>64 by 128: for few rows.</summary>
internal readonly struct Tile64x128 : ITileShape
{
    public static int Rows => 64;

    public static int Columns => 128;
}

/// <summary>Where everything lies in the shared memory of a <see cref="PersistentProduct{TTile, TMajorA, TMajorB, TC, TEpilogue}"/>: stages of tiles of A and B, a tile of C on its way out, barriers.</summary>
internal static class PersistentLayout
{
    /// <summary>What a card gives a group, without the start of a driver's own and of an alignment.</summary>
    private const int MostBytes = 226 << 10, BarrierBytes = 256;

    /// <summary>Bytes of a tile of A.</summary>
    public static int BytesOfA<TTile>() where TTile : struct, ITileShape => TTile.Rows * WgmmaTile.LineBytes;

    /// <summary>Bytes of a tile of A and of one of B.</summary>
    public static int StageBytes<TTile>() where TTile : struct, ITileShape => (TTile.Rows + TTile.Columns) * WgmmaTile.LineBytes;

    /// <summary>Bytes of a tile of C in bfloat16; results in float32 go to memory from registers.</summary>
    public static int ResultBytes<TTile>(bool isSingle) where TTile : struct, ITileShape => isSingle ? 0 : TTile.Rows * TTile.Columns * 2;

    /// <summary>Stages: as many as there is room for, and at most six.</summary>
    public static int Stages<TTile>(bool isSingle) where TTile : struct, ITileShape
    {
        int room = (MostBytes - BarrierBytes - ResultBytes<TTile>(isSingle)) / StageBytes<TTile>();
        return room < 6 ? room : 6;
    }

    /// <summary>Where the barriers begin.</summary>
    public static int Barriers<TTile>(bool isSingle) where TTile : struct, ITileShape => (Stages<TTile>(isSingle) * StageBytes<TTile>()) + ResultBytes<TTile>(isSingle);

    /// <summary>All of it.</summary>
    public static int SharedBytes<TTile>(bool isSingle) where TTile : struct, ITileShape => Barriers<TTile>(isSingle) + BarrierBytes;
}

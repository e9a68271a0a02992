using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Machine.Emulation;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// Values of an item's other lanes, without shared memory (PTX ISA, shfl.sync). An item has 2 to 32 lanes, a power of two, side by side in a warp; other items of the
/// warp may be elsewhere or absent, so that a shuffle names the item's lanes and nobody else. The C# bodies do the same by <see cref="SubwarpExchange"/>.
/// </summary>
internal static class SubwarpShuffle
{
    // The mask of the item's lanes: so many ones, from its first lane on. A shift by 32 gives 0, and so all ones.
    private const string Members = """
        {
        .reg .b32 first, members;
        neg.s32 first, $lanes;
        mov.u32 members, %laneid;
        and.b32 first, first, members;
        shl.b32 members, 1, $lanes;
        sub.u32 members, members, 1;
        shl.b32 members, members, first;

        """;

    /// <summary>The value of lane (own xor <paramref name="distance"/>); all lanes of the item must call it.</summary>
    /// <param name="value">This lane's value.</param>
    /// <param name="distance">1 to lanes − 1.</param>
    /// <param name="lanes">Lanes of the item.</param>
    [IntrinsicImplementation, PtxBody(Members + """
        shfl.sync.bfly.b32 $result, $value, $distance, 31, members;
        }
        """)]
    public static float ShuffleXor(float value, int distance, int lanes) => SubwarpExchange.ShuffleXor(value, distance, lanes);

    /// <summary>Eight values of lane (own xor <paramref name="distance"/>); all lanes of the item must call it.</summary>
    /// <param name="value">This lane's values.</param>
    /// <param name="distance">1 to lanes − 1.</param>
    /// <param name="lanes">Lanes of the item.</param>
    [IntrinsicImplementation, PtxBody(Members + """
        shfl.sync.bfly.b32 $result.0, $value.0, $distance, 31, members;
        shfl.sync.bfly.b32 $result.1, $value.1, $distance, 31, members;
        shfl.sync.bfly.b32 $result.2, $value.2, $distance, 31, members;
        shfl.sync.bfly.b32 $result.3, $value.3, $distance, 31, members;
        shfl.sync.bfly.b32 $result.4, $value.4, $distance, 31, members;
        shfl.sync.bfly.b32 $result.5, $value.5, $distance, 31, members;
        shfl.sync.bfly.b32 $result.6, $value.6, $distance, 31, members;
        shfl.sync.bfly.b32 $result.7, $value.7, $distance, 31, members;
        }
        """)]
    public static Float8 ShuffleXor(Float8 value, int distance, int lanes) => SubwarpExchange.ShuffleXor(value, distance, lanes);
}

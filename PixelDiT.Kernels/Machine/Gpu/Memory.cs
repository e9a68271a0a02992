using ILGPU;
using ILGPU.IR.Intrinsics;
using ILGPU.Runtime;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// Memory of a GPU by address, with the space in the instruction: an access that names none costs more, and the loader takes it for a global one. In the C# bodies
/// both spaces are host memory.
/// </summary>
internal static unsafe class Memory
{
    /// <summary>Bytes of <see cref="Shared"/>: the most that a kernel may declare.</summary>
    public const int SharedBytes = 48 << 10;

    /// <summary>The address of the group's shared memory, aligned to 128 bytes; may stand once in a kernel.</summary>
    [IntrinsicImplementation, PtxBody("""
        .shared .align 128 .b8 group_memory[49152];
        mov.u64 $result, group_memory;
        """)]
    public static long Shared() => (long)((ArrayView<UInt4>)SharedMemory.Allocate1D<UInt4>(SharedBytes / 16)).LoadEffectiveAddressAsPtr();

    /// <summary>
    /// The address of the group's shared memory beyond what a kernel may declare, aligned to 1024 bytes; only for kernels that say how much they want (<see
    /// cref="Devices.IDynamicSharedKernel"/>).
    /// </summary>
    [IntrinsicImplementation, PtxBody("mov.u64 $result, dynamic_shared_memory;")]
    public static long DynamicShared()
        => ((long)((ArrayView<UInt4>)SharedMemory.Allocate1D<UInt4>((WgmmaTile.SharedBytes + 1024) / 16)).LoadEffectiveAddressAsPtr() + 1023) & ~1023L;

    /// <summary>16 bytes of global memory, or zeros where <paramref name="wanted"/> is 0 and the address is not read.</summary>
    [IntrinsicImplementation, PtxBody("""
        {
        .reg .pred wanted;
        setp.ne.s32 wanted, $wanted, 0;
        mov.b32 $result.0, 0;
        mov.b32 $result.1, 0;
        mov.b32 $result.2, 0;
        mov.b32 $result.3, 0;
        @wanted ld.global.v4.b32 $result, [$address];
        }
        """)]
    public static UInt4 LoadGlobal(long address, int wanted) => wanted != 0 ? *(UInt4*)Whole(address) : default;

    /// <summary>16 bytes of global memory.</summary>
    [IntrinsicImplementation, PtxBody("ld.global.v4.b32 $result, [$address];")]
    public static UInt4 LoadGlobal(long address) => *(UInt4*)Whole(address);

    /// <summary>32 bytes of global memory, in two accesses of 16.</summary>
    [IntrinsicImplementation, PtxBody("""
        ld.global.v4.f32 {$result.0, $result.1, $result.2, $result.3}, [$address];
        ld.global.v4.f32 {$result.4, $result.5, $result.6, $result.7}, [$address+16];
        """)]
    public static Float8 LoadGlobalEight(long address) => *(Float8*)Whole(address);

    /// <summary>8 bytes of global memory.</summary>
    [IntrinsicImplementation, PtxBody("ld.global.v2.b32 $result, [$address];")]
    public static UInt2 LoadGlobalPair(long address) => *(UInt2*)address;

    /// <summary>Writes 8 bytes of global memory.</summary>
    [IntrinsicImplementation, PtxBody("st.global.v2.b32 [$address], $value;")]
    public static void StoreGlobal(long address, UInt2 value) => *(UInt2*)address = value;

    /// <summary>Writes 16 bytes of global memory.</summary>
    [IntrinsicImplementation, PtxBody("st.global.v4.b32 [$address], $value;")]
    public static void StoreGlobal(long address, UInt4 value) => *(UInt4*)Whole(address) = value;

    /// <summary>Writes 32 bytes of global memory, in two accesses of 16.</summary>
    [IntrinsicImplementation, PtxBody("""
        st.global.v4.f32 [$address], {$value.0, $value.1, $value.2, $value.3};
        st.global.v4.f32 [$address+16], {$value.4, $value.5, $value.6, $value.7};
        """)]
    public static void StoreGlobal(long address, Float8 value) => *(Float8*)Whole(address) = value;

    /// <summary>4 bytes of shared memory.</summary>
    [IntrinsicImplementation, PtxBody("ld.shared.b32 $result, [$address];")]
    public static uint LoadShared(long address) => *(uint*)address;

    /// <summary>16 bytes of shared memory.</summary>
    [IntrinsicImplementation, PtxBody("ld.shared.v4.b32 $result, [$address];")]
    public static UInt4 LoadSharedQuad(long address) => *(UInt4*)address;

    /// <summary>Writes 4 bytes of shared memory.</summary>
    [IntrinsicImplementation, PtxBody("st.shared.b32 [$address], $value;")]
    public static void StoreShared(long address, uint value) => *(uint*)address = value;

    /// <summary>Writes 8 bytes of shared memory.</summary>
    [IntrinsicImplementation, PtxBody("st.shared.v2.b32 [$address], $value;")]
    public static void StoreShared(long address, UInt2 value) => *(UInt2*)address = value;

    /// <summary>Writes 16 bytes of shared memory.</summary>
    [IntrinsicImplementation, PtxBody("st.shared.v4.b32 [$address], $value;")]
    public static void StoreShared(long address, UInt4 value) => *(UInt4*)address = value;

    /// <summary>An address of 16 bytes that a card would take: it must be a multiple of 16.</summary>
    private static long Whole(long address) => (address & 15) == 0 ? address : throw new DeviceException($"16 bytes are read or written at {address:x}, which is no multiple of 16");

    /// <summary>Writes a lane's part of sums [16, 8] to shared memory: two of its row, and two of the row eight lines further.</summary>
    /// <param name="place">Of the lane's first.</param>
    /// <param name="lineBytes">From a row to the next.</param>
    /// <param name="sums">What the lane holds.</param>
    public static void StoreShared(long place, int lineBytes, Accumulator sums)
    {
        StoreShared(place, new UInt2 { X = Interop.FloatAsInt(sums.X), Y = Interop.FloatAsInt(sums.Y) });
        StoreShared(place + (8 * lineBytes), new UInt2 { X = Interop.FloatAsInt(sums.Z), Y = Interop.FloatAsInt(sums.W) });
    }
}

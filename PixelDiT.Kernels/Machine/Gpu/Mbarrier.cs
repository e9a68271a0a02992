using ILGPU.IR.Intrinsics;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// Barriers in shared memory, 8 bytes each (PTX ISA, "mbarrier"). A phase ends when so many have arrived as the barrier was made for, and all bytes have come that were expected; then the next begins. Whoever waits
/// names the parity of the phase it waits for: 0 for the first. The parity before the first, 1, has ended from the beginning.
/// </summary>
internal static class Mbarrier
{
    /// <summary>Bytes of a barrier.</summary>
    public const int Bytes = 8;

    /// <summary>Makes a barrier; others may use it after <see cref="AsyncCopy.Publish"/> and a barrier of the group.</summary>
    /// <param name="barrier">Its address.</param>
    /// <param name="arrivals">Of each phase.</param>
    [IntrinsicImplementation, PtxBody("mbarrier.init.shared::cta.b64 [$barrier], $arrivals;")]
    public static void Begin(long barrier, int arrivals) => throw Intrinsics.OnCardsAlone;

    /// <summary>Arrives, and expects bytes of copies in this phase.</summary>
    [IntrinsicImplementation, PtxBody("mbarrier.arrive.expect_tx.shared::cta.b64 _, [$barrier], $bytes;")]
    public static void Expect(long barrier, int bytes) => throw Intrinsics.OnCardsAlone;

    /// <summary>Arrives once for the whole warp, when all of its lanes are here; what they did before is seen by whoever waits.</summary>
    [IntrinsicImplementation, PtxBody("""
        {
        .reg .pred first;
        .reg .b32 lane;
        mov.u32 lane, %laneid;
        setp.eq.u32 first, lane, 0;
        bar.warp.sync 0xffffffff;
        @first mbarrier.arrive.shared::cta.b64 _, [$barrier];
        }
        """)]
    public static void ArriveWarp(long barrier) => throw Intrinsics.OnCardsAlone;

    /// <summary>Waits until the phase of a parity has ended.</summary>
    [IntrinsicImplementation, PtxBody("""
        {
        .reg .pred ended;
        WAITING:
        mbarrier.try_wait.parity.shared::cta.b64 ended, [$barrier], $parity;
        @!ended bra WAITING;
        }
        """)]
    public static void Wait(long barrier, int parity) => throw Intrinsics.OnCardsAlone;
}

using System.Runtime.InteropServices;
using ILGPU;

namespace PixelDiT.Kernels.Machine.Emulation;

/// <summary>
/// What lets ILGPU's CPU accelerator stand in for instructions of a whole warp: every lane, a thread there, sees the operands of all. Needs warps of 32.
/// </summary>
internal static unsafe class WarpExchange
{
    /// <summary>Lanes of a warp.</summary>
    public const int Lanes = 32;

    private const int LargestValue = 64;

    [ThreadStatic]
    private static Mailbox? s_mailbox;

    // A thread of ILGPU's CPU accelerator is the same lane of the same warp as long as the accelerator lives, so the mailbox of its warp's lane 0 is asked for once.
    [ThreadStatic]
    private static long s_warp;

    [ThreadStatic]
    private static int s_half;

    /// <summary>Hands every lane the values of all lanes; all lanes must call it.</summary>
    /// <param name="mine">This lane's value, of at most 64 bytes.</param>
    /// <param name="all">Receives 32 values.</param>
    public static void Gather<T>(T mine, Span<T> all) where T : unmanaged
    {
        if (s_warp == 0) s_warp = Warp.Shuffle((s_mailbox ??= new Mailbox()).Address, 0);
        // Two halves in turn: whoever writes to one has met all lanes since they read from it.
        T* box = (T*)(s_warp + (s_half * Lanes * LargestValue));
        s_half ^= 1;
        box[Warp.LaneIdx] = mine;
        Warp.Barrier();
        new Span<T>(box, Lanes).CopyTo(all);
    }

    /// <summary>Native memory of one thread; its finaliser frees it when the thread is gone.</summary>
    private sealed class Mailbox
    {
        public long Address { get; } = (long)NativeMemory.Alloc(2 * Lanes * LargestValue);

        ~Mailbox() => NativeMemory.Free((void*)Address);
    }
}

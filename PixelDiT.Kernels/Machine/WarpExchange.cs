using System.Runtime.InteropServices;
using ILGPU;

namespace PixelDiT.Kernels.Machine;

/// <summary>
/// What lets ILGPU's CPU accelerator stand in for instructions of a whole warp: every lane, a thread there, sees the operands of all. Needs warps of 32.
/// </summary>
internal static unsafe class WarpExchange
{
    /// <summary>Lanes of a warp.</summary>
    public const int Lanes = 32;

    private const int LargestValue = 64;

    [ThreadStatic]
    private static Mailbox? t_mailbox;

    /// <summary>Hands every lane the values of all lanes; all lanes must call it.</summary>
    /// <param name="mine">This lane's value, of at most 64 bytes.</param>
    /// <param name="all">Receives 32 values.</param>
    public static void Gather<T>(T mine, Span<T> all) where T : unmanaged
    {
        // The mailbox is that of lane 0. Nobody writes to it before all lanes have come to this shuffle, and so have read what lay there before.
        t_mailbox ??= new Mailbox();
        T* box = (T*)Warp.Shuffle(t_mailbox.Address, 0);
        box[Warp.LaneIdx] = mine;
        Warp.Barrier();
        new Span<T>(box, Lanes).CopyTo(all);
    }

    /// <summary>Native memory of one thread; its finaliser frees it when the thread is gone.</summary>
    private sealed class Mailbox
    {
        public long Address { get; } = (long)NativeMemory.Alloc(Lanes * LargestValue);

        ~Mailbox() => NativeMemory.Free((void*)Address);
    }
}

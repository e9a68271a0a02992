using ILGPU.IR.Intrinsics;
using PixelDiT.Kernels.Machine.Emulation;

namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>
/// Copies from global to shared memory that pass no register and are waited for later (PTX ISA, "cp.async"). A thread's copies since its last <see cref="Commit"/> form a group;
/// after a wait, a barrier makes the copies of all threads visible to all. In the C# bodies copies arrive as late as they may (<see cref="PendingCopies"/>).
/// </summary>
internal static class AsyncCopy
{
    /// <summary>Copies 16 bytes, or zeros.</summary>
    /// <param name="to">An address in shared memory, aligned to 16.</param>
    /// <param name="from">An address in global memory, aligned to 16; not read where nothing is copied.</param>
    /// <param name="bytes">How many bytes are copied, 0 to 16; the rest of the 16 becomes zero.</param>
    [IntrinsicImplementation, PtxBody("cp.async.cg.shared.global [$to], [$from], 16, $bytes;")]
    public static void Copy(long to, long from, int bytes) => PendingCopies.Mine.Add(to, from, bytes);

    /// <summary>Closes this thread's group of copies; a group may be empty.</summary>
    [IntrinsicImplementation, PtxBody("cp.async.commit_group;")]
    public static void Commit() => PendingCopies.Mine.Commit();

    /// <summary>Waits until all of this thread's groups but the newest have arrived.</summary>
    [IntrinsicImplementation, PtxBody("cp.async.wait_group 1;")]
    public static void WaitForAllButNewest() => PendingCopies.Mine.Wait(left: 1);

    /// <summary>Waits until all of this thread's groups but the two newest have arrived.</summary>
    [IntrinsicImplementation, PtxBody("cp.async.wait_group 2;")]
    public static void WaitForAllButTwo() => PendingCopies.Mine.Wait(left: 2);

    /// <summary>Lets what this thread has written to shared memory be seen by instructions that read it on their own (PTX ISA, "async proxy"), after the barrier that follows.</summary>
    [IntrinsicImplementation, PtxBody("fence.proxy.async.shared::cta;")]
    public static void Publish()
    {
    }

    /// <summary>Waits until all of this thread's groups have arrived.</summary>
    [IntrinsicImplementation, PtxBody("cp.async.wait_group 0;")]
    public static void WaitForAll() => PendingCopies.Mine.Wait(left: 0);
}

using System.Runtime.InteropServices;

namespace PixelDiT.Kernels.Devices;

/// <summary>Asks Linux for pages of 2 MiB: a product reads rows that lie far apart, and with pages of 4 KiB each row needs an entry of the processor's table of pages.</summary>
internal static partial class HugePages
{
    private const nint PageBytes = 2 << 20;
    private const int Advice = 14;

    /// <summary>Asks for the whole large pages of a range; elsewhere than on Linux, or where the system says no, nothing happens.</summary>
    public static void Ask(nint address, long bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        nint first = (address + PageBytes - 1) / PageBytes * PageBytes, end = (nint)((address + bytes) / PageBytes * PageBytes);
        if (end <= first) return;
        try
        {
            _ = Advise(first, end - first, Advice);
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            // A system whose C library is not where .NET looks for it keeps its small pages.
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nint bytes, int advice);
}

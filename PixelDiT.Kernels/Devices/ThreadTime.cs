using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PixelDiT.Kernels.Devices;

/// <summary>How long the calling thread has computed, without the time in which others had its core; in ticks of <see cref="Stopwatch"/>.</summary>
internal static unsafe partial class ThreadTime
{
    private const int ThreadCpuTime = 3;

    /// <summary>Whether this system says it; where not, <see cref="Now"/> is the time of day, and nobody is ever seen to wait for a core.</summary>
    public static bool IsKnown { get; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <summary>The time now.</summary>
    public static long Now
    {
        get
        {
            long* time = stackalloc long[2];
            if (!IsKnown || ClockGetTime(ThreadCpuTime, time) != 0) return Stopwatch.GetTimestamp();
            return (long)(((time[0] * 1e9) + time[1]) * (Stopwatch.Frequency / 1e9));
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime"), SuppressGCTransition]
    private static partial int ClockGetTime(int clock, long* time);
}

using System.Diagnostics;

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>How long threads packed operands inside products, while a profile asks.</summary>
internal static class PackingTime
{
    private static long s_ticks;
    private static volatile bool s_isMeasured;

    /// <summary>Whether anybody asks.</summary>
    public static bool IsMeasured
    {
        get => s_isMeasured;
        set => s_isMeasured = value;
    }

    /// <summary>Before packing.</summary>
    public static long Begin() => s_isMeasured ? Stopwatch.GetTimestamp() : 0;

    /// <summary>After packing.</summary>
    /// <param name="began">What <see cref="Begin"/> gave.</param>
    public static void End(long began)
    {
        if (began != 0) Interlocked.Add(ref s_ticks, Stopwatch.GetTimestamp() - began);
    }

    /// <summary>The time of all threads together since the last call.</summary>
    public static long Take() => Interlocked.Exchange(ref s_ticks, 0);
}

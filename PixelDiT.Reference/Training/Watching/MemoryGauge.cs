using System.Diagnostics;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Reference.Training.Watching;

/// <summary>How much memory a run holds. The system is asked for the process's once a second at most, since asking takes longer than all else that is noted of a step.</summary>
/// <param name="device">Where the run computes.</param>
internal sealed class MemoryGauge(Device device)
{
    private static readonly TimeSpan s_between = TimeSpan.FromSeconds(1);

    private long _asked, _process;

    /// <summary>Bytes that the device's arena has taken, and bytes of the process in the machine's memory.</summary>
    public (long Device, long Process) Read()
    {
        if (_asked == 0 || Stopwatch.GetElapsedTime(_asked) > s_between) (_asked, _process) = (Stopwatch.GetTimestamp(), Environment.WorkingSet);
        return (device.Arena.BytesReserved, _process);
    }
}

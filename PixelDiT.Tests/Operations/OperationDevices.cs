using NUnit.Framework;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Tests.Operations;

/// <summary>The devices that the operation tests share.</summary>
[SetUpFixture]
internal sealed class OperationDevices
{
    private static Device? s_cpu, s_single, s_ilgpu;

    /// <summary>This project's threads, two of them.</summary>
    public static Device Cpu => s_cpu ??= Device.Open("cpu", 2);

    /// <summary>One thread.</summary>
    public static Device SingleThread => s_single ??= Device.Open("cpu", 1);

    /// <summary>ILGPU's CPU accelerator.</summary>
    public static Device Ilgpu => s_ilgpu ??= Device.Open("ilgpu-cpu", 2);

    [OneTimeTearDown]
    public void Close()
    {
        foreach (var device in new[] { s_cpu, s_single, s_ilgpu }) device?.Dispose();
        s_cpu = s_single = s_ilgpu = null;
    }
}

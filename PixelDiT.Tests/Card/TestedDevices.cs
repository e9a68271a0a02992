using PixelDiT.Kernels.Devices;
using PixelDiT.Tests.Operations;

namespace PixelDiT.Tests.Card;

/// <summary>The devices that tests of kernels open: CPUs, or in a process that has one, the interpreted card.</summary>
internal static class TestedDevices
{
    private static Device? s_card;

    /// <summary>Whether this process has an interpreted card.</summary>
    public static bool OnCard { get; set; }

    /// <summary>The device of operations: this project's threads, or a card. Nobody disposes of it.</summary>
    public static Device Operations => OnCard ? s_card ??= Device.Open("cuda") : OperationDevices.Cpu;

    /// <summary>A device for kernels of tensor cores: ILGPU's CPU accelerator in groups of 256, where every instruction is emulated, or a card.</summary>
    /// <param name="warpGroups">Whether it has instructions of warp groups.</param>
    /// <param name="tensorMaps">Whether it has a copy engine for tiles; a card only.</param>
    public static Device OpenTiles(bool warpGroups = false, bool tensorMaps = false)
    {
        if (!OnCard) return Device.OpenIlgpuCpu(threads: 1, groupSize: 256, warpGroups);
        var device = Device.Open("cuda-mma");
        // What a card answers when it is asked, others test.
        if (warpGroups) device.WarpGroups = WarpGroupUse.Trusted;
        if (tensorMaps) device.TensorMaps = WarpGroupUse.Trusted;
        return device;
    }
}

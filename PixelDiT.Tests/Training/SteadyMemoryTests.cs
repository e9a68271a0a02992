using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>A run that goes on for weeks needs no more memory on its last day than on its first.</summary>
internal sealed class SteadyMemoryTests
{
    private const int Steps = 10_000, Every = 1_000, First = 2_500;

    [Test, NonParallelizable]
    public void Ten_thousand_steps_leave_memory_flat()
    {
        using var folder = new TemporaryFolder();
        using var device = Device.Open("cpu", 1);
        var config = new TrainingConfig { Batch = 1, Steps = Steps, Size = 8 };
        using var run = TrainingRun.Create(Path.Combine(folder.Path, "run"), device, new ClassData(new Shapes(8)), Presets.Get("micro"), config, ExistingRun.Refuse);
        var (heap, arena) = (new List<long>(), new List<long>());
        run.Run(Every, report =>
        {
            if (report.Step < First || report.Step % Every != First % Every) return;
            heap.Add(GC.GetTotalMemory(forceFullCollection: true));
            arena.Add(device.Arena.PeakBytes);
        });
        long[] growth = [.. heap.Skip(1).Zip(heap, (later, earlier) => later - earlier).Order()];
        TestContext.Out.WriteLine($"heap {string.Join(", ", heap.Select(bytes => $"{bytes:N0}"))}");
        Assert.That(arena, Has.Count.EqualTo(8).And.All.EqualTo(arena[0]), "a step uses the memory of the one before");
        // The smallest object kept from each step would be 24 kB every time. What other tests left behind in this process moves the heap once or twice, and not the median.
        Assert.That(growth[growth.Length / 2], Is.LessThan(2 << 10), "nothing is kept from a step");
    }
}

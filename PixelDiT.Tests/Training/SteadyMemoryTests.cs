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
    private const int Steps = 10_000, CheckpointEvery = 1_000, First = 2_500;

    [Test, NonParallelizable]
    public void Ten_thousand_steps_leave_memory_flat()
    {
        using var folder = new TemporaryFolder();
        using var device = Device.Open("cpu", 1);
        var config = new TrainingConfig { Batch = 1, Steps = Steps, Size = 8 };
        using var run = TrainingRun.Create(Path.Combine(folder.Path, "run"), device, new ClassData(new Shapes(8)), Presets.Get("micro"), config, ExistingRun.Refuse);
        (long Heap, long Arena, long Allocated) before = default, after = default;
        run.Run(CheckpointEvery, report =>
        {
            // The second measurement counts: what the first two checkpoints and the first full collection set up (buffers of a pool, its clearing) stays for the others.
            if (report.Step is (2 * CheckpointEvery) + 1 or First) before = Measure();
            if (report.Step == Steps - 1) after = Measure();
        });
        TestContext.Out.WriteLine($"heap {before.Heap:N0} then {after.Heap:N0}, arena {before.Arena:N0} then {after.Arena:N0}, {(after.Allocated - before.Allocated) / (double)(Steps - 1 - First):N0} bytes of garbage a step");
        Assert.That(after.Arena, Is.EqualTo(before.Arena), "a step uses the memory of the one before");
        // One number kept from each step would be 30 kB.
        Assert.That(after.Heap - before.Heap, Is.LessThan(16 << 10), "nothing is kept from a step");

        (long, long, long) Measure() => (GC.GetTotalMemory(forceFullCollection: true), device.Arena.PeakBytes, GC.GetTotalAllocatedBytes());
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Catalog;
using PixelDiT.Reference.Benchmarking;
using PixelDiT.Reference.Models;

namespace PixelDiT.Tests.Benchmarking;

/// <summary>What the benchmark counts; how fast anything is, no test asks.</summary>
internal sealed class BenchmarkTests
{
    private static readonly ModelConfig s_config = new() { Hidden = 32, Heads = 4, Patch = 4, PatchDepth = 2, PixelDepth = 1, PixelHidden = 8, Classes = 10 };

    [Test]
    public void A_steady_run_allocates_on_the_heap_by_its_operations_and_not_by_its_sizes()
    {
        using var device = Device.Open("cpu", 1);
        var small = Run(s_config, device, 1, 8);
        var large = Run(s_config with { Hidden = 64, Heads = 8 }, device, 4, 16);
        Assert.That(small.Launches, Is.GreaterThan(100));
        // A tensor, a variable and a closure an operation; larger products may be cut into slices, which is a launch more.
        Assert.That(small.ManagedBytes / (double)small.Launches, Is.LessThan(400));
        Assert.That(large.ManagedBytes / (double)large.Launches, Is.LessThan(400));
    }

    [Test]
    public void A_backward_counts_as_two_forwards()
    {
        using var device = Device.Open("cpu", 1);
        var result = Benchmark.Run(s_config, device, 1, 8, train: true, step: false, repeat: 1, warmUp: 0);
        Assert.That(result.Forward.Gflop, Is.EqualTo(ModelCost.ForwardFlops(s_config, 1, 8, 8) / 1e9));
        Assert.That(result.ForwardBackward!.Gflop, Is.EqualTo(3 * result.Forward.Gflop));
        Assert.That(PeakRate.Measure(device), Is.GreaterThan(result.Forward.GflopPerSecond));
    }

    [Test]
    public void A_training_step_is_the_backward_and_the_update_and_holds_the_optimisers_state()
    {
        using var device = Device.Open("cpu", 1);
        var backward = Benchmark.Run(s_config, device, 1, 8, train: true, step: false, repeat: 1, warmUp: 0);
        Assert.That(backward.Last, Is.SameAs(backward.ForwardBackward));
        var whole = Benchmark.Run(s_config, device, 1, 8, train: true, step: true, repeat: 1, warmUp: 0);
        Assert.That(whole.Last, Is.SameAs(whole.Step));
        Assert.That(whole.Step!.Launches, Is.GreaterThan(whole.ForwardBackward!.Launches));
        Assert.That(whole.Kernels.Select(kernel => kernel.Kernel), Has.Some.Contains("AdamW"));
        // Both moments and the average.
        Assert.That(whole.PeakBytes - backward.PeakBytes, Is.GreaterThan(3 * sizeof(float) * ModelCost.Parameters(s_config)));
        Assert.That(whole.Step.Queued, Is.Null, "on a CPU what is queued is done");
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }

    [Test]
    public void A_sweep_leaves_out_sizes_that_the_model_cannot_have()
    {
        using var device = Device.Open("cpu", 1);
        var rows = Sweep.Run("resolution", s_config with { PatchDepth = 1 }, device, 1, 4, train: false, repeat: 1, warmUp: 0);
        Assert.That(rows.Select(row => row.Size), Is.EqualTo((int[])[4, 8, 12, 16]));
        Assert.That(Sweep.Exponent(rows, row => row.Size * (double)row.Size), Is.EqualTo(2).Within(1e-12));
        Assert.That(() => Sweep.Run("depth", s_config, device, 1, 8, train: false, repeat: 1), Throws.TypeOf<ConfigurationException>().With.Message.Contains("sweep is 'depth'"));
    }

    private static BenchmarkRun Run(ModelConfig config, Device device, int batch, int side) => Benchmark.Run(config, device, batch, side, train: true, step: false, repeat: 1, warmUp: 0).ForwardBackward!;
}

using NUnit.Framework;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Tests.Operations;

/// <summary>Results do not depend on the run, the threads or the back end, and on the size of a group only by rounding.</summary>
internal sealed class OperationRepeatTests
{
    private readonly Dictionary<int, Device> grouped = [];

    [OneTimeTearDown]
    public void Close()
    {
        foreach (var device in grouped.Values) device.Dispose();
    }

    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.All))]
    public void Bits_are_the_same_again_on_one_thread_and_on_ilgpu(OperationCase row)
    {
        var first = OperationRun.Execute(row, OperationDevices.Cpu);
        AssertSameBits(first, OperationRun.Execute(row, OperationDevices.Cpu), "again");
        AssertSameBits(first, OperationRun.Execute(row, OperationDevices.SingleThread), "on one thread");
        AssertSameBits(first, OperationRun.Execute(row, OperationDevices.Ilgpu), "on ILGPU's accelerator");
    }

    [Test, Combinatorial]
    public void Groups_of_several_work_items_agree(
        [ValueSource(typeof(OperationCases), nameof(OperationCases.Small))] OperationCase row, [Values(2, 4)] int groupSize)
    {
        if (!grouped.TryGetValue(groupSize, out var device)) grouped[groupSize] = device = Device.OpenIlgpuCpu(threads: 1, groupSize);
        var single = OperationRun.Execute(row, OperationDevices.Cpu);
        var group = OperationRun.Execute(row, device);
        // A group sums in another order: the rounding of both runs.
        double scale = single.Gradients.Count > 0 ? row.Cotangent(single.Output.Length).Max(Math.Abs) : 0;
        Assert.That(Distance.Largest(group.Output, single.Output), Is.LessThanOrEqualTo(2 * row.ForwardTolerance.Value), "output");
        foreach (var input in row.Inputs.Where(input => input.HasGradient && row.GradientTolerance is not null))
        {
            double error = Distance.Largest(group.Gradients[input.Name], single.Gradients[input.Name], input.Vanishes ? scale : 0);
            Assert.That(error, Is.LessThanOrEqualTo(2 * row.GradientTolerance!.Value), $"gradient of {input.Name}");
        }
    }

    private static void AssertSameBits(OperationResult first, OperationResult second, string when)
    {
        Assert.That(Distance.SameBits(first.Output, second.Output), $"output {when}");
        foreach (var (name, gradient) in first.Gradients) Assert.That(Distance.SameBits(gradient, second.Gradients[name]), $"gradient of {name} {when}");
    }
}

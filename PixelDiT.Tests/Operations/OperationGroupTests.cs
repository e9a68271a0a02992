using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;

namespace PixelDiT.Tests.Operations;

/// <summary>
/// The bodies that a GPU runs, on ILGPU's CPU accelerator: in groups smaller than a warp, of a warp, where rows of few lanes share a group and some of the last group are absent,
/// and of two warps. Against one work item results differ only by rounding.
/// </summary>
internal sealed class OperationGroupTests
{
    private readonly Dictionary<int, Device> _devices = [];

    [OneTimeTearDown]
    public void Close()
    {
        foreach (var device in _devices.Values) device.Dispose();
    }

    [Test, Combinatorial]
    public void Groups_of_several_work_items_agree(
        [ValueSource(typeof(OperationCases), nameof(OperationCases.All))] OperationCase row, [Values(2, 4, 32, 64)] int groupSize)
    {
        var single = OperationRun.Execute(row, OperationDevices.Cpu);
        // A group sums in another order: the rounding of both runs.
        AssertClose(row, OperationRun.Execute(row, Open(groupSize)), single, 2 * row.ForwardTolerance.Value, 2 * (row.GradientTolerance?.Value ?? 0));
    }

    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.WithStorages))]
    public void Bfloat16_agrees_wherever_its_elements_lie(OperationCase row)
    {
        var values = row.Draw(rounded: true);
        var single = OperationRun.Execute(row, OperationDevices.Cpu, values, ElementType.BFloat16);
        double tolerance = row.StorageTolerance!.Value;
        AssertClose(row, OperationRun.Execute(row, Open(32), values, ElementType.BFloat16), single, tolerance, tolerance);
        AssertClose(row, OperationRun.Execute(row, Open(32), values, ElementType.BFloat16, first: 3), single, tolerance, tolerance);
    }

    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.All))]
    public void Bits_are_the_same_again_and_wherever_inputs_lie(OperationCase row)
    {
        var first = OperationRun.Execute(row, Open(32));
        foreach (var second in new[] { OperationRun.Execute(row, Open(32)), OperationRun.Execute(row, Open(32), first: 1) })
        {
            Assert.That(Distance.SameBits(first.Output, second.Output), "output");
            foreach (var (name, gradient) in first.Gradients) Assert.That(Distance.SameBits(gradient, second.Gradients[name]), $"gradient of {name}");
        }
    }

    private Device Open(int groupSize)
    {
        if (!_devices.TryGetValue(groupSize, out var device)) _devices[groupSize] = device = Device.OpenIlgpuCpu(threads: 1, groupSize);
        return device;
    }

    private static void AssertClose(OperationCase row, OperationResult group, OperationResult single, double forward, double backward)
    {
        double scale = single.Gradients.Count > 0 ? row.Cotangent(single.Output.Length).Max(Math.Abs) : 0;
        Assert.That(Distance.Largest(group.Output, single.Output), Is.LessThanOrEqualTo(forward), "output");
        foreach (var input in row.Inputs.Where(input => single.Gradients.ContainsKey(input.Name)))
        {
            double error = Distance.Largest(group.Gradients[input.Name], single.Gradients[input.Name], input.Vanishes ? scale : 0);
            Assert.That(error, Is.LessThanOrEqualTo(backward), $"gradient of {input.Name}");
        }
    }
}

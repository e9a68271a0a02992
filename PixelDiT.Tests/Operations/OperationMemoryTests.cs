using System.Runtime.InteropServices;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Operations;

/// <summary>Rows stay inside their tensors and give back what they take.</summary>
internal sealed class OperationMemoryTests
{
    /// <summary>More than any row takes.</summary>
    private const int Everything = 1 << 20;

    /// <summary>Blocks begin at multiples of this many bytes, so what lies between a tensor's end and the next multiple is nobody's.</summary>
    private const int Alignment = 256;

    /// <summary>
    /// All device memory is NaN before the row runs, and so are bands beside its inputs: an element read beyond an end or before it was written would
    /// show in the results, one written beyond an end in the bands or behind the output and the gradients.
    /// </summary>
    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.All))]
    public void Nothing_is_read_or_written_beyond_an_end(OperationCase row)
    {
        var device = OperationDevices.Cpu;
        var plain = OperationRun.Execute(row, device);
        using (var all = device.Allocate([Everything])) all.Upload([.. Enumerable.Repeat(float.NaN, Everything)]);

        using var run = new OperationRun(row, device, row.Draw(), guarded: true);
        var output = row.Forward(run);
        Assert.That(Distance.SameBits(output.Value.ToArray(), plain.Output), "the output depends on memory that is not its inputs");
        CheckBehind(output.Value, "the output");
        if (row.GradientTolerance is not null)
        {
            run.Backward(output);
            foreach (var input in row.Inputs.Where(input => input.HasGradient))
            {
                Assert.That(Distance.SameBits(run.Gradient(input), plain.Gradients[input.Name]), $"the gradient of {input.Name} depends on memory that is not its inputs");
                if (input.Role != Role.Parameter && !row.UsesMemoryAgain) CheckBehind(run[input.Name].Gradient!, $"the gradient of {input.Name}");
            }
        }
        run.CheckBands();
    }

    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.All))]
    public void Memory_is_given_back(OperationCase row)
    {
        var device = OperationDevices.Cpu;
        long before = device.Arena.BytesInUse;
        OperationRun.Execute(row, device);
        Assert.That(device.Arena.BytesInUse, Is.EqualTo(before), "after a forward and backward");

        using (var run = new OperationRun(row, device, row.Draw())) row.Forward(run);
        Assert.That(device.Arena.BytesInUse, Is.EqualTo(before), "after a forward alone");

        if (row.GradientTolerance is null) return;
        Assert.That(() => FailInTheBackward(row, device), Throws.TypeOf<OperationCanceledException>());
        Assert.That(device.Arena.BytesInUse, Is.EqualTo(before), "after an exception in the backward");
    }

    private static void FailInTheBackward(OperationCase row, Device device)
    {
        using var run = new OperationRun(row, device, row.Draw());
        // A node behind an input runs after the row's own backward, when gradients are there and values are partly released.
        var leaf = row.Inputs.FirstOrDefault(input => input is { HasGradient: true, Written: null } && input.Role != Role.Parameter);
        if (leaf is not null) run.Tape.Push(run[leaf.Name], Fail);
        var output = row.Forward(run);
        if (leaf is null) run.Tape.Push(output, Fail);
        run.Backward(output);
    }

    private static void Fail(Tensor gradient) => throw new OperationCanceledException();

    private static unsafe void CheckBehind(Tensor tensor, string what)
    {
        var view = tensor.View<float>();
        byte* start = (byte*)view.Address, end = start + (tensor.Count * sizeof(float)), next = start + ((end - start + Alignment - 1) / Alignment * Alignment);
        var behind = MemoryMarshal.Cast<byte, float>(new ReadOnlySpan<byte>(end, (int)(next - end)));
        foreach (float value in behind) Assert.That(value, Is.NaN, $"memory behind {what} was written");
    }
}

using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations;

/// <summary>bfloat16 storage against float32 storage of the same values: arithmetic is float32 in both, so only what is stored differs.</summary>
internal sealed class OperationStorageTests
{
    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.WithStorages))]
    public void Bfloat16_agrees_with_float32(OperationCase row)
    {
        var values = row.Draw(rounded: true);
        var full = OperationRun.Execute(row, TestedDevices.Operations, values);
        var half = OperationRun.Execute(row, TestedDevices.Operations, values, ElementType.BFloat16);
        double fed = row.Cotangent(full.Output.Length).Max(Math.Abs);
        Check("output", half.Output, full.Output, 0, row);
        foreach (var input in row.Inputs.Where(input => full.Gradients.ContainsKey(input.Name)))
            Check($"gradient of {input.Name}", half.Gradients[input.Name], full.Gradients[input.Name], input.Vanishes ? fed : 0, row);
    }

    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.WithStorages))]
    public void Bfloat16_has_the_same_bits_on_ilgpu(OperationCase row)
    {
        var values = row.Draw(rounded: true);
        var direct = OperationRun.Execute(row, OperationDevices.Cpu, values, ElementType.BFloat16);
        var ilgpu = OperationRun.Execute(row, OperationDevices.Ilgpu, values, ElementType.BFloat16);
        Assert.That(Distance.SameBits(direct.Output, ilgpu.Output), "output");
        foreach (var (name, gradient) in direct.Gradients) Assert.That(Distance.SameBits(gradient, ilgpu.Gradients[name]), $"gradient of {name}");
    }

    private static void Check(string what, float[] half, float[] full, double scale, OperationCase row)
    {
        double error = Distance.Largest(half, full, scale);
        TestContext.Out.WriteLine($"{what}: {error:e2} of {row.StorageTolerance!.Value:e1}");
        Assert.That(error, Is.LessThanOrEqualTo(row.StorageTolerance.Value), $"{what}; allowed because {row.StorageTolerance.Reason}");
    }
}

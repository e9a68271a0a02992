using NUnit.Framework;

namespace PixelDiT.Tests.Operations;

/// <summary>Results do not depend on the run, the threads or the back end.</summary>
internal sealed class OperationRepeatTests
{
    [TestCaseSource(typeof(OperationCases), nameof(OperationCases.All))]
    public void Bits_are_the_same_again_on_one_thread_and_on_ilgpu(OperationCase row)
    {
        var first = OperationRun.Execute(row, OperationDevices.Cpu);
        AssertSameBits(first, OperationRun.Execute(row, OperationDevices.Cpu), "again");
        AssertSameBits(first, OperationRun.Execute(row, OperationDevices.SingleThread), "on one thread");
        AssertSameBits(first, OperationRun.Execute(row, OperationDevices.Ilgpu), "on ILGPU's accelerator");
    }

    private static void AssertSameBits(OperationResult first, OperationResult second, string when)
    {
        Assert.That(Distance.SameBits(first.Output, second.Output), $"output {when}");
        foreach (var (name, gradient) in first.Gradients) Assert.That(Distance.SameBits(gradient, second.Gradients[name]), $"gradient of {name} {when}");
    }
}

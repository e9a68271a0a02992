using NUnit.Framework;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>The encoder against the tensors of the model's own code: every run, every layer, on both CPU back ends and by the bodies that a GPU runs.</summary>
[TestFixture("cpu", 1)]
[TestFixture("ilgpu-cpu", 1)]
[TestFixture("ilgpu-cpu", 32)]
[TestFixture("ilgpu-cpu", 256)]
internal sealed class GemmaEncoderTests(string deviceName, int groupSize)
{
    [Test, Combinatorial]
    public void Every_run_agrees([ValueSource(typeof(GemmaGolden), nameof(GemmaGolden.Cases))] string name, [Values] bool lowMemory)
    {
        using var device = groupSize == 1 ? Device.Open(deviceName, 2) : Device.OpenIlgpuCpu(threads: 1, groupSize);
        var runs = GemmaGolden.Runs(name);
        Assert.That(runs, Has.Count.EqualTo(name switch { "gemma" => 5, "gemma_bf16" => 2, _ => 4 }));
        Assert.Multiple(() =>
        {
            foreach (var run in groupSize == 1 ? runs : runs.Take(1))
            {
                using var encoder = GemmaGolden.Open(device, name, run.Cap, lowMemory);
                var (largest, meanSquare) = GemmaGolden.Error(encoder, name, run);
                TestContext.Out.WriteLine($"{run.Name}: {largest:e2} of the largest, {meanSquare:e2} in root mean square");
                // A run that computes in bfloat16 lies 3.3e-2 and 2.0e-2 from float32 arithmetic with the same weights.
                Assert.That(largest, Is.LessThanOrEqualTo(run.Name == "bf16" ? 6e-2 : GemmaGolden.Tolerance), run.Name);
                if (run.Name == "bf16") Assert.That(meanSquare, Is.LessThanOrEqualTo(4e-2), run.Name);
            }
        });
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }
}

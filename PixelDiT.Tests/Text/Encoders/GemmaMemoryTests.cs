using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>What the released model takes, counted by a device that computes nothing.</summary>
internal sealed class GemmaMemoryTests
{
    private const double GiB = 1L << 30;

    // The row that the text model encodes: 208 tokens of the instruction and 298 of the prompt.
    [TestCase(false, 4.87, 5.2)]
    [TestCase(true, 0.2, 0.4)]
    public void Gemma_2_2B_fits(bool lowMemory, double atLeast, double atMost)
    {
        using var device = Device.OpenDry();
        using var encoder = new GemmaEncoder(device, GemmaConfig.Gemma2B, new EmptyWeights(), new() { SoftCap = 50, LowMemory = lowMemory });
        using (encoder.Encode(new int[506], [.. Enumerable.Repeat(1, 506)], 1))
        {
            TestContext.Out.WriteLine($"{device.Arena.PeakBytes / GiB:f2} GiB in use at most, {device.Arena.BytesReserved / GiB:f2} GiB taken from the device");
            Assert.That(device.Arena.PeakBytes / GiB, Is.InRange(atLeast, atMost));
            Assert.That(device.Arena.BytesReserved / GiB, Is.LessThan(7));
        }
    }

    /// <summary>The released model's names and shapes, and zeros, which are bfloat16s.</summary>
    private sealed class EmptyWeights : IWeightFile
    {
        private readonly Dictionary<string, TensorSpec> _tensors = GemmaWeights.Shapes(GemmaConfig.Gemma2B)
            .ToDictionary(entry => "model." + entry.Name, entry => new TensorSpec("model." + entry.Name, DataType.BF16, [.. entry.Shape.Select(size => (long)size)]));

        public string Source => "empty.safetensors";

        public string Format => "safetensors";

        public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

        public IReadOnlyList<TensorSpec> Tensors => [.. _tensors.Values];

        public TensorSpec this[string name] => _tensors[name];

        public bool Contains(string name) => _tensors.ContainsKey(name);

        public void ReadSingles(string name, long firstElement, Span<float> destination)
        {
        }

        public double[] ReadDoubles(string name) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}

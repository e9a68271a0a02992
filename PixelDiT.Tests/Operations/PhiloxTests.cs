using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Operations;

/// <summary>The counter-based generator against its published vectors, and its draws' moments.</summary>
internal sealed class PhiloxTests
{
    // Random123's known answers for philox4x32-10: counter words 0 to 3, key words 0 and 1, result.
    [TestCase(0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, new[] { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u })]
    [TestCase(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, new[] { 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu })]
    [TestCase(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, new[] { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u })]
    public void Published_vectors(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint[] expected)
    {
        ulong key = ((ulong)k1 << 32) | k0, stream = ((ulong)c3 << 32) | c2, counter = ((ulong)c1 << 32) | c0;
        Philox.Draw(key, stream, counter, out uint a, out uint b, out uint c, out uint d);
        Assert.That(new[] { a, b, c, d }, Is.EqualTo(expected));
        Assert.That(PhiloxOracle.Words(key, stream, counter), Is.EqualTo(expected), "the tests' own oracle");
    }

    [Test]
    public void Uniform_numbers_fill_their_interval()
    {
        float[] draws = [.. Enumerable.Range(0, 100_000).Select(i => Philox.Uniform(1, 2, (ulong)i))];
        Assert.That(draws, Has.All.InRange(0f, 1f - 1f / (1 << 24)));
        Assert.That(draws.Average(), Is.EqualTo(0.5).Within(5 * Math.Sqrt(1 / 12.0 / draws.Length)));
    }

    [Test]
    public void Noise_has_the_moments_of_a_standard_normal()
    {
        const int n = 1 << 18;
        using var device = Device.Open("cpu", 2);
        using var noise = device.Allocate([n]);
        Noise.Fill(noise, key: 7, stream: 1);
        float[] draws = noise.ToArray();
        Check("noise", draws);
        Check("host", [.. Enumerable.Range(0, n).Select(i => Philox.Normal(7, 1, (ulong)i))]);

        Noise.Fill(noise, key: 7, stream: 2);
        float[] other = noise.ToArray();
        // Five standard errors: of a mean of n draws, of their squares (variance 2), cubes (15), fourth powers (96), and of products of independent draws (1).
        Assert.That(draws.Zip(other, (a, b) => (double)a * b).Average(), Is.EqualTo(0).Within(5 / Math.Sqrt(n)), "streams are independent");
        Assert.That(draws.Zip(draws.Skip(1), (a, b) => (double)a * b).Average(), Is.EqualTo(0).Within(5 / Math.Sqrt(n)), "neighbours are independent");

        static void Check(string what, float[] draws)
        {
            double error = 5 / Math.Sqrt(draws.Length);
            Assert.That(draws.Average(x => (double)x), Is.EqualTo(0).Within(error), $"{what}: mean");
            Assert.That(draws.Average(x => Math.Pow(x, 2)), Is.EqualTo(1).Within(error * Math.Sqrt(2)), $"{what}: variance");
            Assert.That(draws.Average(x => Math.Pow(x, 3)), Is.EqualTo(0).Within(error * Math.Sqrt(15)), $"{what}: skewness");
            Assert.That(draws.Average(x => Math.Pow(x, 4)), Is.EqualTo(3).Within(error * Math.Sqrt(96)), $"{what}: kurtosis");
        }
    }

    [Test]
    public void A_draw_begins_the_same_whatever_its_length()
    {
        using var device = Device.Open("cpu", 2);
        using var longer = device.Allocate([5003]);
        using var shorter = device.Allocate([1021]);
        Noise.Fill(longer, 3, 4);
        Noise.Fill(shorter, 3, 4);
        Assert.That(longer.ToArray()[..1021], Is.EqualTo(shorter.ToArray()));
    }

    [TestCase(0, 5003), TestCase(4, 100), TestCase(7, 1), TestCase(1022, 2500), TestCase(5001, 2)]
    public void A_part_of_a_tensor_is_filled_as_the_whole_would_be(int first, int count)
    {
        using var device = Device.Open("cpu", 2);
        using var whole = device.Allocate([5003]);
        using var part = device.Allocate([count]);
        Noise.Fill(whole, 3, 4);
        Noise.Fill(part, 3, 4, first);
        Assert.That(part.ToArray(), Is.EqualTo(whole.ToArray()[first..(first + count)]));
    }
}

using System.Globalization;
using NUnit.Framework;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Diffusion;

/// <summary>PyTorch's CPU generator against numbers it drew, and MT19937 against the C++ standard.</summary>
internal sealed class TorchRandomTests
{
    /// <summary>
    /// Units in the last place from 16 values on, where PyTorch's log, cos and sin are float32 polynomials that miss the nearest number by
    /// one or two units. Below 16 both sides compute in double and round once.
    /// </summary>
    private const int VectorisedUlps = 2;

    private static IEnumerable<string> Draws => new GoldenFile("torch_randn").Names;

    [TestCaseSource(nameof(Draws))]
    public void Normal_draws_equal_those_of_torch(string name)
    {
        string[] parts = name.Split('.');                                           // seed42, n17
        ulong seed = ulong.Parse(parts[0]["seed".Length..], CultureInfo.InvariantCulture);
        float[] expected = new GoldenFile("torch_randn").Singles(name);

        float[] actual = new TorchRandom(seed).Normal(expected.Length);

        int[] ulps = [.. actual.Zip(expected, Ulps)];
        TestContext.Out.WriteLine($"{name}: {ulps.Max()} ulp at most, {ulps.Count(distance => distance > 0)} of {ulps.Length} differ");
        Assert.That(ulps.Max(), Is.LessThanOrEqualTo(expected.Length < 16 ? 0 : VectorisedUlps));
    }

    [Test]
    public void The_ten_thousandth_number_is_that_of_the_standard()
    {
        // C++ standard, [rand.predef]: the 10000th value of mt19937 with its default seed.
        var random = new TorchRandom(5489);
        for (int i = 1; i < 10000; i++) random.NextUInt32();
        Assert.That(random.NextUInt32(), Is.EqualTo(4123659995));
    }

    [Test]
    public void Only_the_low_32_bits_of_a_seed_count() =>
        Assert.That(new TorchRandom(0x1_0000_002A).Normal(100), Is.EqualTo(new TorchRandom(42).Normal(100)));

    [Test]
    public void The_second_of_a_pair_waits_for_the_next_call()
    {
        var parts = new TorchRandom(42);
        Assert.That((float[])[.. parts.Normal(3), .. parts.Normal(5)], Is.EqualTo(new TorchRandom(42).Normal(8)));
    }

    [Test]
    public void No_values_are_none_and_fewer_are_refused()
    {
        Assert.That(new TorchRandom(1).Normal(0), Is.Empty);
        Assert.That(() => new TorchRandom(1).Normal(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    /// <summary>How many float32 numbers lie between two of one sign.</summary>
    private static int Ulps(float a, float b) => Math.Abs(BitConverter.SingleToInt32Bits(a) - BitConverter.SingleToInt32Bits(b));
}

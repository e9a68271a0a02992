using CsCheck;
using NUnit.Framework;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Diffusion;

/// <summary>Times: the shift, the training draw and the samplers' grid.</summary>
internal sealed class FlowTimeTests
{
    private static readonly Gen<float> s_shift = Gen.Float[0.01f, 100];

    [TestCase(2f, 1f / 3)]
    [TestCase(3f, 1f / 4)]
    [TestCase(4f, 1f / 5)]
    public void The_shift_of_one_half_is_the_specified_fraction(float shift, float expected) =>
        Assert.That(FlowTime.Shift(0.5f, shift), Is.EqualTo(expected).Within(3e-8));

    [Test]
    public void The_shift_is_monotone_and_keeps_both_ends() =>
        Gen.Select(Gen.Float[0, 1], Gen.Float[0, 1], s_shift).Sample((a, b, shift) =>
        {
            // Each result is good to four roundings of 6e-8; times closer than that may change places.
            float low = FlowTime.Shift(Math.Min(a, b), shift), high = FlowTime.Shift(Math.Max(a, b), shift);
            return FlowTime.Shift(0, shift) == 0 && FlowTime.Shift(1, shift) == 1 && low is >= 0 and <= 1 && low <= high * (1 + 5e-7f);
        });

    [Test]
    public void A_shift_and_its_inverse_give_the_time_back() =>
        Gen.Select(Gen.Float[0, 1], Gen.Float[0.1f, 10]).Sample((t, shift) =>
            Math.Abs(FlowTime.Shift(FlowTime.Shift(t, shift), 1 / shift) - t) < 1e-5f);

    [Test]
    public void Training_times_equal_the_oracle()
    {
        float[] draws = [-200, -100, -5, -1, -0.25f, 0, 0.5f, 1, 3, 8, 100, 200];
        foreach (float shift in new[] { 1f, 3f, 4f })
        {
            double[] expected = Exact.TrainingTimes([.. draws.Select(draw => (double)draw)], shift);
            Assert.That(draws.Select(draw => FlowTime.LogitNormal(draw, shift)), Is.EqualTo(expected).Within(2e-7));
        }
        Assert.That(FlowTime.LogitNormal(0, 3), Is.EqualTo(0.25f));
    }

    [Test]
    public void The_grid_increases_from_0_to_1() =>
        Gen.Select(Gen.Int[1, SamplingConfig.MaxSteps], s_shift).Sample((steps, shift) =>
        {
            float[] times = TimeGrid.Create(steps, shift);
            return times.Length == steps + 1 && times[0] == 0 && times[^1] == 1 && times.Zip(times.Skip(1)).All(pair => pair.First < pair.Second);
        }, iter: 200);

    [Test]
    public void The_largest_grid_increases_at_the_extreme_shifts([Values(0.01f, 1f, 100f)] float shift) =>
        Assert.That(TimeGrid.Create(SamplingConfig.MaxSteps, shift), Is.Ordered.Ascending.And.Unique);

    [Test]
    public void The_grid_is_evenly_spaced_before_the_shift()
    {
        foreach (int steps in new[] { 1, 2, 3, 15, 16, 17, 31, 50, 100, 250 })
        {
            double[] expected = [.. Enumerable.Range(0, steps + 1).Select(i => (double)i / steps)];
            Assert.That(TimeGrid.Create(steps, 1), Is.EqualTo(expected).Within(2e-7), $"{steps} steps");
        }
    }

    [Test]
    public void Of_100_steps_11_to_89_are_guided_between_a_tenth_and_nine_tenths()
    {
        var config = new SamplingConfig { Steps = 100, Guidance = 2.75, Interval = (0.1f, 0.9f) };
        float[] times = TimeGrid.Create(100, 1);
        Assert.That(Enumerable.Range(0, 100).Where(i => config.Guides(times[i])), Is.EqualTo(Enumerable.Range(11, 79)));
    }
}

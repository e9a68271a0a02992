using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;

namespace PixelDiT.Tests.Diffusion;

/// <summary>Settings of samplers: what is refused, and by what name.</summary>
internal sealed class SamplingConfigTests
{
    private static readonly SamplingConfig s_good = new();

    private static IEnumerable<TestCaseData> Wrong()
    {
        TestCaseData Case(SamplingConfig config, params string[] parts) => new(config, parts) { TestName = $"Refused: {string.Join(" ", parts)}" };
        yield return Case(s_good with { Sampler = (Sampler)9 }, "sampler is 9", "flow-dpm");
        yield return Case(s_good with { Steps = 0 }, "steps is 0", "1 to 10000");
        yield return Case(s_good with { Steps = -3 }, "steps is -3", "1 to 10000");
        yield return Case(s_good with { Steps = 10_001 }, "steps is 10001", "1 to 10000");
        yield return Case(s_good with { Guidance = -0.5 }, "guidance is -0.5", "0 to 100");
        yield return Case(s_good with { Guidance = 100.5 }, "guidance is 100.5", "0 to 100");
        yield return Case(s_good with { Guidance = double.NaN }, "guidance is NaN", "0 to 100");
        yield return Case(s_good with { Interval = (-0.1f, 1) }, "interval is -0.1 to 1", "from 0 to 1");
        yield return Case(s_good with { Interval = (0, 1.5f) }, "interval is 0 to 1.5", "from 0 to 1");
        yield return Case(s_good with { Interval = (0.9f, 0.1f) }, "interval is 0.9 to 0.1", "lower one first");
        yield return Case(s_good with { Interval = (float.NaN, 1) }, "interval is NaN to 1", "from 0 to 1");
        yield return Case(s_good with { Interval = (0, float.NaN) }, "interval is 0 to NaN", "from 0 to 1");
        yield return Case(s_good with { TimeShift = 0 }, "time-shift is 0", "0.01 to 100");
        yield return Case(s_good with { TimeShift = -1 }, "time-shift is -1", "0.01 to 100");
        yield return Case(s_good with { TimeShift = 1000 }, "time-shift is 1000", "0.01 to 100");
        yield return Case(s_good with { TimeShift = float.NaN }, "time-shift is NaN", "0.01 to 100");
        yield return Case(s_good with { TimeShift = float.PositiveInfinity }, "time-shift is Infinity", "0.01 to 100");
    }

    [TestCaseSource(nameof(Wrong))]
    public void A_wrong_setting_is_refused_by_name(SamplingConfig config, string[] parts)
    {
        using var device = Device.Open("cpu", 1);
        var error = Assert.Throws<ConfigurationException>(() => config.Validate())!;
        foreach (string part in parts) Assert.That(error.Message, Does.Contain(part));
        Assert.That(() => new FlowSampler(device, config), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo(error.Message));
    }

    [Test]
    public void The_grid_refuses_what_the_settings_refuse()
    {
        Assert.That(() => TimeGrid.Create(0, 1), Throws.TypeOf<ConfigurationException>().With.Message.Contains("steps is 0"));
        Assert.That(() => TimeGrid.Create(5, 0), Throws.TypeOf<ConfigurationException>().With.Message.Contains("time-shift is 0"));
    }

    [Test]
    public void The_published_settings_and_the_bounds_are_allowed()
    {
        SamplingConfig[] allowed =
        [
            s_good,
            s_good with { Guidance = 3.25, Interval = (0.1f, 1) },
            s_good with { Guidance = 2.75, Interval = (0.1f, 0.9f) },
            s_good with { Guidance = 3.5, Interval = (0.1f, 1), TimeShift = 2 },
            s_good with { Steps = 1, Guidance = 0, Interval = (0.5f, 0.5f), TimeShift = 0.01f },
            s_good with { Steps = SamplingConfig.MaxSteps, Guidance = 100, TimeShift = 100 }
        ];
        foreach (var config in allowed) Assert.That(config.Validate(), Is.SameAs(config));
    }

    [Test]
    public void Samplers_are_known_by_their_names()
    {
        Assert.That(SamplerNames.All, Is.EqualTo((string[])["euler", "heun", "heun-exact", "flow-dpm", "dpm-solver++"]));
        foreach (var sampler in Enum.GetValues<Sampler>()) Assert.That(Sampler.Parse(sampler.Name), Is.EqualTo(sampler));
    }

    [TestCase("ddim")]
    [TestCase("Euler")]
    [TestCase("")]
    public void An_unknown_sampler_is_refused_with_the_names_there_are(string name) =>
        Assert.That(() => Sampler.Parse(name), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo(
            $"sampler is '{name}'; it must be one of euler, heun, heun-exact, flow-dpm, dpm-solver++"));

    [TestCase(Sampler.DpmSolver, false, "sampler is 'dpm-solver++', which is of text models; a class model takes euler, heun, heun-exact or flow-dpm")]
    [TestCase(Sampler.FlowDpm, true, "sampler is 'flow-dpm', which is of class models; a text model takes dpm-solver++, euler, heun or heun-exact")]
    public void A_sampler_of_the_other_kind_of_model_is_refused(Sampler sampler, bool text, string message)
    {
        var config = s_good with { Sampler = sampler };
        Assert.That(() => config.ValidateFor(text), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo(message));
        Assert.That(config.ValidateFor(!text), Is.SameAs(config));
    }
}

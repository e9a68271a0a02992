using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;

namespace PixelDiT.Tests.Diffusion;

/// <summary>The samplers on fields whose results are known, what they evaluate, and what they leave behind.</summary>
internal sealed class FlowSamplerTests
{
    private static readonly float[] s_start = [1, -0.5f, 0.25f, 2];

    private static readonly Sampler[] s_ofClasses = [Sampler.Euler, Sampler.Heun, Sampler.HeunExact, Sampler.FlowDpm];

    private Device _device = null!;

    [OneTimeSetUp]
    public void Open() => _device = Device.Open("cpu", 1);

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    /// <summary>SPEC §9.</summary>
    [TestCase(Sampler.Euler, 5, 1.4393848, -.9686778, .2353536, 3.0447600)]
    [TestCase(Sampler.Heun, 5, 1.4451442, -.9929162, .2261139, 3.0705178)]
    [TestCase(Sampler.HeunExact, 9, 1.4492716, -.9919548, .2286582, 3.0767555)]
    [TestCase(Sampler.FlowDpm, 5, 1.4519875, -.9967897, .2275990, 3.0845058)]
    public void The_worked_example_gives_its_numbers(Sampler name, int evaluations, double a, double b, double c, double d)
    {
        var config = new SamplingConfig { Sampler = name, Steps = 5, Guidance = 3.25, Interval = (.1f, .9f), TimeShift = 2 };
        var sampler = new FlowSampler(_device, config);

        float[] images = Sample(sampler, s_start, Field((x, t, conditional) => .5f * x + .7f * t + .1f * (conditional ? 2 : 5)));

        Assert.That(images, Is.EqualTo((double[])[a, b, c, d]).Within(1e-6));
        Assert.That(sampler.Evaluations, Is.EqualTo(evaluations));
    }

    [Test]
    public void A_constant_velocity_leads_straight_to_its_end() =>
        Gen.Select(Gen.OneOf(s_ofClasses), Gen.Int[1, 64], Gen.Float[0.1f, 10], Gen.Float[-4, 4].Array[4], Gen.Float[-4, 4].Array[4], Gen.Double[0, 10])
            .Sample((name, steps, shift, noise, velocity, guidance) =>
            {
                var config = new SamplingConfig { Sampler = name, Steps = steps, TimeShift = shift, Guidance = guidance };
                float[] images = Sample(new FlowSampler(_device, config), noise, (_, _, _, v) => v.Upload(velocity));
                // A step rounds the product, the sum and its slope: less than three units of 6e-8 of a state within 8.
                double allowed = (steps + 1) * 3 * 6e-8 * 8;
                return images.Select((image, i) => Math.Abs(image - (noise[i] + velocity[i]))).All(difference => difference <= allowed);
            }, iter: 200, threads: 1);

    /// <summary>On dx/dt = x·cos(3t): twice the steps halve Euler's error and quarter that of the other samplers.</summary>
    [TestCase(Sampler.Euler, 1)]
    [TestCase(Sampler.Heun, 2)]
    [TestCase(Sampler.HeunExact, 2)]
    [TestCase(Sampler.FlowDpm, 2)]
    public void The_error_falls_with_the_samplers_order(Sampler name, double order)
    {
        double Error(int steps)
        {
            var sampler = new FlowSampler(_device, new SamplingConfig { Sampler = name, Steps = steps });
            return Math.Abs(Sample(sampler, s_start, Field((x, t, _) => x * MathF.Cos(3 * t)))[0] - Math.Exp(Math.Sin(3) / 3));
        }
        double measured = Math.Log2(Error(64) / Error(128));
        TestContext.Out.WriteLine($"{name}: order {measured:f3}");
        Assert.That(measured, Is.EqualTo(order).Within(0.25));
    }

    [Test]
    public void The_unconditional_pass_runs_inside_the_interval_only([ValueSource(nameof(s_ofClasses))] Sampler name)
    {
        var config = new SamplingConfig { Sampler = name, Steps = 100, Guidance = 2.75, Interval = (0.1f, 0.9f) };
        var passes = new List<(float Time, bool Conditional)>();

        Sample(new FlowSampler(_device, config), s_start, Recorded(passes));

        float[] times = TimeGrid.Create(100, 1);
        float[] guided = times[11..90];
        Assert.That(passes.Where(pass => pass.Conditional).Select(pass => pass.Time).Distinct(), Is.EqualTo(times[..100]));
        Assert.That(passes.Where(pass => !pass.Conditional).Select(pass => pass.Time).Distinct(), Is.EqualTo(guided));
        int twice = name == Sampler.HeunExact ? 2 : 1;
        Assert.That(passes.Count(pass => !pass.Conditional), Is.EqualTo(twice * 79));
        Assert.That(passes.Count(pass => pass.Conditional), Is.EqualTo(name == Sampler.HeunExact ? 199 : 100));
    }

    [Test]
    public void Without_guidance_the_unconditional_pass_never_runs_and_has_no_memory()
    {
        var passes = new List<(float Time, bool Conditional)>();
        using var x = _device.Upload(s_start, [1, 1, 2, 2]);
        long baseline = _device.Arena.BytesInUse;
        _device.Arena.ResetPeak();

        new FlowSampler(_device, new SamplingConfig { Sampler = Sampler.Euler, Steps = 7 }).Run(x, Recorded(passes));

        Assert.That(passes, Has.Count.EqualTo(7).And.All.Matches<(float, bool Conditional)>(pass => pass.Conditional));
        Assert.That(_device.Arena.PeakBytes - baseline, Is.EqualTo(256), "one tensor of 16 bytes, padded");
    }

    [Test]
    public void Guidance_at_0_is_the_unconditional_velocity_and_equal_velocities_stay_to_the_bit()
    {
        float[] Run(int steps, double guidance, VelocityField field) =>
            Sample(new FlowSampler(_device, new SamplingConfig { Sampler = Sampler.Euler, Steps = steps, Guidance = guidance }), s_start, field);
        var apart = Field((_, _, conditional) => conditional ? 2 : 4);
        var equal = Field((x, t, _) => x * .3f + t);

        // The first step begins at 0, which no interval guides; of two steps the second is guided.
        Assert.That(Run(1, 0, apart), Is.EqualTo((float[])[3, 1.5f, 2.25f, 4]));
        Assert.That(Run(2, 0, apart), Is.EqualTo((float[])[4, 2.5f, 3.25f, 5]));
        Assert.That(Run(9, 3.3, equal), Is.EqualTo(Run(9, 1, equal)));
    }

    [Test]
    public void A_sampler_runs_again_with_the_same_bits([ValueSource(nameof(s_ofClasses))] Sampler name)
    {
        var sampler = new FlowSampler(_device, new SamplingConfig { Sampler = name, Steps = 6, Guidance = 2 });
        var field = Field((x, t, conditional) => x * .4f - t * (conditional ? 1 : .5f));
        float[] first = Sample(sampler, s_start, field);
        int evaluations = sampler.Evaluations;
        Assert.That(Sample(sampler, s_start, field), Is.EqualTo(first));
        Assert.That(sampler.Evaluations, Is.EqualTo(evaluations));
    }

    [Test]
    public void Every_exit_frees_the_memory([ValueSource(nameof(s_ofClasses))] Sampler name, [Values("end", "cancel before", "cancel", "field", "observer")] string exit)
    {
        using var stop = new CancellationTokenSource();
        using var x = _device.Upload(s_start, [1, 1, 2, 2]);
        long baseline = _device.Arena.BytesInUse;
        float[] whole = s_start;
        var sampler = new FlowSampler(_device, new SamplingConfig { Sampler = name, Steps = 6, Guidance = 2 });
        if (exit == "cancel before") stop.Cancel();
        var constant = Field((_, _, _) => 1);

        void Run() => sampler.Run(
            x,
            (state, t, conditional, v) =>
            {
                if (exit == "field" && t > 0.4) throw new DataException("field");
                constant(state, t, conditional, v);
                if (exit == "cancel" && t > 0.4) stop.Cancel();
            },
            step =>
            {
                whole = step.State.ToArray();
                if (exit == "observer" && step.Index == 2) throw new DataException("observer");
            },
            stop.Token);

        if (exit == "end") Run();
        else if (exit.StartsWith("cancel", StringComparison.Ordinal)) Assert.That(Run, Throws.TypeOf<OperationCanceledException>());
        else Assert.That(Run, Throws.TypeOf<DataException>().With.Message.EqualTo(exit));
        Assert.That(_device.Arena.BytesInUse, Is.EqualTo(baseline));
        Assert.That(x.ToArray(), Is.EqualTo(whole), "the state of the last whole step");
    }

    [Test]
    public void A_state_of_another_type_or_device_is_refused()
    {
        var sampler = new FlowSampler(_device, new SamplingConfig());
        var field = Field((_, _, _) => 0);
        using var half = _device.Allocate([1, 3, 2, 2], ElementType.BFloat16);
        Assert.That(() => sampler.Run(half, field), Throws.TypeOf<ShapeException>().With.Message.Contains("[1, 3, 2, 2] is of BFloat16"));
        using var second = Device.Open("cpu", 1);
        using var elsewhere = second.Allocate([1, 3, 2, 2]);
        Assert.That(() => sampler.Run(elsewhere, field), Throws.TypeOf<DeviceException>().With.Message.Contains("another device"));
    }

    private float[] Sample(FlowSampler sampler, float[] noise, VelocityField field)
    {
        using var x = _device.Upload(noise, [1, 1, 2, 2]);
        sampler.Run(x, field);
        return x.ToArray();
    }

    private static VelocityField Field(Func<float, float, bool, float> velocity) =>
        (x, t, conditional, v) => v.Upload(Array.ConvertAll(x.ToArray(), value => velocity(value, t, conditional)));

    private static VelocityField Recorded(List<(float Time, bool Conditional)> passes) => (_, t, conditional, v) =>
    {
        passes.Add((t, conditional));
        v.Clear();
    };
}

using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Diffusion;

/// <summary>Whole trajectories of the authors' samplers, with the exact model as the velocity field.</summary>
internal sealed class GoldenSampleTests
{
    /// <summary>
    /// The largest deviations measured are 5.3e-7 of the states and 4.9e-6 of the velocities, which carry the rounding of the authors' float32
    /// model, multiplied by guidance.
    /// </summary>
    private const double Tolerance = 1e-5;

    private static IEnumerable<TestCaseData> Runs() =>
        from name in new[] { "c2i", "c2i_rect_post" }
        from run in new[] { "euler", "euler_shift", "euler_bounds", "heun", "heun_exact", "flow_dpm", "flow_dpm_512" }
        select new TestCaseData(name, run);

    [TestCaseSource(nameof(Runs))]
    public void States_and_velocities_equal_the_golden_trajectory(string name, string run)
    {
        var golden = new GoldenFile($"{name}/sample");
        var config = Config(golden.Metadata(run));
        var times = new List<float> { 0 };
        var states = new List<double>(golden.Doubles("in.noise"));
        var velocities = new List<double>();
        using var device = Device.Open("cpu", 1);
        using var x = device.Upload(golden.Singles("in.noise"), Shape.Create(golden.Shape("in.noise")));
        var sampler = new FlowSampler(device, config);

        sampler.Run(x, ExactField(name, golden), step =>
        {
            Assert.That(step.Index, Is.EqualTo(times.Count - 1));
            Assert.That(step.Time, Is.EqualTo(times[^1]));
            times.Add(step.Next);
            states.AddRange(Doubles(step.State));
            velocities.AddRange(Doubles(step.Velocity));
        });

        Assert.That(times, Is.EqualTo(golden.Singles($"{run}.timesteps")), "to the bit");
        Deviation.Check($"{name}/{run} x", [.. states], golden.Doubles($"{run}.x"), Tolerance);
        Deviation.Check($"{name}/{run} v", [.. velocities], Applied(config.Sampler, golden.Doubles($"{run}.v"), (int)x.Count), Tolerance);
        Assert.That(Doubles(x), Is.EqualTo(states[^(int)x.Count..]), "the images are the last state");
        Assert.That(sampler.Evaluations, Is.EqualTo(config.Sampler == Sampler.HeunExact ? 2 * config.Steps - 1 : config.Steps));
    }

    private static SamplingConfig Config(string json)
    {
        var settings = JsonDocument.Parse(json).RootElement;
        string name = settings.GetProperty("sampler").GetString()!.Replace('_', '-');
        var interval = settings.GetProperty("interval");
        return new SamplingConfig
        {
            Sampler = Sampler.Parse(settings.GetProperty("exact").GetBoolean() ? $"{name}-exact" : name),
            Steps = settings.GetProperty("steps").GetInt32(),
            Guidance = settings.GetProperty("guidance").GetDouble(),
            Interval = (interval[0].GetSingle(), interval[1].GetSingle()),
            TimeShift = settings.GetProperty("time_shift").GetSingle()
        };
    }

    /// <summary>What is added to the state: of the golden FlowDPMSolver the velocities are recorded as evaluated, of the others as applied.</summary>
    private static double[] Applied(Sampler sampler, double[] v, int count) =>
        sampler == Sampler.FlowDpm ? [.. v.Select((value, i) => i < count ? value : 1.5 * value - 0.5 * v[i - count])] : v;

    private static VelocityField ExactField(string name, GoldenFile golden)
    {
        var weights = new GoldenFile($"{name}/sample_weights");
        var read = weights.Names.ToDictionary(parameter => parameter, weights.Doubles);
        var sizes = ModelConfig.FromJson(weights.Metadata("config"), name);
        var model = new ExactModel(sizes, parameter => read[parameter]);
        int[] labels = golden.Integers("in.y"), none = [.. labels.Select(_ => sizes.NullClass)];
        return (x, t, conditional, v) =>
        {
            double[] times = [.. labels.Select(_ => (double)t)];
            double[] output = model.Forward(Doubles(x), times, conditional ? labels : none, x.Shape[2], x.Shape[3]);
            v.Upload((float[])[.. output.Select(value => (float)value)]);
        };
    }

    private static double[] Doubles(Tensor tensor) => Array.ConvertAll(tensor.ToArray(), value => (double)value);
}

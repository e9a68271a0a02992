using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Trajectories of the samplers.</summary>
internal static class SamplingCases
{
    // A byte may differ by one where the value lies this near a rounding edge: the state's own tolerance in units of a byte.
    private const double EdgeDistance = 1e-3;

    // PyTorch computes logarithm, sine and cosine by its own float32 polynomials; the draws of this program round each to float32.
    private const double NoiseTolerance = 5e-7;

    /// <summary>PyTorch's normal draws; the tensors are named by seed and count.</summary>
    public static CaseResult TorchRandn(string name, SafetensorsReader golden)
    {
        var comparison = new Comparison(name, golden);
        foreach (var tensor in golden.Tensors)
        {
            if (tensor.Name.StartsWith("seed", StringComparison.Ordinal) && ulong.TryParse(tensor.Name.Split('.')[0]["seed".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed))
                comparison.Tensor(tensor.Name, new TorchRandom(seed).Normal(checked((int)tensor.Count)), NoiseTolerance);
        }
        return comparison.Result();
    }

    /// <summary>Every run in a case's file.</summary>
    public static CaseResult Run(string name, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var golden = files.Open($"{name}/sample");
        using var model = ModelCases.Load(device, files, $"{name}/sample_weights", precision);
        var comparison = new Comparison($"{name}/sample", golden);
        var shape = golden.ShapeOf("in.noise", 4);
        int[] labels = ModelCases.Labels(golden, "in.y", model.Config);
        int count = checked((int)shape.Count);
        foreach (string run in golden.Metadata.Keys.Order(StringComparer.Ordinal))
        {
            var config = Settings(run, golden.Settings(run)).Validate();
            comparison.Tensor($"{run}.timesteps", TimeGrid.Create(config.Steps, config.TimeShift), 0);
            var states = new List<float[]>();
            var applied = new List<float[]>();
            using var x = device.Upload(golden.ReadSingles("in.noise"), shape);
            states.Add(x.ToArray());
            new ClassSampler(model, config).Run(x, labels, step =>
            {
                states.Add(step.State.ToArray());
                applied.Add(step.Velocity.ToArray());
            });
            comparison.Tensor($"{run}.x", [.. states.SelectMany(state => state)], tolerances.State);
            comparison.Tensor($"{run}.v", config.Sampler == Sampler.FlowDpm ? Velocities(applied, count) : [.. applied.SelectMany(v => v)], tolerances.Velocity);
            comparison.Value($"{run}.uint8", WrongBytes(states[^1], golden.WholeNumbers($"{run}.uint8", count), tolerances.Levels), 0);
        }
        return comparison.Result();
    }

    /// <summary>Every run of a text model in a case's file, whose head is not that of the case's weights.</summary>
    public static CaseResult RunText(string name, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var golden = files.Open($"{name}/sample");
        using var model = ModelCases.LoadText(device, files, $"{name}/weights", precision, golden);
        var comparison = new Comparison($"{name}/sample", golden);
        using var text = golden.Upload(device, "in.cond", 3);
        using var negative = golden.Upload(device, "in.uncond", 3);
        foreach (string run in golden.Metadata.Where(entry => entry.Value.Contains("\"sampler\"", StringComparison.Ordinal)).Select(entry => entry.Key).Order(StringComparer.Ordinal))
        {
            var config = TextSettings(run, golden.Settings(run)).Validate();
            comparison.Tensor($"{run}.timesteps", TimeGrid.NoiseLevels(config.Steps, config.TimeShift), 0);
            foreach (bool batched in (bool[])[false, true])
            {
                using var x = golden.Upload(device, "in.z", 4);
                var states = new List<float[]> { x.ToArray() };
                new TextSampler(model, config) { BatchedGuidance = batched }.Run(x, text, negative, step => states.Add(step.State.ToArray()));
                comparison.Tensor($"{run}.x", [.. states.SelectMany(state => state)], tolerances.TextState);
                comparison.Tensor($"{run}.final", states[^1], tolerances.TextState);
            }
        }
        return comparison.Result();
    }

    /// <summary>The golden file keeps FlowDPMSolver's velocities; the sampler reports the combinations 1.5·v − 0.5·v_prev that it applied.</summary>
    private static float[] Velocities(List<float[]> applied, int count)
    {
        var velocities = new float[applied.Count * count];
        applied[0].CopyTo(velocities.AsSpan());
        for (int s = 1; s < applied.Count; s++)
        {
            for (int i = 0; i < count; i++) velocities[(s * count) + i] = (applied[s][i] + (0.5f * velocities[((s - 1) * count) + i])) / 1.5f;
        }
        return velocities;
    }

    private static int WrongBytes(float[] image, int[] expected, int levels)
    {
        byte[] bytes = PixelBytes.ToBytes(image);
        int wrong = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            double level = (image[i] + 1.0) * 127.5 + 0.5;
            bool atEdge = Math.Abs(level - Math.Round(level)) < EdgeDistance;
            if (Math.Abs(bytes[i] - expected[i]) > levels + (atEdge ? 1 : 0)) wrong++;
        }
        return wrong;
    }

    private static SamplingConfig TextSettings(string run, CaseSettings settings)
    {
        string sampler = settings.Text("sampler");
        return new SamplingConfig
        {
            Sampler = sampler == "dpmpp_2m" ? Sampler.DpmSolver : throw new ConfigurationException($"{run}: sampler '{sampler}' is unknown"),
            Steps = settings.Whole("steps"),
            Guidance = settings.Number("guidance"),
            Interval = Interval(settings),
            TimeShift = (float)settings.Number("flow_shift")
        };
    }

    private static SamplingConfig Settings(string run, CaseSettings settings)
    {
        string sampler = settings.Text("sampler");
        return new SamplingConfig
        {
            Sampler = (sampler, settings.Flag("exact")) switch
            {
                ("euler", _) => Sampler.Euler,
                ("heun", false) => Sampler.Heun,
                ("heun", true) => Sampler.HeunExact,
                ("flow_dpm", _) => Sampler.FlowDpm,
                _ => throw new ConfigurationException($"{run}: sampler '{sampler}' is unknown")
            },
            Steps = settings.Whole("steps"),
            Guidance = settings.Number("guidance"),
            Interval = Interval(settings),
            TimeShift = (float)settings.Number("time_shift")
        };
    }

    private static (float Min, float Max) Interval(CaseSettings settings)
    {
        double[] interval = settings.Numbers("interval", 2);
        return ((float)interval[0], (float)interval[1]);
    }
}

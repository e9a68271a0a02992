using System.Globalization;
using System.Text.Json;
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
            if (ulong.TryParse(tensor.Name.Split('.')[0]["seed".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed))
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
        var shape = Shape.Create([.. golden["in.noise"].Shape.Select(size => (int)size)]);
        int[] labels = ModelCases.Labels(golden, "in.y");
        int count = checked((int)shape.Count);
        foreach (var (run, json) in golden.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var config = Settings(run, json);
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
            comparison.Value($"{run}.uint8", WrongBytes(states[^1], golden.ReadIntegers($"{run}.uint8"), tolerances.Levels), 0);
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
        Shape Of(string tensor) => Shape.Create([.. golden[tensor].Shape.Select(size => (int)size)]);
        using var text = device.Upload(golden.ReadSingles("in.cond"), Of("in.cond"));
        using var negative = device.Upload(golden.ReadSingles("in.uncond"), Of("in.uncond"));
        foreach (var (run, json) in golden.Metadata.Where(entry => entry.Value.Contains("\"sampler\"", StringComparison.Ordinal)).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var config = TextSettings(run, json);
            comparison.Tensor($"{run}.timesteps", TimeGrid.NoiseLevels(config.Steps, config.TimeShift), 0);
            foreach (bool batched in (bool[])[false, true])
            {
                using var x = device.Upload(golden.ReadSingles("in.z"), Of("in.z"));
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

    private static int WrongBytes(float[] image, long[] expected, int levels)
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

    private static SamplingConfig TextSettings(string run, string json)
    {
        using var settings = JsonDocument.Parse(json);
        var root = settings.RootElement;
        string sampler = root.GetProperty("sampler").GetString()!;
        return new SamplingConfig
        {
            Sampler = sampler == "dpmpp_2m" ? Sampler.DpmSolver : throw new ConfigurationException($"{run}: sampler '{sampler}' is unknown"),
            Steps = root.GetProperty("steps").GetInt32(),
            Guidance = root.GetProperty("guidance").GetDouble(),
            Interval = (root.GetProperty("interval")[0].GetSingle(), root.GetProperty("interval")[1].GetSingle()),
            TimeShift = root.GetProperty("flow_shift").GetSingle()
        };
    }

    private static SamplingConfig Settings(string run, string json)
    {
        using var settings = JsonDocument.Parse(json);
        var root = settings.RootElement;
        string sampler = root.GetProperty("sampler").GetString()!;
        return new SamplingConfig
        {
            Sampler = (sampler, root.GetProperty("exact").GetBoolean()) switch
            {
                ("euler", _) => Sampler.Euler,
                ("heun", false) => Sampler.Heun,
                ("heun", true) => Sampler.HeunExact,
                ("flow_dpm", _) => Sampler.FlowDpm,
                _ => throw new ConfigurationException($"{run}: sampler '{sampler}' is unknown")
            },
            Steps = root.GetProperty("steps").GetInt32(),
            Guidance = root.GetProperty("guidance").GetDouble(),
            Interval = (root.GetProperty("interval")[0].GetSingle(), root.GetProperty("interval")[1].GetSingle()),
            TimeShift = root.GetProperty("time_shift").GetSingle()
        };
    }
}

using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Formats.Safetensors;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Trajectories of FlowEdit: of a velocity in closed form, and of a text model.</summary>
internal static class EditingCases
{
    /// <summary>The folder of the cases.</summary>
    public const string Folder = "flowedit";

    // The files have 1000·σ rounded to float32, and divided by 1000 again.
    private const double LevelTolerance = 3e-7;

    /// <summary>Runs every edit of a case's file.</summary>
    /// <returns>Null where the file says neither a velocity nor a model.</returns>
    public static CaseResult? Run(string name, Device device, ConformanceFiles files, Precision precision)
    {
        using var golden = files.Open(name);
        if (golden.Metadata.TryGetValue("weights", out string? weights))
        {
            using var model = ModelCases.LoadText(device, files, weights, precision);
            var tolerances = new ConformanceTolerances(precision);
            using var times = device.Allocate([golden.ShapeOf("in.source")[0]]);
            return Run(name, device, golden, tolerances.EditState, tolerances.EditChange, tolerances.EditVelocity, (x, sigma, embedding, v) =>
            {
                Fill.Forward(TextSampler.TimeScale * sigma, times);
                TextSampler.Pass(model, x, times, embedding, v, default);
            });
        }
        if (!golden.Metadata.ContainsKey("k0") || !golden.Metadata.ContainsKey("k1")) return null;
        var (k0, k1) = ((float)golden.Number("k0"), (float)golden.Number("k1"));
        var analytic = ConformanceTolerances.EditInClosedForm;
        return Run(name, device, golden, analytic, analytic, analytic, (x, sigma, embedding, v) => Combine.Forward(k0 + (k1 * sigma), x, 1, embedding, v));
    }

    private static CaseResult Run(string name, Device device, SafetensorsReader golden, double stateTolerance, double changeTolerance, double velocityTolerance, Action<Tensor, float, Tensor, Tensor> velocity)
    {
        var comparison = new Comparison(name, golden);
        using Tensor source = golden.Upload(device, "in.source"), none = golden.Upload(device, "in.uncond_embedding"), from = golden.Upload(device, "in.source_embedding"), to = golden.Upload(device, "in.target_embedding");
        int count = checked((int)source.Count);
        foreach (string run in golden.Metadata.Where(entry => entry.Value.StartsWith('{')).Select(entry => entry.Key).Order(StringComparer.Ordinal))
        {
            var config = Settings(golden.Settings(run)).Validate();
            float[] levels = golden.Singles($"{run}.sigmas", config.Steps + 1), noise = [.. golden.ReadSingles($"{run}.noise"), .. golden.Contains($"{run}.start_noise") ? golden.ReadSingles($"{run}.start_noise") : []];
            if (golden.Metadata.ContainsKey("weights")) comparison.Tensor($"{run}.sigmas", TimeGrid.NoiseLevels(config.Steps, config.TimeShift), LevelTolerance);
            var (states, applied) = (new List<float[]> { source.ToArray() }, new List<float[]>());
            int drawn = 0;
            using var edited = device.Allocate(source.Shape);
            FlowEdit.OfNoiseLevels(device, config, levels).Run(
                source, edited, (x, sigma, side, v) => velocity(x, sigma, side switch { EditSide.Source => from, EditSide.Target => to, _ => none }, v),
                draw =>
                {
                    if ((drawn + 1L) * count > noise.Length) throw new FileFormatException($"{golden.Source}: {run}.noise holds {noise.Length / count} draws; the run takes more");
                    draw.Upload(noise.AsSpan(count * drawn++, count));
                },
                step =>
                {
                    states.Add(step.State.ToArray());
                    applied.Add(step.Velocity.ToArray());
                });
            comparison.Value($"{run}.noise", Math.Abs((drawn * (long)count) - noise.Length), 0);
            comparison.Tensor($"{run}.x", [.. states.SelectMany(state => state)], stateTolerance);
            comparison.Tensor($"{run}.v", [.. applied.SelectMany(v => v)], velocityTolerance);
            comparison.Value($"{run}.x less the source", ChangeError(golden.Doubles($"{run}.x", states.Count * (long)count), states), changeTolerance);
        }
        return comparison.Result();
    }

    /// <summary>The error of what was changed: a state is mostly the source.</summary>
    private static double ChangeError(double[] expected, List<float[]> states)
    {
        float[] source = states[0];
        var error = new TensorError();
        for (int i = 0; i < expected.Length; i++) error.Add(expected[i] - source[i % source.Length], (double)states[i / source.Length][i % source.Length] - source[i % source.Length]);
        return error.Over(() => 0);
    }

    private static FlowEditConfig Settings(CaseSettings settings) => new()
    {
        Steps = settings.Whole("steps"),
        MaxSteps = settings.Whole("n_max"),
        MinSteps = settings.Whole("n_min"),
        Draws = settings.Whole("n_avg"),
        SourceGuidance = settings.Number("source_guidance"),
        Guidance = settings.Number("target_guidance"),
        TimeShift = (float)settings.Number("shift")
    };
}

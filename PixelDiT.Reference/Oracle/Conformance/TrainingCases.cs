using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>The optimiser alone, and ten whole training steps with every random draw given.</summary>
internal static class TrainingCases
{
    // Gradients are given, so only the optimiser's own rounding remains.
    private const double OptimizerTolerance = 1e-6;

    /// <summary>Six steps of clipping, AdamW and EMA from given gradients.</summary>
    public static CaseResult Optimizer(string name, Device device, SafetensorsReader golden)
    {
        var comparison = new Comparison(name, golden);
        using var parameters = Start(device, golden);
        using var optimizer = new Optimizer(parameters, Settings(golden));
        for (int step = 0; golden.Contains($"step.{step}.grad_norm"); step++)
        {
            foreach (var parameter in parameters.All) parameter.Gradient!.Upload(golden.ReadSingles($"step.{step}.grad.{parameter.Name}"));
            optimizer.Step();
            double norm = golden.First($"step.{step}.grad_norm");
            comparison.Value($"step.{step}.grad_norm", Math.Abs(optimizer.Norm.ToArray()[0] - norm) / Math.Max(norm, 1e-7), OptimizerTolerance);
            foreach (var parameter in parameters.All)
            {
                comparison.Tensor($"step.{step}.param.{parameter.Name}", parameter.Value.ToArray(), OptimizerTolerance);
                comparison.Tensor($"step.{step}.ema.{parameter.Name}", parameters.SliceOf(optimizer.Average, parameter).ToArray(), OptimizerTolerance);
            }
        }
        return comparison.Result();
    }

    /// <summary>Parameters with the values of the tensors <c>start.NAME</c>.</summary>
    public static ParameterSet Start(Device device, SafetensorsReader golden)
    {
        const string prefix = "start.";
        var parameters = new ParameterSet(device);
        foreach (var start in golden.Tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            parameters.Add(start.Name[prefix.Length..], golden.ShapeOf(start.Name));
        }
        parameters.Allocate();
        foreach (var parameter in parameters.All) parameter.Value.Upload(golden.ReadSingles(prefix + parameter.Name));
        return parameters;
    }

    /// <summary>A training run of a class model.</summary>
    public static CaseResult Train(string name, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var golden = files.Open($"{name}/train");
        using var model = ModelCases.Load(device, files, $"{name}/weights", precision);
        var comparison = new Comparison($"{name}/train", golden);
        using var optimizer = new Optimizer(model.Parameters, Settings(golden));
        var step = new TrainingStep(model, optimizer);
        float shift = (float)golden.Number("time_shift"), drop = (float)golden.Number("class_drop");
        double[] losses = golden.ReadDoubles("loss"), norms = golden.Doubles("grad_norm", losses.Length);
        for (int s = 0; s < losses.Length; s++)
        {
            var shape = golden.ShapeOf($"step.{s}.x0", 4);
            using var x = device.Upload(golden.ReadSingles($"step.{s}.x0"), shape);
            using var noise = device.Upload(golden.ReadSingles($"step.{s}.noise"), shape);
            using var t = device.Upload(Array.ConvertAll(golden.ReadSingles($"step.{s}.normal_t"), normal => FlowTime.LogitNormal(normal, shift)), [shape[0]]);
            int[] labels = ModelCases.Labels(golden, $"step.{s}.y", model.Config);
            float[] dropped = golden.Singles($"step.{s}.drop_u", labels.Length);
            using var y = device.Upload([.. labels.Zip(dropped, (label, u) => u < drop ? model.Config.NullClass : label)], [shape[0]]);
            var (loss, norm) = step.Run(x, noise, t, y);
            comparison.Number($"loss of step {s}", loss, losses[s], tolerances.Loss);
            comparison.Number($"grad_norm of step {s}", norm, norms[s], tolerances.GradientNorm);
        }
        using var start = files.Open($"{name}/weights");
        Updates(comparison, tolerances, golden, start, "final.param.", model.Parameters, parameter => parameter.Value.ToArray());
        Updates(comparison, tolerances, golden, start, "final.ema.", model.Parameters, parameter => model.Parameters.SliceOf(optimizer.Average, parameter).ToArray());
        return comparison.Result();
    }

    /// <summary>The whole update of a text model, whose golden names have their prefix.</summary>
    public static void Together(Comparison comparison, double tolerance, SafetensorsReader golden, SafetensorsReader start, string prefix, ParameterSet parameters, Func<Parameter, float[]> read)
    {
        double off = 0, moved = 0;
        foreach (var parameter in parameters.All)
        {
            var (here, all) = Distance(golden, prefix + "core." + parameter.Name, start, "core." + parameter.Name, read(parameter));
            (off, moved) = (off + here, moved + all);
        }
        comparison.Value($"{prefix}* together", Math.Sqrt(off / moved), tolerance);
    }

    private static void Updates(Comparison comparison, ConformanceTolerances tolerances, SafetensorsReader golden, SafetensorsReader start, string prefix, ParameterSet parameters, Func<Parameter, float[]> read)
    {
        double allOff = 0, allMoved = 0;
        foreach (var parameter in parameters.All)
        {
            var (off, moved) = Distance(golden, prefix + parameter.Name, start, parameter.Name, read(parameter));
            comparison.Value(prefix + parameter.Name, Math.Sqrt(off / moved), tolerances.TensorUpdate);
            allOff += off;
            allMoved += moved;
        }
        comparison.Value($"{prefix}* together", Math.Sqrt(allOff / allMoved), tolerances.Update);
    }

    /// <summary>The squares of how far a result is off, and of how far it should have moved.</summary>
    private static (double Off, double Moved) Distance(SafetensorsReader golden, string end, SafetensorsReader start, string begin, float[] actual)
    {
        double[] expected = golden.Doubles(end, actual.Length), began = start.Doubles(begin, actual.Length);
        double off = 0, moved = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            off += Square(actual[i] - expected[i]);
            moved += Square(expected[i] - began[i]);
        }
        return (off, moved);
    }

    private static double Square(double value) => value * value;

    private static OptimizerConfig Settings(SafetensorsReader golden)
    {
        double[] betas = golden.Metadata.ContainsKey("betas") ? golden.Numbers("betas", 2) : [golden.Number("beta1"), golden.Number("beta2")];
        return new OptimizerConfig
        {
            LearningRate = golden.Number("lr"),
            WeightDecay = golden.Number("weight_decay"),
            Beta1 = betas[0],
            Beta2 = betas[1],
            Epsilon = golden.Number("eps"),
            Clip = golden.Metadata.GetValueOrDefault("clip_norm") is null or "None" ? 0 : golden.Number("clip_norm"),
            EmaDecay = golden.Number("ema_decay"),
            EmaWarmup = false
        };
    }
}

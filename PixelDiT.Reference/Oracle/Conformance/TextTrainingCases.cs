using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>The text trainer's arithmetic: its optimiser, its learning rates, its noise levels, and ten steps of it.</summary>
internal static class TextTrainingCases
{
    // Gradients are given: independent implementations in float32 differ by 1.3e-7 in parameters and 5e-7 in the state.
    private const double CameTolerance = 1e-6;

    // Double precision, over the largest rate.
    private const double RateTolerance = 1e-15;

    /// <summary>Runs of CAME from given gradients, which some parameters lack in some steps, with the whole state after each step; and tables of learning rates.</summary>
    /// <exception cref="FileFormatException">The file is damaged.</exception>
    public static CaseResult Came(string name, Device device, SafetensorsReader golden)
    {
        try
        {
            return Run(name, device, golden);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new FileFormatException($"{golden.Source}: the settings of a run or of a schedule are missing or no JSON", error);
        }
    }

    private static CaseResult Run(string name, Device device, SafetensorsReader golden)
    {
        var comparison = new Comparison(name, golden);
        foreach (var (run, json) in golden.Metadata.Where(entry => entry.Value.Contains("\"clip_threshold\"", StringComparison.Ordinal)).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            using var settings = JsonDocument.Parse(json);
            using var parameters = TrainingCases.Start(device, golden);
            using var optimizer = new CameOptimizer(parameters, Settings(settings.RootElement));
            for (int step = 0; golden.Tensors.Any(tensor => tensor.Name.StartsWith($"{run}.{step}.", StringComparison.Ordinal)); step++)
            {
                parameters.ClearGradients();
                foreach (var parameter in parameters.All.Where(parameter => golden.Contains($"grad.{step}.{parameter.Name}"))) parameter.Gradient!.Upload(golden.ReadSingles($"grad.{step}.{parameter.Name}"));
                optimizer.Step();
                foreach (var parameter in parameters.All)
                {
                    comparison.Tensor($"{run}.{step}.param.{parameter.Name}", parameter.Value.ToArray(), CameTolerance);
                    string count = $"{run}.{step}.step.{parameter.Name}";
                    comparison.Value(count, Math.Abs(optimizer.StepsOf(parameter) - (golden.Contains(count) ? golden.ReadIntegers(count)[0] : 0)), 0);
                    // There is none before a parameter's first step.
                    foreach (var (kind, tensor) in optimizer.StateOf(parameter).Where(state => golden.Contains($"{run}.{step}.{state.Key}.{parameter.Name}")))
                        comparison.Tensor($"{run}.{step}.{kind}.{parameter.Name}", tensor.ToArray(), CameTolerance);
                }
            }
        }
        foreach (var table in golden.Tensors.Where(tensor => tensor.Name.StartsWith("schedule.", StringComparison.Ordinal))) Rates(comparison, golden, table.Name);
        return comparison.Result();
    }

    /// <summary>Ten steps of the text trainer with CAME from given draws, whose levels, times and noisy images must be equal to the bit.</summary>
    public static CaseResult Train(string name, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var golden = files.Open(name);
        try
        {
            return Train(name, device, files, precision, tolerances, golden);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new FileFormatException($"{golden.Source}: the settings of the run are missing or no JSON", error);
        }
    }

    private static CaseResult Train(string name, Device device, ConformanceFiles files, Precision precision, ConformanceTolerances tolerances, SafetensorsReader golden)
    {
        var comparison = new Comparison(name, golden);
        using var model = ModelCases.LoadText(device, files, golden.Metadata["weights"], precision);
        using var optimizer = new CameOptimizer(model.Parameters, Settings(golden.Metadata));
        using var figures = new Readback(device, TrainingStep.Figures);
        var step = new TextTrainingStep(model, optimizer);
        var table = new TextTimeTable(Number(golden.Metadata, "flow_shift"));
        var schedule = new LearningRateSchedule { LearningRate = Number(golden.Metadata, "lr"), Warmup = (int)Number(golden.Metadata, "warmup_steps") };
        double drop = Number(golden.Metadata, "text_drop");
        float[] empty = golden.ReadSingles("null_text");
        double[] losses = golden.ReadDoubles("loss"), norms = golden.ReadDoubles("grad_norm"), rates = golden.ReadDoubles("lr");
        for (int s = 0; s < losses.Length; s++)
        {
            string prefix = $"step.{s}.";
            Shape Of(string tensor) => Shape.Create([.. golden[prefix + tensor].Shape.Select(size => (int)size)]);
            int[] levels = Array.ConvertAll(golden.ReadSingles(prefix + "normal"), TextTimeTable.LevelOf);
            comparison.Value(prefix + "k", levels.Zip(golden.ReadDoubles(prefix + "k"), (a, b) => Math.Abs(a - b)).Max(), 0);
            comparison.Value(prefix + "time", levels.Zip(golden.ReadDoubles(prefix + "time"), (k, time) => Math.Abs(table.Time[k] - time)).Max(), 0);
            float[] text = golden.ReadSingles(prefix + "text");
            foreach (var (b, u) in golden.ReadSingles(prefix + "drop_u").Index())
            {
                if (u < drop) empty.CopyTo(text.AsSpan(b * empty.Length));
            }
            using Tensor x = device.Upload(golden.ReadSingles(prefix + "x0"), Of("x0")), noise = device.Upload(golden.ReadSingles(prefix + "noise"), Of("noise")), states = device.Upload(text, Of("text"));
            using var rows = device.Upload([.. levels.Select(k => table.Alpha[k]), .. levels.Select(k => table.Sigma[k]), .. levels.Select(k => (float)table.Time[k])], [TextTrainingStep.LevelRows, levels.Length]);
            if (golden.Contains(prefix + "x_t")) comparison.Tensor(prefix + "x_t", NoisyImages(x, noise, rows), 0);
            comparison.Value(prefix + "lr", Math.Abs(schedule.At(s) - rates[s]) / schedule.LearningRate, RateTolerance);
            step.Queue(x, noise, rows, states, figures, schedule.At(s));
            var read = figures.Read();
            comparison.Number($"loss of step {s}", read[0], losses[s], tolerances.Loss);
            comparison.Number($"grad_norm of step {s}", read[1], norms[s], tolerances.TextGradientNorm);
        }
        using var start = files.Open(golden.Metadata["weights"]);
        TrainingCases.Together(comparison, tolerances.TextUpdate, golden, start, "final.param.", model.Parameters, parameter => parameter.Value.ToArray());
        if (optimizer.Average is { } average) TrainingCases.Together(comparison, tolerances.TextUpdate, golden, start, "final.ema.", model.Parameters, parameter => model.Parameters.SliceOf(average, parameter).ToArray());
        return comparison.Result();
    }

    private static float[] NoisyImages(Tensor x, Tensor noise, Tensor rows)
    {
        using Tensor xt = x.Device.Allocate(x.Shape), target = x.Device.Allocate(x.Shape);
        int images = x.Shape[0];
        FlowPath.Forward(x, noise, rows.Slice(0, [images]), rows.Slice(images, [images]), xt, target);
        return xt.ToArray();
    }

    private static double Number(IReadOnlyDictionary<string, string> metadata, string key) => double.Parse(metadata[key], CultureInfo.InvariantCulture);

    private static CameConfig Settings(IReadOnlyDictionary<string, string> metadata)
    {
        double[] betas = JsonSerializer.Deserialize<double[]>(metadata["betas"])!, eps = JsonSerializer.Deserialize<double[]>(metadata["eps"])!;
        return new CameConfig
        {
            LearningRate = Number(metadata, "lr"),
            Beta1 = betas[0],
            Beta2 = betas[1],
            Beta3 = betas[2],
            Epsilon1 = eps[0],
            Epsilon2 = eps[1],
            UpdateClip = Number(metadata, "clip_threshold"),
            WeightDecay = Number(metadata, "weight_decay"),
            Clip = Number(metadata, "clip_norm"),
            EmaDecay = metadata["ema_decay"].Length == 0 ? null : Number(metadata, "ema_decay")
        };
    }

    /// <summary>The noise levels of every shift, to the bit.</summary>
    public static CaseResult TimeTable(string name, SafetensorsReader golden)
    {
        const string prefix = "shift_", suffix = ".sigma64";
        var comparison = new Comparison(name, golden);
        foreach (var tensor in golden.Tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal) && tensor.Name.EndsWith(suffix, StringComparison.Ordinal)))
        {
            string shift = tensor.Name[prefix.Length..^suffix.Length];
            if (!double.TryParse(shift, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)) throw new FileFormatException($"{golden.Source}: tensor {tensor.Name} names no shift");
            var table = new TextTimeTable(number);
            comparison.Tensor($"{prefix}{shift}.sigma", [.. table.Sigma], 0);
            comparison.Tensor($"{prefix}{shift}.alpha", [.. table.Alpha], 0);
            comparison.Tensor($"{prefix}{shift}.time", [.. table.Time.Select(time => (float)time)], 0);
        }
        return comparison.Result();
    }

    private static void Rates(Comparison comparison, SafetensorsReader golden, string name)
    {
        using var settings = JsonDocument.Parse(golden.Metadata[name]);
        var root = settings.RootElement;
        var schedule = new LearningRateSchedule
        {
            LearningRate = root.GetProperty("lr").GetDouble(),
            Shape = root.GetProperty("kind").GetString() switch { "constant" => ScheduleShape.Constant, "cosine" => ScheduleShape.Cosine, _ => ScheduleShape.CosineToConstant },
            Warmup = root.GetProperty("warmup").GetInt32(),
            Processes = root.GetProperty("world").GetInt32(),
            Length = root.GetProperty("loader_length").GetInt64() * root.GetProperty("epochs").GetInt64(),
            ScaleRatio = root.TryGetProperty("scale_ratio", out var ratio) ? ratio.GetDouble() : 1
        };
        double[] expected = golden.ReadDoubles(name);
        bool given = root.TryGetProperty("steps", out var steps);
        double off = expected.Select((rate, i) => Math.Abs(schedule.At(given ? steps[i].GetInt64() : i) - rate)).Max();
        comparison.Value(name, off / expected.Max(), RateTolerance);
    }

    private static CameConfig Settings(JsonElement settings)
    {
        var (betas, eps) = (settings.GetProperty("betas"), settings.GetProperty("eps"));
        return new CameConfig
        {
            LearningRate = settings.GetProperty("lr").GetDouble(),
            Beta1 = betas[0].GetDouble(),
            Beta2 = betas[1].GetDouble(),
            Beta3 = betas[2].GetDouble(),
            Epsilon1 = eps[0].GetDouble(),
            Epsilon2 = eps[1].GetDouble(),
            UpdateClip = settings.GetProperty("clip_threshold").GetDouble(),
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
            Clip = 0
        };
    }
}

using System.Globalization;
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
        var comparison = new Comparison(name, golden);
        foreach (string run in golden.Metadata.Where(entry => entry.Value.Contains("\"clip_threshold\"", StringComparison.Ordinal)).Select(entry => entry.Key).Order(StringComparer.Ordinal))
        {
            using var parameters = TrainingCases.Start(device, golden);
            using var optimizer = new CameOptimizer(parameters, Settings(golden.Settings(run)));
            for (int step = 0; golden.Tensors.Any(tensor => tensor.Name.StartsWith($"{run}.{step}.", StringComparison.Ordinal)); step++)
            {
                parameters.ClearGradients();
                foreach (var parameter in parameters.All.Where(parameter => golden.Contains($"grad.{step}.{parameter.Name}"))) parameter.Gradient!.Upload(golden.ReadSingles($"grad.{step}.{parameter.Name}"));
                optimizer.Step();
                foreach (var parameter in parameters.All)
                {
                    comparison.Tensor($"{run}.{step}.param.{parameter.Name}", parameter.Value.ToArray(), CameTolerance);
                    string count = $"{run}.{step}.step.{parameter.Name}";
                    comparison.Value(count, Math.Abs(optimizer.StepsOf(parameter) - (golden.Contains(count) ? golden.First(count) : 0)), 0);
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
        var comparison = new Comparison(name, golden);
        using var model = ModelCases.LoadText(device, files, golden.Text("weights"), precision);
        using var optimizer = new CameOptimizer(model.Parameters, Settings(golden));
        using var figures = new Readback(device, TrainingStep.Figures);
        var step = new TextTrainingStep(model, optimizer);
        var table = new TextTimeTable(golden.Number("flow_shift"));
        var schedule = new LearningRateSchedule { LearningRate = golden.Number("lr"), Warmup = (int)golden.Number("warmup_steps") };
        double drop = golden.Number("text_drop");
        float[] empty = golden.ReadSingles("null_text");
        double[] losses = golden.ReadDoubles("loss"), norms = golden.Doubles("grad_norm", losses.Length), rates = golden.Doubles("lr", losses.Length);
        for (int s = 0; s < losses.Length; s++)
        {
            string prefix = $"step.{s}.";
            using Tensor x = golden.Upload(device, prefix + "x0", 4), noise = golden.Upload(device, prefix + "noise", 4);
            int[] levels = Array.ConvertAll(golden.Singles(prefix + "normal", x.Shape[0]), TextTimeTable.LevelOf);
            comparison.Value(prefix + "k", levels.Zip(golden.Doubles(prefix + "k", levels.Length), (a, b) => Math.Abs(a - b)).Max(), 0);
            comparison.Value(prefix + "time", levels.Zip(golden.Doubles(prefix + "time", levels.Length), (k, time) => Math.Abs(table.Time[k] - time)).Max(), 0);
            var words = golden.ShapeOf(prefix + "text", 3);
            float[] text = golden.Singles(prefix + "text", (long)levels.Length * empty.Length);
            foreach (var (b, u) in golden.Singles(prefix + "drop_u", levels.Length).Index())
            {
                if (u < drop) empty.CopyTo(text.AsSpan(b * empty.Length));
            }
            using var states = device.Upload(text, words);
            using var rows = device.Upload([.. levels.Select(k => table.Alpha[k]), .. levels.Select(k => table.Sigma[k]), .. levels.Select(k => (float)table.Time[k])], [TextTrainingStep.LevelRows, levels.Length]);
            if (golden.Contains(prefix + "x_t")) comparison.Tensor(prefix + "x_t", NoisyImages(x, noise, rows), 0);
            comparison.Value(prefix + "lr", Math.Abs(schedule.At(s) - rates[s]) / schedule.LearningRate, RateTolerance);
            step.Queue(x, noise, rows, states, figures, schedule.At(s));
            var read = figures.Read();
            comparison.Number($"loss of step {s}", read[0], losses[s], tolerances.Loss);
            comparison.Number($"grad_norm of step {s}", read[1], norms[s], tolerances.TextGradientNorm);
        }
        using var start = files.Open(golden.Text("weights"));
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

    private static CameConfig Settings(SafetensorsReader golden)
    {
        double[] betas = golden.Settings("betas").Numbers("", 3), eps = golden.Settings("eps").Numbers("", 2);
        return Settings(betas, eps, golden.Number) with
        {
            Clip = golden.Number("clip_norm"),
            EmaDecay = golden.Text("ema_decay").Length == 0 ? null : golden.Number("ema_decay")
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
        var settings = golden.Settings(name);
        var schedule = new LearningRateSchedule
        {
            LearningRate = settings.Number("lr"),
            Shape = settings.Text("kind") switch { "constant" => ScheduleShape.Constant, "cosine" => ScheduleShape.Cosine, _ => ScheduleShape.CosineToConstant },
            Warmup = settings.Whole("warmup"),
            Processes = settings.Whole("world"),
            Length = (long)settings.Whole("loader_length") * settings.Whole("epochs"),
            ScaleRatio = settings.Has("scale_ratio") ? settings.Number("scale_ratio") : 1
        };
        double[] expected = golden.ReadDoubles(name);
        double[]? steps = settings.Has("steps") ? settings.Numbers("steps", expected.Length) : null;
        double off = expected.Select((rate, i) => Math.Abs(schedule.At(steps is null ? i : (long)steps[i]) - rate)).DefaultIfEmpty().Max();
        comparison.Value(name, off / expected.DefaultIfEmpty(1).Max(), RateTolerance);
    }

    private static CameConfig Settings(CaseSettings settings) => Settings(settings.Numbers("betas", 3), settings.Numbers("eps", 2), settings.Number) with { Clip = 0 };

    private static CameConfig Settings(double[] betas, double[] eps, Func<string, double> number) => new()
    {
        LearningRate = number("lr"),
        Beta1 = betas[0],
        Beta2 = betas[1],
        Beta3 = betas[2],
        Epsilon1 = eps[0],
        Epsilon2 = eps[1],
        UpdateClip = number("clip_threshold"),
        WeightDecay = number("weight_decay")
    };
}

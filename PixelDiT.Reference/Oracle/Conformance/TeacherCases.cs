using System.Globalization;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Layers;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Alignment;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>The teacher of representation alignment, the pictures it is shown, the alignment's loss, and a step with it.</summary>
internal static class TeacherCases
{
    /// <summary>The folder of these cases.</summary>
    public const string Folder = "dino";

    private const string Weights = "dino/vit/weights";

    /// <summary>Runs a case; null for one of another kind.</summary>
    public static CaseResult? Run(string name, Device device, ConformanceFiles files, Precision precision)
    {
        if (!files.Contains(Weights)) return null;
        using var golden = files.Open(name);
        var comparison = new Comparison(name, golden);
        switch (name)
        {
            case "dino/vit/forward": Forward(comparison, golden, device, files, precision); break;
            case "dino/vit/prepare": Prepare(comparison, golden, device, files, precision); break;
            case "dino/repa_class": Align(comparison, golden, device, ofText: false, precision); break;
            case "dino/repa_text": Align(comparison, golden, device, ofText: true, precision); break;
            case "dino/repa_step": Step(comparison, golden, device, files, precision); break;
            default: return null;
        }
        return comparison.Result();
    }

    private static DinoVisionTransformer Load(Device device, ConformanceFiles files, Precision precision)
    {
        using var config = JsonDocument.Parse(Metadata(files));
        using var weights = new DinoWeights(files.Open(Weights), config.RootElement.GetProperty("num_heads").GetInt32());
        return new DinoVisionTransformer(device, weights) { Precision = precision };
    }

    private static string Metadata(ConformanceFiles files)
    {
        using var weights = files.Open(Weights);
        return weights.Metadata.GetValueOrDefault("config") ?? throw new FileFormatException($"{weights.Source}: has no config in its metadata");
    }

    private static void Forward(Comparison comparison, SafetensorsReader golden, Device device, ConformanceFiles files, Precision precision)
    {
        double tolerance = new ConformanceTolerances(precision).Teacher;
        using var network = Load(device, files, precision);
        int width = network.Config.Width;
        foreach (string run in Runs(golden))
        {
            using var images = Upload(device, golden, $"{run}.in");
            var (batch, height, across) = (images.Shape[0], images.Shape[2] / network.Config.Patch, images.Shape[3] / network.Config.Patch);
            comparison.Tensor($"{run}.pos_embed", network.PositionsOf(height, across), tolerance);
            using var tokens = device.Allocate([batch, height * across, width]);
            network.Forward(images, tokens, (stage, x) =>
            {
                if (stage != "x_norm") comparison.Tensor($"{run}.{stage}", x.ToArray(), tolerance);
                else comparison.Tensor($"{run}.x_norm_clstoken", [.. Enumerable.Range(0, batch).SelectMany(b => x.ToArray().AsSpan(b * x.Shape[1] * width, width).ToArray())], tolerance);
            });
            comparison.Tensor($"{run}.x_norm_patchtokens", tokens.ToArray(), tolerance);
        }
    }

    private static void Prepare(Comparison comparison, SafetensorsReader golden, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var network = Load(device, files, precision);
        using var preparation = new TeacherImages(device);
        foreach (string given in golden.Tensors.Select(tensor => tensor.Name).Where(tensor => tensor.EndsWith(".in", StringComparison.Ordinal)))
        {
            string run = given[..^".in".Length];
            // The class trainer's pictures are in [0, 1], the text trainer's in [−1, 1], as all are here.
            bool ofClasses = run.StartsWith("class.", StringComparison.Ordinal);
            float[] values = [.. golden.ReadSingles(given).Select(value => ofClasses ? (2 * value) - 1 : value)];
            using var images = device.Upload(values, ShapeOf(golden, given));
            using var prepared = device.Allocate(ShapeOf(golden, $"{run}.out"));
            preparation.Forward(images, prepared);
            comparison.Tensor($"{run}.out", prepared.ToArray(), ConformanceTolerances.TeacherImage);
            if (!golden.Contains($"{run}.x_norm_patchtokens")) continue;
            using var tokens = device.Allocate(ShapeOf(golden, $"{run}.x_norm_patchtokens"));
            network.Forward(prepared, tokens);
            comparison.Tensor($"{run}.x_norm_patchtokens", tokens.ToArray(), tolerances.TeacherToken);
        }
    }

    private static void Align(Comparison comparison, SafetensorsReader golden, Device device, bool ofText, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var parameters = new ParameterSet(device);
        var projector = Projector(parameters, golden, ofText ? ProjectorSizes.OfText : ProjectorSizes.OfClasses, block: 1);
        parameters.Allocate();
        parameters.RequireGradients();
        foreach (var parameter in parameters.All) parameter.Value.Upload(golden.ReadSingles("param." + parameter.Name));
        parameters.MarkChanged();
        using var alignment = new TokenAlignment(device, ofText);
        foreach (string run in Runs(golden))
        {
            parameters.ClearGradients();
            using Tensor student = Upload(device, golden, $"{run}.student"), teacher = Upload(device, golden, $"{run}.teacher");
            using var tape = new Tape(device, recording: true) { Precision = precision };
            var tokens = tape.Input(student, requiresGradient: true);
            var loss = alignment.Loss(tape, projector.Forward(tape, tokens), teacher);
            comparison.Number($"{run}.loss", loss.Value.ToArray()[0], golden.ReadDoubles($"{run}.loss")[0], tolerances.AlignmentLoss);
            tape.Backward(loss);
            comparison.Tensor($"{run}.grad.student", tokens.Gradient!.ToArray(), tolerances.AlignmentGradient);
            foreach (var parameter in parameters.All) comparison.Tensor($"{run}.grad.{parameter.Name}", parameter.Gradient!.ToArray(), tolerances.AlignmentGradient);
        }
    }

    private static void Step(Comparison comparison, SafetensorsReader golden, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        string weights = golden.Metadata["weights"];
        double weight = double.Parse(golden.Metadata["feat_loss_weight"], CultureInfo.InvariantCulture);
        var sizes = ModelCases.Sizes(files, weights[..weights.LastIndexOf('/')]) ?? throw new FileFormatException($"{golden.Source}: is of {weights}, which says no model's sizes");
        var declared = SizesOf(golden, ProjectorSizes.OfClasses, int.Parse(golden.Metadata["align_layer"], CultureInfo.InvariantCulture));
        using var model = new PixelDiTModel(sizes, device, declared) { Precision = precision };
        using (var start = files.Open(weights))
        {
            foreach (var parameter in model.Parameters.All) parameter.Value.Upload(parameter.IsBeside ? golden.ReadSingles("param." + parameter.Name) : start.ReadSingles(parameter.Name));
        }
        model.Parameters.MarkChanged();
        using var alignment = new TokenAlignment(device, ofText: false, weight);
        // The gradients are looked at before a step of no size; nothing else of the optimizer is compared.
        using var optimizer = new Optimizer(model.Parameters, new OptimizerConfig { LearningRate = 1e-12, Clip = 0 });
        var step = new TrainingStep(model, optimizer, alignment: alignment);
        using Tensor x = Upload(device, golden, "in.x0"), noise = Upload(device, golden, "in.noise"), teacher = Upload(device, golden, "in.teacher");
        float shift = float.Parse(golden.Metadata["time_shift"], CultureInfo.InvariantCulture);
        using var t = device.Upload(Array.ConvertAll(golden.ReadSingles("in.normal_t"), normal => FlowTime.LogitNormal(normal, shift)), [x.Shape[0]]);
        using var y = device.Upload(ModelCases.Labels(golden, "in.y"), [x.Shape[0]]);
        using var figures = new Readback(device, TrainingStep.Figures);
        step.Queue(x, noise, t, y, figures, teacher: teacher);
        var read = figures.Read();
        double flow = read[TrainingStep.LossFigure], cosine = read[TrainingStep.AlignmentFigure];
        comparison.Number("fm_loss", flow, golden.ReadDoubles("fm_loss")[0], tolerances.AlignedLoss);
        comparison.Number("cos_loss", cosine, golden.ReadDoubles("cos_loss")[0], tolerances.AlignedLoss);
        comparison.Number("loss", flow + (weight * cosine), golden.ReadDoubles("loss")[0], tolerances.AlignedLoss);
        comparison.Number("grad_norm", read[TrainingStep.NormFigure], golden.ReadDoubles("grad_norm")[0], tolerances.AlignedNorm);
        foreach (var parameter in model.Parameters.All)
        {
            string tensor = (parameter.IsBeside ? "grad." : "grad.param.") + parameter.Name;
            if (golden.Contains(tensor)) comparison.Tensor(tensor, parameter.Gradient!.ToArray(), tolerances.AlignedGradient);
        }
    }

    private static IEnumerable<string> Runs(SafetensorsReader golden)
    {
        using var cases = JsonDocument.Parse(golden.Metadata["cases"]);
        return [.. cases.RootElement.EnumerateObject().Select(entry => entry.Name)];
    }

    private static TokenProjector Projector(ParameterSet parameters, SafetensorsReader golden, string name, int block)
        => new(parameters, SizesOf(golden, name, block), checked((int)golden[$"param.{name}.0.weight"].Shape[1]));

    private static ProjectorSizes SizesOf(SafetensorsReader golden, string name, int block)
        => new(name, block, checked((int)golden[$"param.{name}.0.weight"].Shape[0]), checked((int)golden[$"param.{name}.4.weight"].Shape[0]));

    private static Shape ShapeOf(SafetensorsReader golden, string tensor) => Shape.Create([.. golden[tensor].Shape.Select(size => checked((int)size))]);

    private static Tensor Upload(Device device, SafetensorsReader golden, string tensor) => device.Upload(golden.ReadSingles(tensor), ShapeOf(golden, tensor));
}

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
        var file = files.Open(Weights);
        using var weights = new DinoWeights(file, file.Settings("config").Whole("num_heads"));
        return new DinoVisionTransformer(device, weights) { Precision = precision };
    }

    private static void Forward(Comparison comparison, SafetensorsReader golden, Device device, ConformanceFiles files, Precision precision)
    {
        double tolerance = new ConformanceTolerances(precision).Teacher;
        using var network = Load(device, files, precision);
        int width = network.Config.Width;
        foreach (string run in Runs(golden))
        {
            using var images = golden.Upload(device, $"{run}.in", 4);
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
            using var images = device.Upload(values, golden.ShapeOf(given, 4));
            using var prepared = device.Allocate(golden.ShapeOf($"{run}.out", 4));
            preparation.Forward(images, prepared);
            comparison.Tensor($"{run}.out", prepared.ToArray(), ConformanceTolerances.TeacherImage);
            if (!golden.Contains($"{run}.x_norm_patchtokens")) continue;
            using var tokens = device.Allocate(golden.ShapeOf($"{run}.x_norm_patchtokens", 3));
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
            using Tensor student = golden.Upload(device, $"{run}.student", 3), teacher = golden.Upload(device, $"{run}.teacher", 3);
            using var tape = new Tape(device, recording: true) { Precision = precision };
            var tokens = tape.Input(student, requiresGradient: true);
            var loss = alignment.Loss(tape, projector.Forward(tape, tokens), teacher);
            comparison.Number($"{run}.loss", loss.Value.ToArray()[0], golden.First($"{run}.loss"), tolerances.AlignmentLoss);
            tape.Backward(loss);
            comparison.Tensor($"{run}.grad.student", tokens.Gradient!.ToArray(), tolerances.AlignmentGradient);
            foreach (var parameter in parameters.All) comparison.Tensor($"{run}.grad.{parameter.Name}", parameter.Gradient!.ToArray(), tolerances.AlignmentGradient);
        }
    }

    private static void Step(Comparison comparison, SafetensorsReader golden, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        string weights = golden.Text("weights");
        double weight = golden.Number("feat_loss_weight");
        var sizes = ModelCases.Sizes(files, weights[..Math.Max(0, weights.LastIndexOf('/'))]) ?? throw new FileFormatException($"{golden.Source}: is of {weights}, which says no model's sizes");
        var declared = SizesOf(golden, ProjectorSizes.OfClasses, golden.Whole("align_layer"));
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
        using Tensor x = golden.Upload(device, "in.x0", 4), noise = golden.Upload(device, "in.noise", 4), teacher = golden.Upload(device, "in.teacher", 3);
        float shift = (float)golden.Number("time_shift");
        using var t = device.Upload(Array.ConvertAll(golden.ReadSingles("in.normal_t"), normal => FlowTime.LogitNormal(normal, shift)), [x.Shape[0]]);
        using var y = device.Upload(ModelCases.Labels(golden, "in.y", sizes), [x.Shape[0]]);
        using var figures = new Readback(device, TrainingStep.Figures);
        step.Queue(x, noise, t, y, figures, teacher: teacher);
        var read = figures.Read();
        double flow = read[TrainingStep.LossFigure], cosine = read[TrainingStep.AlignmentFigure];
        comparison.Number("fm_loss", flow, golden.First("fm_loss"), tolerances.AlignedLoss);
        comparison.Number("cos_loss", cosine, golden.First("cos_loss"), tolerances.AlignedLoss);
        comparison.Number("loss", flow + (weight * cosine), golden.First("loss"), tolerances.AlignedLoss);
        comparison.Number("grad_norm", read[TrainingStep.NormFigure], golden.First("grad_norm"), tolerances.AlignedNorm);
        foreach (var parameter in model.Parameters.All)
        {
            string tensor = (parameter.IsBeside ? "grad." : "grad.param.") + parameter.Name;
            if (golden.Contains(tensor)) comparison.Tensor(tensor, parameter.Gradient!.ToArray(), tolerances.AlignedGradient);
        }
    }

    private static IReadOnlyList<string> Runs(SafetensorsReader golden) => golden.Settings("cases").Names;

    private static TokenProjector Projector(ParameterSet parameters, SafetensorsReader golden, string name, int block)
        => new(parameters, SizesOf(golden, name, block), golden.ShapeOf($"param.{name}.0.weight", 2)[1]);

    private static ProjectorSizes SizesOf(SafetensorsReader golden, string name, int block)
        => new(name, block, golden.ShapeOf($"param.{name}.0.weight", 2)[0], golden.ShapeOf($"param.{name}.4.weight", 2)[0]);
}

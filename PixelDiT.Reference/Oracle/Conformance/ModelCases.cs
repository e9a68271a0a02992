using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Whole models: one forward and backward, with every stage on the way.</summary>
internal static class ModelCases
{
    /// <summary>The sizes of a case's model; null where it has no weights that say them.</summary>
    public static ModelConfig? Sizes(ConformanceFiles files, string name)
    {
        if (!files.Contains($"{name}/weights")) return null;
        using var weights = files.Open($"{name}/weights");
        return weights.Metadata.TryGetValue("config", out string? config) ? ModelConfig.FromJson(config, weights.Source) : null;
    }

    /// <summary>The model of a case with the weights of a file.</summary>
    public static PixelDiTModel Load(Device device, ConformanceFiles files, string weightsFile, Precision precision)
    {
        using var weights = files.Open(weightsFile);
        return Fill(new PixelDiTModel(ModelConfig.FromJson(weights.Text("config"), weights.Source), device) { Precision = precision }, weights, "");
    }

    /// <summary>The text model of a case, and another's head where one is given.</summary>
    public static TextToImageModel LoadText(Device device, ConformanceFiles files, string weightsFile, Precision precision, SafetensorsReader? head = null)
    {
        using var weights = files.Open(weightsFile);
        var model = Fill(new TextToImageModel(ModelConfig.FromJson(weights.Text("config"), weights.Source), device) { Precision = precision }, weights, "core.");
        if (head is not null) model.Parameters["final_layer.linear.weight"].Value.Upload(head.ReadSingles("final_layer.linear.weight"));
        model.Parameters.MarkChanged();
        return model;
    }

    private static T Fill<T>(T model, SafetensorsReader weights, string prefix) where T : PixelTransformer
    {
        try
        {
            foreach (var parameter in model.Parameters.All) parameter.Value.Upload(weights.ReadSingles(prefix + parameter.Name));
            model.Parameters.MarkChanged();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>One forward and backward of a text model. What feeds only the last block's unused text has no golden gradient, and must have none here.</summary>
    public static CaseResult TextForwardBackward(string name, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var golden = files.Open($"{name}/forward_backward");
        using var model = LoadText(device, files, $"{name}/weights", precision);
        var comparison = new Comparison($"{name}/forward_backward", golden);
        Shape shape = golden.ShapeOf("in.x", 4), words = golden.ShapeOf("in.y", 3);
        using var x = device.Upload(golden.ReadSingles("in.x"), shape);
        using var t = device.Upload(golden.ReadSingles("in.t"), [shape[0]]);
        using var text = device.Upload(golden.ReadSingles("in.y"), words);
        using var target = device.Upload(golden.ReadSingles("target.v"), shape);
        using var tape = new Tape(device, recording: true)
        {
            Observer = (stage, value) => comparison.Tensor($"act.{stage}", value.Value.ToArray(), tolerances.TextActivation)
        };
        model.Parameters.RequireGradients();

        Variable input = tape.Input(x, requiresGradient: true), states = tape.Input(text, requiresGradient: true);
        var output = model.Forward(tape, input, t, states);
        comparison.Tensor("out", output.Value.ToArray(), tolerances.TextActivation);
        var loss = tape.MeanSquaredError(output, target);
        comparison.Tensor("loss", loss.Value.ToArray(), tolerances.Loss);
        tape.Backward(loss);

        double largest = comparison.LargestOf("grad.param.");
        comparison.Tensor("grad.in.x", input.Gradient!.ToArray(), tolerances.TextGradient);
        comparison.Tensor("grad.in.y", states.Gradient!.ToArray(), tolerances.TextGradient);
        foreach (var parameter in model.Parameters.All)
        {
            string tensor = $"grad.param.{parameter.Name}";
            if (golden.Contains(tensor)) comparison.Tensor(tensor, parameter.Gradient!.ToArray(), tolerances.TextGradient, largest);
            else comparison.Value(tensor, parameter.Gradient!.ToArray().Max(Math.Abs), 0);
        }
        return comparison.Result();
    }

    /// <summary>One forward and backward.</summary>
    public static CaseResult ForwardBackward(string name, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var golden = files.Open($"{name}/forward_backward");
        using var model = Load(device, files, $"{name}/weights", precision);
        var comparison = new Comparison($"{name}/forward_backward", golden);
        var shape = golden.ShapeOf("in.x", 4);
        using var x = device.Upload(golden.ReadSingles("in.x"), shape);
        using var t = device.Upload(golden.ReadSingles("in.t"), [shape[0]]);
        using var y = device.Upload(Labels(golden, "in.y", model.Config), [shape[0]]);
        using var target = device.Upload(golden.ReadSingles("target.v"), shape);
        using var tape = new Tape(device, recording: true)
        {
            Observer = (stage, value) => comparison.Tensor($"act.{stage}", value.Value.ToArray(), tolerances.Activation)
        };
        model.Parameters.RequireGradients();

        var input = tape.Input(x, requiresGradient: true);
        var output = model.Forward(tape, input, t, y);
        comparison.Tensor("out", output.Value.ToArray(), tolerances.Activation);
        var loss = tape.MeanSquaredError(output, target);
        comparison.Tensor("loss", loss.Value.ToArray(), tolerances.Loss);
        tape.Backward(loss);

        double largest = comparison.LargestOf("grad.param.");
        comparison.Tensor("grad.in.x", input.Gradient!.ToArray(), tolerances.Gradient);
        foreach (var parameter in model.Parameters.All) comparison.Tensor($"grad.param.{parameter.Name}", parameter.Gradient!.ToArray(), tolerances.Gradient, largest);
        using var norm = device.Allocate([1]);
        Kernels.Operations.GradientNorm.Forward(model.Parameters.Gradients!, norm);
        if (golden.Contains("grad_norm")) comparison.Tensor("grad_norm", norm.ToArray(), tolerances.GradientNorm);
        return comparison.Result();
    }

    /// <summary>Class labels of a file, the null class among them.</summary>
    public static int[] Labels(SafetensorsReader golden, string tensor, ModelConfig config) => Labels(golden, tensor, config.NullClass);

    /// <summary>The same from 0 to a largest label.</summary>
    public static int[] Labels(SafetensorsReader golden, string tensor, int most)
        => Array.ConvertAll(golden.WholeNumbers(tensor), label => label >= 0 && label <= most ? label : throw new FileFormatException($"{golden.Source}: {tensor} holds the label {label}; 0 to {most} were expected"));
}

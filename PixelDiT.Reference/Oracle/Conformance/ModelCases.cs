using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Whole class models: one forward and backward, with every stage on the way.</summary>
internal static class ModelCases
{
    /// <summary>Whether a file holds a class model that this program builds; text models do not.</summary>
    public static bool IsClassModel(ConformanceFiles files, string name)
    {
        if (!files.Contains($"{name}/weights")) return false;
        using var weights = files.Open($"{name}/weights");
        return weights.Metadata.TryGetValue("config", out string? config) && !config.Contains("txt_embed_dim", StringComparison.Ordinal);
    }

    /// <summary>The model of a case with the weights of a file.</summary>
    public static PixelDiTModel Load(Device device, ConformanceFiles files, string weightsFile, Precision precision)
    {
        using var weights = files.Open(weightsFile);
        if (!weights.Metadata.TryGetValue("config", out string? config)) throw new FileFormatException($"{weights.Source}: has no config in its metadata");
        var model = new PixelDiTModel(ModelConfig.FromJson(config, weights.Source), device) { Precision = precision };
        try
        {
            foreach (var parameter in model.Parameters.All) parameter.Value.Upload(weights.ReadSingles(parameter.Name));
            model.Parameters.MarkChanged();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>One forward and backward.</summary>
    public static CaseResult ForwardBackward(string name, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var golden = files.Open($"{name}/forward_backward");
        using var model = Load(device, files, $"{name}/weights", precision);
        var comparison = new Comparison($"{name}/forward_backward", golden);
        var shape = Shape.Create([.. golden["in.x"].Shape.Select(size => (int)size)]);
        using var x = device.Upload(golden.ReadSingles("in.x"), shape);
        using var t = device.Upload(golden.ReadSingles("in.t"), [shape[0]]);
        using var y = device.Upload(Labels(golden, "in.y"), [shape[0]]);
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

    /// <summary>Class labels of a file.</summary>
    public static int[] Labels(SafetensorsReader golden, string tensor) => Array.ConvertAll(golden.ReadIntegers(tensor), label => checked((int)label));
}

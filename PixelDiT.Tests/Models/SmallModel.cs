using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;

namespace PixelDiT.Tests.Models;

/// <summary>A model of a few thousand parameters with a batch for it.</summary>
internal sealed class SmallModel : IDisposable
{
    public SmallModel(Device device, ModelConfig config, int batch = 2, int height = 8, int width = 8)
    {
        (Device, Model) = (device, new PixelDiTModel(config, device));
        Shape shape = [batch, config.Channels, height, width];
        X = device.Upload(Numbers((int)shape.Count, 1), shape);
        Target = device.Upload(Numbers((int)shape.Count, 2), shape);
        T = device.Upload([.. Enumerable.Range(0, batch).Select(i => (i + 1f) / (batch + 1))], [batch]);
        Y = device.Upload([.. Enumerable.Range(0, batch).Select(i => i % (config.Classes + 1))], [batch]);
    }

    public Device Device { get; }

    public PixelDiTModel Model { get; }

    public Tensor X { get; }

    public Tensor T { get; }

    public Tensor Y { get; }

    public Tensor Target { get; }

    public static ModelConfig Config(int patchDepth = 2, int pixelDepth = 2, bool post = false, int channels = 3) => new()
    {
        Hidden = 16,
        Heads = 2,
        Patch = 2,
        PatchDepth = patchDepth,
        PixelDepth = pixelDepth,
        PixelHidden = 4,
        Classes = 3,
        Channels = channels,
        PostModulation = post
    };

    /// <summary>Gives every parameter numbers, so that nothing is the identity.</summary>
    public SmallModel Fill()
    {
        int seed = 10;
        foreach (var parameter in Model.Parameters.All) parameter.Value.Upload([.. Numbers((int)parameter.Shape.Count, seed++).Select(value => 0.3f * value + (parameter.Name.Contains("norm") ? 1 : 0))]);
        Model.Parameters.MarkChanged();
        return this;
    }

    /// <summary>The output and, with the tape's own gradients, those of all parameters and of x, of the loss against <see cref="Target"/>.</summary>
    public (float[] Output, float Loss, float[] Gradients) Step(Action<Tape>? prepare = null)
    {
        using var tape = new Tape(Device, recording: true);
        prepare?.Invoke(tape);
        Model.Parameters.RequireGradients();
        Model.Parameters.ClearGradients();
        var x = tape.Input(X, requiresGradient: true);
        var output = Model.Forward(tape, x, T, Y);
        var loss = tape.MeanSquaredError(output, Target);
        (float[] values, float number) = (output.Value.ToArray(), loss.Value.ToArray()[0]);
        tape.Backward(loss);
        return (values, number, [.. Model.Parameters.All.SelectMany(parameter => parameter.Gradient!.ToArray()), .. x.Gradient!.ToArray()]);
    }

    public void Dispose()
    {
        foreach (var tensor in new[] { X, T, Y, Target }) tensor.Dispose();
        Model.Dispose();
    }

    private static float[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }
}

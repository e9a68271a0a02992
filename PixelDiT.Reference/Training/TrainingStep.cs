using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Training;

/// <summary>One step of flow matching from given draws (SPEC §4): x_t and v, forward, loss, backward, clipping, AdamW, EMA.</summary>
/// <param name="model">The model.</param>
/// <param name="optimizer">Its optimiser.</param>
public sealed class TrainingStep(PixelDiTModel model, Optimizer optimizer)
{
    /// <summary>Runs the step.</summary>
    /// <param name="x">Clean images [B, C, H, W] in [−1, 1].</param>
    /// <param name="noise">ε [B, C, H, W].</param>
    /// <param name="t">Times [B] in [0, 1]; 1 is data.</param>
    /// <param name="y">Labels [B], dropped ones already the null class.</param>
    /// <param name="learningRate">The step size, where a schedule moves it.</param>
    /// <returns>The loss, mean (v_θ − v)², and the norm of all gradients before clipping.</returns>
    public (float Loss, float GradientNorm) Run(Tensor x, Tensor noise, Tensor t, Tensor y, double? learningRate = null)
    {
        var device = model.Device;
        using var xt = device.Allocate(x.Shape);
        using var target = device.Allocate(x.Shape);
        FlowPath.Forward(x, noise, t, xt, target);
        model.Parameters.ClearGradients();

        Span<float> loss = stackalloc float[1], norm = stackalloc float[1];
        using (var tape = new Tape(device, recording: true))
        {
            var error = tape.MeanSquaredError(model.Forward(tape, tape.Input(xt), t, y), target);
            error.Value.Download(loss);
            tape.Backward(error);
        }
        optimizer.Step(learningRate);
        optimizer.Norm.Download(norm);
        return (loss[0], norm[0]);
    }
}

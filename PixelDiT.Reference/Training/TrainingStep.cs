using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Training;

/// <summary>One step of flow matching from given draws (SPEC §4): x_t and v, forward, loss, backward, clipping, AdamW, EMA.</summary>
/// <param name="model">The model.</param>
/// <param name="optimizer">Its optimiser.</param>
public sealed class TrainingStep(PixelDiTModel model, IOptimizer optimizer)
{
    /// <summary>Numbers that a step shows: the loss, mean (v_θ − v)², and the norm of all gradients before clipping, in this order.</summary>
    public const int Figures = 2;

    /// <summary>Runs the step and waits for its figures.</summary>
    /// <returns>The loss, and the norm of all gradients before clipping.</returns>
    /// <inheritdoc cref="Queue" path="/param"/>
    public (float Loss, float GradientNorm) Run(Tensor x, Tensor noise, Tensor t, Tensor y)
    {
        using var figures = new Readback(model.Device, Figures);
        Queue(x, noise, t, y, figures);
        var read = figures.Read();
        return (read[0], read[1]);
    }

    /// <summary>Queues the step. On a GPU the host goes on before it is done.</summary>
    /// <param name="x">Clean images [B, C, H, W] in [−1, 1].</param>
    /// <param name="noise">ε [B, C, H, W].</param>
    /// <param name="t">Times [B] in [0, 1]; 1 is data.</param>
    /// <param name="y">Labels [B], dropped ones already the null class.</param>
    /// <param name="figures">Receives the loss and the norm.</param>
    /// <param name="learningRate">The step size, where a schedule moves it.</param>
    public void Queue(Tensor x, Tensor noise, Tensor t, Tensor y, Readback figures, double? learningRate = null)
    {
        var device = model.Device;
        using var xt = device.Allocate(x.Shape);
        using var target = device.Allocate(x.Shape);
        FlowPath.Forward(x, noise, t, xt, target);
        Descend(model, optimizer, figures, learningRate, tape => tape.MeanSquaredError(model.Forward(tape, tape.Input(xt), t, y), target));
    }

    /// <summary>Gradients of a loss, and a step of the optimiser.</summary>
    internal static void Descend(PixelTransformer model, IOptimizer optimizer, Readback figures, double? learningRate, Func<Tape, Variable> forward)
    {
        model.Parameters.ClearGradients();
        using (var tape = new Tape(model.Device, recording: true))
        {
            var loss = forward(tape);
            figures.Copy(0, loss.Value);
            tape.Backward(loss);
        }
        optimizer.Step(learningRate);
        figures.Copy(1, optimizer.Norm);
    }
}

using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training.Alignment;

namespace PixelDiT.Reference.Training;

/// <summary>One step of the text model's flow matching from given draws (SPEC §6): x_σ = α·x + σ·ε and the target ε − x, forward, loss, backward, clipping, the optimiser.</summary>
/// <param name="model">The model.</param>
/// <param name="optimizer">Its optimiser.</param>
/// <param name="sum">Where the gradients of a batch's parts are added; null for one part.</param>
/// <param name="frozen">What stays as it is; null for nothing.</param>
/// <param name="alignment">How the model's projected tokens are aligned with a teacher's; null for not.</param>
internal sealed class TextTrainingStep(TextToImageModel model, IOptimizer optimizer, GradientSum? sum = null, FrozenParameters? frozen = null, TokenAlignment? alignment = null)
{
    /// <summary>The rows of a step's noise levels: α, σ and the model's time, each [B].</summary>
    public const int LevelRows = 3;

    /// <summary>Queues the step. On a GPU the host goes on before it is done.</summary>
    /// <param name="x">Clean images [B, C, H, W] in [−1, 1].</param>
    /// <param name="noise">ε [B, C, H, W].</param>
    /// <param name="levels">[3, B]: α, σ and the time ⌊1000·σ⌋ of each image, as <see cref="Diffusion.TextTimeTable"/> has them.</param>
    /// <param name="text">States [B, n, width], of dropped captions already those of the empty text.</param>
    /// <param name="figures">Receives the loss, mean (v_θ − v)², the norm of all gradients before clipping, and the loss of the alignment, and if there is room the loss of each image.</param>
    /// <param name="learningRate">The step size, where a schedule moves it.</param>
    /// <param name="teacher">A teacher's tokens [B, L, width], with an alignment.</param>
    public void Queue(Tensor x, Tensor noise, Tensor levels, Tensor text, Readback figures, double? learningRate = null, Tensor? teacher = null)
    {
        int images = x.Shape[0];
        Tensor Row(int row) => levels.Slice((long)row * images, [images]);
        for (int part = 0; part < GradientSum.PartsOf(sum); part++)
        {
            Tensor clean = sum.Part(x, part), states = sum.Part(text, part), times = sum.Part(Row(2), part);
            using var xt = model.Device.Allocate(clean.Shape);
            using var target = model.Device.Allocate(clean.Shape);
            FlowPath.Forward(clean, sum.Part(noise, part), sum.Part(Row(0), part), sum.Part(Row(1), part), xt, target);
            TrainingStep.Backward(model, sum, part, figures, tape =>
            {
                var loss = TrainingStep.Loss(tape, model.Forward(tape, tape.Input(xt), times, tape.Input(states), out var projected), target, sum, part, figures);
                return new(loss, teacher is null ? null : alignment?.Loss(tape, projected!, sum.Part(teacher, part)), alignment?.Weight);
            });
        }
        TrainingStep.Finish(model, optimizer, sum, frozen, figures, learningRate);
    }
}

using System.IO.Enumeration;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Oracle;

/// <summary>
/// The tensors of one forward, and of one backward, under the names that conformance cases use: the inputs <c>in.x</c>, <c>in.t</c>, <c>in.y</c>, <c>target.v</c>, then
/// <c>out</c>, <c>act.STAGE</c>, <c>loss</c>, <c>grad.in.x</c>, of a text model <c>grad.in.y</c>, <c>grad.act.STAGE</c>, <c>grad.param.NAME</c>, <c>grad_norm</c>. What another
/// implementation of the model compares itself with; a trace can itself be the inputs of one.
/// </summary>
public static class Trace
{
    /// <summary>Traces the model as it computes, in float32.</summary>
    /// <param name="model">The model, of either kind.</param>
    /// <param name="inputs">What to compute.</param>
    /// <param name="stages">
    /// Which stages to keep, with * and ?; null keeps the model's stages but no finer step. A finer step inside a block, such as patch_blocks.0.norm1, is kept when it
    /// matches; the block then runs its steps one by one.
    /// </param>
    /// <param name="backward">Whether to trace gradients too.</param>
    /// <param name="cancel">Stops at the next stage.</param>
    /// <exception cref="ConfigurationException">Gradients are wanted and the inputs have no target, the inputs are of the other kind of model, or no stage or step matches.</exception>
    /// <exception cref="OperationCanceledException">The trace was cancelled.</exception>
    public static IReadOnlyList<TensorData> Run(PixelTransformer model, TraceInputs inputs, string? stages = null, bool backward = false, CancellationToken cancel = default)
    {
        if (backward && inputs.Target is null) throw new ConfigurationException("gradients need target.v among the inputs");
        var device = model.Device;
        List<TensorData> kept = [.. inputs.Tensors()];
        using var given = new Given(model, inputs);
        using var tape = new Tape(device, recording: backward)
        {
            Observer = (stage, value) =>
            {
                cancel.ThrowIfCancellationRequested();
                if (Wanted(stages, stage)) kept.Add(Keep($"act.{stage}", value.Value));
            },
            Traces = stages is null ? null : step => Wanted(stages, step)
        };
        if (backward)
        {
            model.Parameters.RequireGradients();
            model.Parameters.ClearGradients();
            tape.GradientObserver = (stage, gradient) =>
            {
                cancel.ThrowIfCancellationRequested();
                if (Wanted(stages, stage)) kept.Add(Keep($"grad.act.{stage}", gradient));
            };
        }
        var (input, states, output) = given.Forward(tape, backward);
        RequireAny(kept, stages, "stage or finer step");
        kept.Add(Keep("out", output.Value));
        if (!backward) return kept;

        using var target = device.Upload(inputs.Target!, inputs.Shape);
        var loss = tape.MeanSquaredError(output, target);
        kept.Add(Keep("loss", loss.Value, scalar: true));
        tape.Backward(loss);
        kept.Add(Keep("grad.in.x", input.Gradient!));
        if (states is not null) kept.Add(Keep("grad.in.y", states.Gradient!));
        foreach (var parameter in model.Parameters.All) kept.Add(Keep($"grad.param.{parameter.Name}", parameter.Gradient!));
        using var norm = device.Allocate([1]);
        GradientNorm.Forward(model.Parameters.Gradients!, norm);
        kept.Add(Keep("grad_norm", norm, scalar: true));
        return kept;
    }

    /// <summary>The same forward, whose stages and finer steps are shown one by one as they are computed, last the velocity as <c>out</c>; none is kept.</summary>
    /// <param name="model">The model, of either kind.</param>
    /// <param name="inputs">What to compute.</param>
    /// <param name="steps">Which finer steps to show beside the model's stages; blocks that have one run their steps one by one.</param>
    /// <param name="see">Shown each name and its tensor, which is valid during the call.</param>
    /// <param name="cancel">Stops at the next stage.</param>
    /// <exception cref="ConfigurationException">The inputs are of the other kind of model.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void Watch(PixelTransformer model, TraceInputs inputs, Func<string, bool> steps, Action<string, Tensor> see, CancellationToken cancel = default)
    {
        using var given = new Given(model, inputs);
        using var tape = new Tape(model.Device, recording: false)
        {
            Observer = (stage, value) =>
            {
                cancel.ThrowIfCancellationRequested();
                see(stage, value.Value);
            },
            Traces = steps
        };
        see("out", given.Forward(tape, backward: false).Output.Value);
    }

    /// <summary>Traces the model's stages in double precision by plain loops (<see cref="ExactModel"/>, <see cref="ExactTextModel"/>); forward only, without finer steps.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="parameter">A parameter by its released name.</param>
    /// <param name="inputs">What to compute.</param>
    /// <param name="stages">Which stages to keep, with * and ?; null keeps all.</param>
    /// <exception cref="ConfigurationException">No stage matches, or the inputs are of the other kind of model.</exception>
    public static IReadOnlyList<TensorData> RunExact(ModelConfig config, Func<string, double[]> parameter, TraceInputs inputs, string? stages)
    {
        inputs.RequireFit(config);
        List<TensorData> kept = [.. inputs.Tensors()];
        int batch = inputs.Shape[0], height = inputs.Shape[2], width = inputs.Shape[3], tokens = height / config.Patch * (width / config.Patch);
        double[] x = Widened(inputs.X), t = Widened(inputs.T);
        double[] output = inputs.Text is { } text
            ? new ExactTextModel(config, parameter).Forward(x, t, Widened(text), height, width, Observe)
            : new ExactModel(config, parameter).Forward(x, t, inputs.Labels, height, width, Observe);
        RequireAny(kept, stages, "stage (exact arithmetic gives no finer steps)");
        kept.Add(new TensorData("out", [.. inputs.Shape.Select(size => (long)size)], output));
        return kept;

        void Observe(string stage, double[] value)
        {
            if (Wanted(stages, stage)) kept.Add(new TensorData($"act.{stage}", ShapeOf(stage), value));
        }

        long[] ShapeOf(string stage) => stage switch
        {
            _ when config.IsText && (stage == "y_embedder" || stage.EndsWith(".y", StringComparison.Ordinal)) => [batch, Math.Min(inputs.TextShape[1], config.TextTokens), config.Hidden],
            "t_embedder" or "y_embedder" => [batch, config.Hidden],
            "final_layer" => [batch * tokens, config.PatchPixels, config.Channels],
            _ when stage.StartsWith("pixel", StringComparison.Ordinal) => [batch * tokens, config.PatchPixels, config.PixelHidden],
            _ => [batch, tokens, config.Hidden]
        };
    }

    private static void RequireAny(List<TensorData> kept, string? stages, string what)
    {
        if (stages is not null && !Wanted(stages, "out") && !kept.Any(tensor => tensor.Spec.Name.StartsWith("act.", StringComparison.Ordinal)))
            throw new ConfigurationException($"--stages is {Quote.Text(stages)}, which matches no {what} of this model");
    }

    private static double[] Widened(float[] values) => Array.ConvertAll(values, value => (double)value);

    private static bool Wanted(string? stages, string stage) => stages is null || FileSystemName.MatchesSimpleExpression(stages, stage, ignoreCase: false);

    private static TensorData Keep(string name, Tensor tensor, bool scalar = false) => new(name, scalar ? [] : [.. tensor.Shape.Select(size => (long)size)], tensor.ToArray());

    /// <summary>Inputs on a model's device.</summary>
    private sealed class Given : IDisposable
    {
        private readonly PixelTransformer _model;
        private readonly Tensor _x, _t, _y;

        public Given(PixelTransformer model, TraceInputs inputs)
        {
            inputs.RequireFit(model.Config);
            var device = model.Device;
            (_model, _x, _t) = (model, device.Upload(inputs.X, inputs.Shape), device.Upload(inputs.T, [inputs.Shape[0]]));
            _y = inputs.Text is { } text ? device.Upload(text, inputs.TextShape) : device.Upload(inputs.Labels, [inputs.Shape[0]]);
        }

        /// <summary>The images and, of a text model, the states of texts as the tape has them, and the velocity.</summary>
        public (Variable X, Variable? States, Variable Output) Forward(Tape tape, bool backward)
        {
            var input = tape.Input(_x, requiresGradient: backward);
            var states = _model.Config.IsText ? tape.Input(_y, requiresGradient: backward) : null;
            return (input, states, _model is TextToImageModel texts ? texts.Forward(tape, input, _t, states!) : ((PixelDiTModel)_model).Forward(tape, input, _t, _y));
        }

        public void Dispose()
        {
            _x.Dispose();
            _t.Dispose();
            _y.Dispose();
        }
    }
}

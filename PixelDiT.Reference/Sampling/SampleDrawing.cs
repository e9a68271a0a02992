using PixelDiT.Kernels;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>A model and a plan: draws any images of the plan.</summary>
public sealed class SampleDrawing
{
    private readonly Drawing _draw;

    /// <summary>Draws images of one size together [B, C, H, W].</summary>
    private delegate float[] Drawing(long[] images, ulong[] seeds, ImageSize size, Action<int, Tensor> observe, CancellationToken cancel);

    /// <summary>Images of classes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="plan">Which images.</param>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    public SampleDrawing(PixelDiTModel model, ClassPlan plan)
    {
        var sampler = new ClassSampler(model, plan.Sampling);
        (Model, Plan) = (model, plan);
        _draw = (images, seeds, size, observe, cancel) => sampler.Sample([.. images.Select(plan.LabelOf)], seeds, size.Height, size.Width, observe, cancel);
    }

    /// <summary>Images of prompts.</summary>
    /// <param name="model">The model.</param>
    /// <param name="plan">Which images.</param>
    /// <param name="states">The states of the plan's texts.</param>
    /// <param name="batchedGuidance">Whether both sides of guidance are one pass (<see cref="TextSampler.BatchedGuidance"/>); the images do not depend on it.</param>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    public SampleDrawing(TextToImageModel model, TextPlan plan, TextStates states, bool batchedGuidance = false)
    {
        var sampler = new TextSampler(model, plan.Sampling) { RoundTime = plan.RoundTime, BatchedGuidance = batchedGuidance };
        (Model, Plan, States) = (model, plan, states);
        _draw = (images, seeds, size, observe, cancel) =>
        {
            PlannedPrompt[] prompts = [.. images.Select(plan.PromptOf)];
            return sampler.SampleEach([.. prompts.Select(states.Of)], plan.IsGuided ? [.. prompts.Select(states.AwayFrom)] : null, seeds, size.Height, size.Width, observe, cancel);
        };
    }

    /// <summary>The model.</summary>
    public PixelTransformer Model { get; }

    /// <summary>The plan.</summary>
    public SamplePlan Plan { get; }

    /// <summary>The states of its texts, of a text model.</summary>
    public TextStates? States { get; }

    /// <summary>What pictures of it carry beside their pixels.</summary>
    public PictureRecord Record => new(Plan, Model.Device, States);

    /// <summary>What is known to be wrong with the weights, said where images are not finite; null for nothing.</summary>
    public string? WeightsProblem { get; set; }

    /// <summary>Draws images of one size.</summary>
    /// <param name="images">Their numbers in the plan, as <see cref="SamplePlan.Batches"/> gives them.</param>
    /// <param name="observe">Told of every state, step 0 included.</param>
    /// <param name="cancel">Ends the work after a step.</param>
    /// <exception cref="NotFiniteException">Images hold values that are infinite or no number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<Picture> Draw(long[] images, Action<int, Tensor> observe, CancellationToken cancel)
    {
        var size = Plan.SizeOf(images[0]);
        float[] values = DrawValues(images, observe, cancel);
        RequireFinite(images, values);
        return Picture.FromBatch(values, Model.Config.Channels, size.Height, size.Width);
    }

    /// <summary>The same as the model gives them, finite or not: [B, C, H, W].</summary>
    /// <inheritdoc cref="Draw"/>
    internal float[] DrawValues(long[] images, Action<int, Tensor> observe, CancellationToken cancel) => _draw(images, [.. images.Select(Plan.SeedOf)], Plan.SizeOf(images[0]), observe, cancel);

    private void RequireFinite(long[] batch, ReadOnlySpan<float> images)
    {
        const int shown = 4;
        int size = images.Length / batch.Length;
        var wrong = new List<long>();
        for (int k = 0; k < batch.Length; k++)
        {
            if (ValueTally.CountNotFinite(images.Slice(k * size, size)) > 0) wrong.Add(batch[k]);
        }
        if (wrong.Count == 0) return;
        string list = string.Join(", ", wrong.Take(shown).Select(k => $"image {k} ({Plan.SubjectOf(k)}, seed {Plan.SeedOf(k)})")), more = wrong.Count > shown ? $" and {wrong.Count - shown} more" : "";
        throw new NotFiniteException($"{list}{more}: the values are not finite, so nothing is written of them; {WeightsProblem ?? "the weights are finite, so a smaller --guidance or another --precision may help"}");
    }
}

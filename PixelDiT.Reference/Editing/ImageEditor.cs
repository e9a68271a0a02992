using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Editing;

/// <summary>Edits images with a model (<see cref="FlowEdit"/>). An image does not depend on those beside it: each has a seed, from which PyTorch's CPU generator draws all of its noise.</summary>
public static class ImageEditor
{
    /// <summary>Edits images by texts.</summary>
    /// <param name="model">The model; its weights are used as they are.</param>
    /// <param name="config">The settings.</param>
    /// <param name="images">[B, C, H, W] in [−1, 1].</param>
    /// <param name="size">H and W, multiples of the patch.</param>
    /// <param name="sources">For each image the states [n, width] of what it shows, all of one length.</param>
    /// <param name="targets">For each image the states [n, width] of what it shall show.</param>
    /// <param name="negatives">For each image the states that guidance leads away from; null only where both guidances are 1.</param>
    /// <param name="seeds">A seed for each image.</param>
    /// <param name="observe">Called after every step.</param>
    /// <param name="cancel">Stops the run.</param>
    /// <returns>[B, C, H, W].</returns>
    /// <exception cref="ShapeException">The sizes do not fit the model or each other.</exception>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static float[] ByTexts(
        TextToImageModel model, FlowEditConfig config, float[] images, ImageSize size, IReadOnlyList<float[]> sources, IReadOnlyList<float[]> targets, IReadOnlyList<float[]>? negatives, ReadOnlySpan<ulong> seeds,
        Action<EditStep>? observe = null, CancellationToken cancel = default)
    {
        if (sources.Count != seeds.Length || targets.Count != seeds.Length || (negatives is not null && negatives.Count != seeds.Length))
            throw new ShapeException($"{seeds.Length} images with {sources.Count} texts of what they show and {targets.Count} of what they shall show were given; each needs one of both");
        if (negatives is null && (config.Guidance != 1 || config.SourceGuidance != 1)) throw new ShapeException("there is guidance, and there are no states of a negative or an empty text to lead away from");
        using var source = TextSampler.Upload(model, sources);
        using var target = TextSampler.Upload(model, targets);
        using var away = negatives is null ? null : TextSampler.Upload(model, negatives);
        using var times = model.Device.Allocate([seeds.Length]);
        return Run(model, FlowEdit.OfNoiseLevels(model.Device, config), images, size, seeds, (state, sigma, side, v) =>
        {
            Fill.Forward(TextSampler.TimeScale * sigma, times);
            TextSampler.Pass(model, state, times, side switch { EditSide.Source => source, EditSide.Target => target, _ => away! }, v, cancel);
        }, observe, cancel);
    }

    /// <summary>Edits images by classes.</summary>
    /// <param name="model">The model; its weights are used as they are.</param>
    /// <param name="config">The settings.</param>
    /// <param name="images">[B, C, H, W] in [−1, 1].</param>
    /// <param name="size">H and W, multiples of the patch.</param>
    /// <param name="sources">The class of each image; the null class says nothing.</param>
    /// <param name="targets">The class that each shall have.</param>
    /// <param name="seeds">A seed for each image.</param>
    /// <param name="observe">Called after every step.</param>
    /// <param name="cancel">Stops the run.</param>
    /// <inheritdoc cref="ByTexts"/>
    public static float[] ByClasses(
        PixelDiTModel model, FlowEditConfig config, float[] images, ImageSize size, ReadOnlySpan<int> sources, ReadOnlySpan<int> targets, ReadOnlySpan<ulong> seeds, Action<EditStep>? observe = null, CancellationToken cancel = default)
    {
        if (sources.Length != seeds.Length || targets.Length != seeds.Length) throw new ShapeException($"{seeds.Length} images with {sources.Length} and {targets.Length} classes were given; each needs two");
        ClassSampler.RequireClasses(model, [.. sources, .. targets]);
        int[] none = new int[seeds.Length];
        Array.Fill(none, model.Config.NullClass);
        using var source = model.Device.Upload(sources, [seeds.Length]);
        using var target = model.Device.Upload(targets, [seeds.Length]);
        using var away = model.Device.Upload(none, [seeds.Length]);
        using var times = model.Device.Allocate([seeds.Length]);
        return Run(model, FlowEdit.OfTimes(model.Device, config), images, size, seeds, (state, t, side, v) =>
        {
            Fill.Forward(t, times);
            ClassSampler.Pass(model, state, times, side switch { EditSide.Source => source, EditSide.Target => target, _ => away }, v, cancel);
        }, observe, cancel);
    }

    private static float[] Run(PixelTransformer model, FlowEdit edit, float[] images, ImageSize size, ReadOnlySpan<ulong> seeds, EditField field, Action<EditStep>? observe, CancellationToken cancel)
    {
        model.RequireDivides(size.Height, size.Width);
        int length = model.Config.Channels * size.Height * size.Width, count = seeds.Length;
        if (images.Length != (long)count * length) throw new ShapeException($"{count} images of {size} with {model.Config.Channels} channels have {(long)count * length} values; {images.Length} were given");
        TorchRandom[] random = [.. seeds.ToArray().Select(seed => new TorchRandom(seed))];
        var draw = new float[images.Length];
        Shape shape = [count, model.Config.Channels, size.Height, size.Width];
        using var source = model.Device.Upload(images, shape);
        using var edited = model.Device.Allocate(shape);
        edit.Run(source, edited, field, noise =>
        {
            for (int k = 0; k < count; k++) random[k].Normal(length).CopyTo(draw.AsSpan(k * length));
            noise.Upload(draw);
        }, observe, cancel);
        return edited.ToArray();
    }
}

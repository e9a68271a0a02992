using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Diffusion;

/// <summary>Samples images of given classes from a model (SPEC §5).</summary>
/// <param name="model">The model; its weights are used as they are.</param>
/// <param name="config">The sampler's settings.</param>
public sealed class ClassSampler(PixelDiTModel model, SamplingConfig config)
{
    private readonly SamplingConfig _config = config.Validate();

    /// <summary>Turns noise into images, in place.</summary>
    /// <param name="x">[B, C, H, W]: noise on entry, images in about [−1, 1] on return.</param>
    /// <param name="labels">[B], 0 to classes − 1, or the null class for "no class".</param>
    /// <param name="observe">Called after every step.</param>
    /// <param name="cancel">Looked at before every pass of the model.</param>
    /// <exception cref="ShapeException">The shapes do not fit the model.</exception>
    /// <exception cref="ConfigurationException">A label is not a class of the model.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public void Run(Tensor x, ReadOnlySpan<int> labels, Action<SamplerStep>? observe = null, CancellationToken cancel = default)
    {
        var device = model.Device;
        RequireClasses(model, labels);
        int[] none = new int[labels.Length];
        Array.Fill(none, model.Config.NullClass);
        using var classes = device.Upload(labels, [labels.Length]);
        using var nulls = device.Upload(none, [labels.Length]);
        using var times = device.Allocate([labels.Length]);
        new FlowSampler(device, _config).Run(x, Velocity, observe, cancel);

        void Velocity(Tensor state, float t, bool conditional, Tensor v)
        {
            Fill.Forward(t, times);
            Pass(model, state, times, conditional ? classes : nulls, v, cancel);
        }
    }

    /// <summary>Checks that labels are classes of a model, or the null class.</summary>
    /// <exception cref="ConfigurationException">One is not.</exception>
    internal static void RequireClasses(PixelDiTModel model, ReadOnlySpan<int> labels)
    {
        foreach (int label in labels)
        {
            if (label < 0 || label > model.Config.NullClass) throw new ConfigurationException($"class {label} is unknown; this model has classes 0 to {model.Config.Classes - 1}");
        }
    }

    /// <summary>v = the model's velocity.</summary>
    internal static void Pass(PixelDiTModel model, Tensor state, Tensor times, Tensor labels, Tensor v, CancellationToken cancel)
    {
        using var tape = new Tape(model.Device, recording: false) { Cancel = cancel };
        var output = model.Forward(tape, tape.Input(state), times, labels);
        Combine.Copy(output.Value, v);
    }

    /// <summary>Images of the given classes from the given seeds, together. An image does not depend on those beside it.</summary>
    /// <param name="labels">A class for each image.</param>
    /// <param name="seeds">A seed for each image: it starts from PyTorch's CPU noise <c>randn(C, H, W)</c> of that seed (SPEC §5).</param>
    /// <param name="height">H, a multiple of the patch.</param>
    /// <param name="width">W, a multiple of the patch.</param>
    /// <param name="observe">Called with the number of steps done and the state [count, C, H, W]: before the first step with the noise, then after each step.</param>
    /// <param name="cancel">Stops the run.</param>
    /// <returns>[count, C, H, W].</returns>
    /// <inheritdoc cref="Run"/>
    public float[] Sample(
        ReadOnlySpan<int> labels, ReadOnlySpan<ulong> seeds, int height, int width, Action<int, Tensor>? observe = null, CancellationToken cancel = default)
    {
        model.RequireDivides(height, width);
        if (labels.Length != seeds.Length) throw new ShapeException($"{labels.Length} labels and {seeds.Length} seeds were given; each image needs one of both");
        int size = model.Config.Channels * height * width;
        var values = new float[checked(labels.Length * size)];
        for (int k = 0; k < seeds.Length; k++) new TorchRandom(seeds[k]).Normal(size).CopyTo(values.AsSpan(k * size));
        using var x = model.Device.Upload(values, [labels.Length, model.Config.Channels, height, width]);
        observe?.Invoke(0, x);
        Run(x, labels, step => observe?.Invoke(step.Index + 1, step.State), cancel);
        x.Download(values);
        return values;
    }

    /// <summary>Images of the given classes, a batch at a time and all kept; image k has seed + k.</summary>
    /// <param name="labels">A class for each image.</param>
    /// <param name="height">H, a multiple of the patch.</param>
    /// <param name="width">W, a multiple of the patch.</param>
    /// <param name="seed">The first image's seed.</param>
    /// <param name="batch">Images at a time.</param>
    /// <param name="observe">As above, with the first image's index of the batch before it.</param>
    /// <param name="cancel">Stops the run.</param>
    /// <returns>[count, C, H, W].</returns>
    /// <inheritdoc cref="Run"/>
    public float[] Sample(
        IReadOnlyList<int> labels, int height, int width, ulong seed, int batch, Action<int, int, Tensor>? observe = null, CancellationToken cancel = default)
    {
        int size = model.Config.Channels * height * width;
        var images = new float[checked((long)labels.Count * size)];
        for (int first = 0; first < labels.Count; first += batch)
        {
            int at = first;
            int[] some = [.. labels.Skip(first).Take(batch)];
            ulong[] seeds = [.. some.Select((_, k) => unchecked(seed + (ulong)(at + k)))];
            Sample(some, seeds, height, width, (step, state) => observe?.Invoke(at, step, state), cancel).CopyTo(images.AsSpan(first * size));
        }
        return images;
    }
}

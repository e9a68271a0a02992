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
    private readonly SamplingConfig config = config.Validate();

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
        foreach (int label in labels)
        {
            if (label < 0 || label > model.Config.NullClass) throw new ConfigurationException($"class {label} is unknown; this model has classes 0 to {model.Config.Classes - 1}");
        }
        int[] none = new int[labels.Length];
        Array.Fill(none, model.Config.NullClass);
        using var classes = device.Upload(labels, [labels.Length]);
        using var nulls = device.Upload(none, [labels.Length]);
        using var times = device.Allocate([labels.Length]);
        new FlowSampler(device, config).Run(x, Velocity, observe, cancel);

        void Velocity(Tensor state, float t, bool conditional, Tensor v)
        {
            float[] same = new float[times.Count];
            Array.Fill(same, t);
            times.Upload(same);
            using var tape = new Tape(device, recording: false) { Cancel = cancel };
            var output = model.Forward(tape, tape.Input(state), times, conditional ? classes : nulls);
            Combine.Forward(1, output.Value, 0, output.Value, v);
        }
    }

    /// <summary>Images of the given classes, a batch at a time; image k starts from PyTorch's CPU noise of seed + k (SPEC §5).</summary>
    /// <param name="labels">A class for each image.</param>
    /// <param name="height">H, a multiple of the patch.</param>
    /// <param name="width">W, a multiple of the patch.</param>
    /// <param name="seed">The first image's seed.</param>
    /// <param name="batch">Images at a time.</param>
    /// <param name="observe">Called with the first image's index of the batch and the state after each step, and before the first step with the noise.</param>
    /// <param name="cancel">Stops the run.</param>
    /// <returns>[count, C, H, W].</returns>
    /// <inheritdoc cref="Run"/>
    public float[] Sample(
        IReadOnlyList<int> labels, int height, int width, ulong seed, int batch, Action<int, int, Tensor>? observe = null, CancellationToken cancel = default)
    {
        model.RequireDivides(height, width);
        int size = model.Config.Channels * height * width;
        var images = new float[checked((long)labels.Count * size)];
        for (int first = 0; first < labels.Count; first += batch)
        {
            int count = Math.Min(batch, labels.Count - first), at = first;
            var noise = new float[(long)count * size];
            for (int k = 0; k < count; k++) new TorchRandom(unchecked(seed + (ulong)(first + k))).Normal(size).CopyTo(noise.AsSpan(k * size));
            using var x = model.Device.Upload(noise, [count, model.Config.Channels, height, width]);
            observe?.Invoke(at, 0, x);
            Run(x, [.. labels.Skip(first).Take(count)], step => observe?.Invoke(at, step.Index + 1, step.State), cancel);
            x.Download(images.AsSpan(first * size, count * size));
        }
        return images;
    }
}

using PixelDiT.Kernels;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Diffusion;

/// <summary>Samples images of texts from a text-to-image model (SPEC §6).</summary>
/// <param name="model">The model; its weights are used as they are.</param>
/// <param name="config">The sampler's settings; the sampler must be one of text models.</param>
public sealed class TextSampler(TextToImageModel model, SamplingConfig config)
{
    /// <summary>A model's time is so many times σ.</summary>
    internal const float TimeScale = 1000;

    private readonly SamplingConfig _config = config.Validate();

    /// <summary>
    /// Whether both sides of guidance are one pass of twice the images, as the authors do, or two. The pictures are the same; one pass takes more memory, and may be faster where images are few and small.
    /// </summary>
    public bool BatchedGuidance { get; init; }

    /// <summary>Whether the model's time 1000·σ is rounded to bfloat16, as the authors' inference does: by up to 2 above 512. Decides equality with pictures of such programs.</summary>
    public bool RoundTime { get; init; }

    /// <summary>Turns noise into images, in place.</summary>
    /// <param name="x">[B, C, H, W]: noise on entry, images in about [−1, 1] on return.</param>
    /// <param name="text">[B, n, width], the states of each image's text.</param>
    /// <param name="negative">[B, m, width], what guidance leads away from: the states of a negative prompt or of nothing. May be null where guidance is 1.</param>
    /// <param name="observe">Called after every step.</param>
    /// <param name="cancel">Looked at before every pass of the model.</param>
    /// <exception cref="ShapeException">The shapes do not fit the model, or there is guidance and no <paramref name="negative"/>.</exception>
    /// <exception cref="ConfigurationException">A setting is out of range, or the sampler is one of class models.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public void Run(Tensor x, Tensor text, Tensor? negative, Action<SamplerStep>? observe = null, CancellationToken cancel = default)
    {
        if (negative is null && _config.Guidance != 1) throw new ShapeException($"guidance is {_config.Guidance}, and there are no states of a negative or an empty text to lead away from");
        var device = model.Device;
        using var times = device.Allocate([x.Shape[0]]);
        using var both = BatchedGuidance && negative is not null && negative.Shape[1] == text.Shape[1] ? new PairPass(model, x.Shape, negative, text) : null;
        FlowSampler.OfNoiseLevels(device, _config, both is null ? null : (state, sigma, v, u) => both.Evaluate(state, TimeOf(sigma), v, u, cancel)).Run(x, Velocity, observe, cancel);

        void Velocity(Tensor state, float sigma, bool conditional, Tensor v)
        {
            Fill.Forward(TimeOf(sigma), times);
            Pass(model, state, times, conditional ? text : negative!, v, cancel);
        }
    }

    /// <summary>Images of texts from seeds, together. An image does not depend on those beside it.</summary>
    /// <param name="texts">For each image the states [n, width] of its text, as <see cref="Text.ITextEncoder"/> gives them; all of one length.</param>
    /// <param name="negative">The states [m, width] that guidance leads away from; null only where guidance is 1.</param>
    /// <param name="seeds">A seed for each image: it starts from PyTorch's CPU noise <c>randn(C, H, W)</c> of that seed (SPEC §5).</param>
    /// <param name="height">H, a multiple of the patch.</param>
    /// <param name="width">W, a multiple of the patch.</param>
    /// <param name="observe">Called with the number of steps done and the state [count, C, H, W]: before the first step with the noise, then after each step.</param>
    /// <param name="cancel">Stops the run.</param>
    /// <returns>[count, C, H, W].</returns>
    /// <inheritdoc cref="Run"/>
    public float[] Sample(
        IReadOnlyList<float[]> texts, float[]? negative, ReadOnlySpan<ulong> seeds, int height, int width, Action<int, Tensor>? observe = null, CancellationToken cancel = default)
        => SampleEach(texts, negative is null ? null : [.. Enumerable.Repeat(negative, texts.Count)], seeds, height, width, observe, cancel);

    /// <summary>The same with negative states of its own for each image.</summary>
    /// <param name="texts">For each image the states [n, width] of its text, all of one length.</param>
    /// <param name="negatives">For each image the states [m, width] that guidance leads away from, all of one length; null only where guidance is 1.</param>
    /// <param name="seeds">A seed for each image.</param>
    /// <param name="height">H, a multiple of the patch.</param>
    /// <param name="width">W, a multiple of the patch.</param>
    /// <param name="observe">As above.</param>
    /// <param name="cancel">Stops the run.</param>
    /// <inheritdoc cref="Sample"/>
    public float[] SampleEach(
        IReadOnlyList<float[]> texts, IReadOnlyList<float[]>? negatives, ReadOnlySpan<ulong> seeds, int height, int width, Action<int, Tensor>? observe = null, CancellationToken cancel = default)
    {
        var device = model.Device;
        model.RequireDivides(height, width);
        if (texts.Count != seeds.Length || texts.Count == 0) throw new ShapeException($"{texts.Count} texts and {seeds.Length} seeds were given; each image needs one of both");
        if (negatives is not null && negatives.Count != texts.Count) throw new ShapeException($"{texts.Count} texts and {negatives.Count} negative ones were given; each image needs one of both");
        using var text = Upload(model, texts);
        using var away = negatives is null ? null : Upload(model, negatives);
        int size = model.Config.Channels * height * width;
        var values = new float[checked(texts.Count * size)];
        for (int k = 0; k < seeds.Length; k++) new TorchRandom(seeds[k]).Normal(size).CopyTo(values.AsSpan(k * size));
        using var x = device.Upload(values, [texts.Count, model.Config.Channels, height, width]);
        observe?.Invoke(0, x);
        Run(x, text, away, step => observe?.Invoke(step.Index + 1, step.State), cancel);
        x.Download(values);
        return values;
    }

    /// <summary>States [B, n, width] of a batch of texts of one length.</summary>
    /// <exception cref="ShapeException">They are of several lengths, or of another width than the model takes.</exception>
    internal static Tensor Upload(TextToImageModel model, IReadOnlyList<float[]> texts)
    {
        int length = texts[0].Length, states = model.Config.TextWidth;
        if (length == 0 || length % states != 0) throw new ShapeException($"a text has {length} numbers; a multiple of {states}, the model's text width, was expected");
        var all = new float[checked(texts.Count * length)];
        foreach (var (k, text) in texts.Index())
        {
            if (text.Length != length) throw new ShapeException($"text {k} has {text.Length} numbers, and the first one {length}; texts of one batch have one length");
            text.CopyTo(all.AsSpan(k * length));
        }
        return model.Device.Upload(all, [texts.Count, length / states, states]);
    }

    private float TimeOf(float sigma) => TimeOf(sigma, RoundTime);

    /// <summary>The model's time of a noise level, 1000·σ, rounded to bfloat16 or not.</summary>
    internal static float TimeOf(float sigma, bool round) => round ? BFloat16.ToSingle(BFloat16.FromSingle(TimeScale * sigma)) : TimeScale * sigma;

    /// <summary>v = the model's velocity.</summary>
    internal static void Pass(TextToImageModel model, Tensor state, Tensor times, Tensor text, Tensor v, CancellationToken cancel)
    {
        using var tape = new Tape(model.Device, recording: false) { Cancel = cancel };
        var output = model.Forward(tape, tape.Input(state), times, tape.Input(text));
        Combine.Copy(output.Value, v);
    }

    /// <summary>Both sides of guidance as one batch [2B, …], the unconditional one first.</summary>
    private sealed class PairPass : IDisposable
    {
        private readonly TextToImageModel _model;
        private readonly Tensor _state, _text, _times, _velocity;

        public PairPass(TextToImageModel model, Shape x, Tensor negative, Tensor text)
        {
            var device = model.Device;
            Shape doubled = [2 * x[0], x[1], x[2], x[3]];
            (_model, _state, _velocity) = (model, device.Allocate(doubled), device.Allocate(doubled));
            (_text, _times) = (device.Allocate([2 * x[0], text.Shape[1], text.Shape[2]]), device.Allocate([2 * x[0]]));
            Combine.Copy(negative, First(_text));
            Combine.Copy(text, Second(_text));
        }

        public void Evaluate(Tensor state, float time, Tensor v, Tensor u, CancellationToken cancel)
        {
            Fill.Forward(time, _times);
            Combine.Copy(state, First(_state));
            Combine.Copy(state, Second(_state));
            Pass(_model, _state, _times, _text, _velocity, cancel);
            Combine.Copy(First(_velocity), u);
            Combine.Copy(Second(_velocity), v);
        }

        public void Dispose()
        {
            _state.Dispose();
            _text.Dispose();
            _times.Dispose();
            _velocity.Dispose();
        }

        private static Tensor First(Tensor both) => both.Slice(0, Half(both));

        private static Tensor Second(Tensor both) => both.Slice(both.Count / 2, Half(both));

        private static Shape Half(Tensor both) => Shape.Create([both.Shape[0] / 2, .. both.Shape.Skip(1)]);
    }
}

using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Explaining;

/// <summary>
/// The way of one picture, by the very sampler that <c>sample</c> uses, or that of a picture which is there already, noised to each of the sampler's times. Frames are kept at chosen steps only.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="condition">What is drawn.</param>
/// <param name="sampling">The sampler's settings, which fit the kind of model.</param>
/// <param name="roundTime">Whether a text model's time is rounded to bfloat16.</param>
public sealed class SamplingPath(PixelTransformer model, ExplainedCondition condition, SamplingConfig sampling, bool roundTime)
{
    private readonly bool _isText = model.Config.IsText;

    /// <summary>The sampler's times [n + 1].</summary>
    public IReadOnlyList<float> Times { get; } = model.Config.IsText ? TimeGrid.NoiseLevels(sampling.Steps, sampling.TimeShift) : TimeGrid.Create(sampling.Steps, sampling.TimeShift);

    /// <summary>The time that the model is told: t, or 1000·σ.</summary>
    /// <param name="time">One of <see cref="Times"/>.</param>
    public float ModelTimeOf(float time) => _isText ? TextSampler.TimeOf(time, roundTime) : time;

    /// <summary>The share of the noise in a state.</summary>
    /// <param name="time">One of <see cref="Times"/>.</param>
    public float NoiseOf(float time) => _isText ? time : 1 - time;

    /// <summary>u + g·(c − u) at a time where guidance applies, elsewhere c.</summary>
    /// <param name="time">One of <see cref="Times"/>.</param>
    /// <param name="conditional">c.</param>
    /// <param name="unconditional">u.</param>
    public float[] Guide(float time, float[] conditional, float[] unconditional)
    {
        if (!sampling.Guides(time)) return conditional;
        float guidance = (float)sampling.Guidance;
        return [.. conditional.Zip(unconditional, (c, u) => u + (guidance * (c - u)))];
    }

    /// <summary>Samples a picture.</summary>
    /// <param name="noise">[1, C, H, W], where it begins.</param>
    /// <param name="shape">[1, C, H, W].</param>
    /// <param name="frames">The steps whose frames are kept, from 0 to n.</param>
    /// <param name="progress">Told the steps that are made.</param>
    /// <param name="cancel">Looked at before every pass of the model.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<PathFrame> Sample(float[] noise, Shape shape, IReadOnlySet<int> frames, Action<int>? progress = null, CancellationToken cancel = default)
    {
        var kept = new List<PathFrame>();
        var evaluated = new Dictionary<(float Time, bool Conditional), float[]>();
        var steps = Times.Index().ToDictionary(time => time.Item, time => time.Index);
        using var passes = new Passes(this, cancel);
        using var x = model.Device.Upload(noise, shape);
        float[]? state = frames.Contains(0) ? noise : null;
        var sampler = _isText ? FlowSampler.OfNoiseLevels(model.Device, sampling) : new FlowSampler(model.Device, sampling);
        sampler.Run(x, (at, time, conditional, v) =>
        {
            passes.Evaluate(at, time, conditional, v);
            if (frames.Contains(steps[time])) evaluated[(time, conditional)] = v.ToArray();
        }, step =>
        {
            if (state is not null) kept.Add(Frame(step.Index, state, evaluated[(step.Time, true)], evaluated.GetValueOrDefault((step.Time, false))));
            evaluated.Remove((step.Time, true));
            evaluated.Remove((step.Time, false));
            state = frames.Contains(step.Index + 1) ? step.State.ToArray() : null;
            progress?.Invoke(step.Index + 1);
        }, cancel);
        if (state is not null) kept.Add(new PathFrame(sampling.Steps, Times[^1], state));
        return kept;
    }

    /// <summary>Noises a picture to each of the chosen times, by the same noise, and evaluates the model there: no frame follows from another.</summary>
    /// <param name="picture">[1, C, H, W], −1 … 1.</param>
    /// <param name="noise">[1, C, H, W].</param>
    /// <param name="shape">[1, C, H, W].</param>
    /// <param name="frames">The steps of the sampler whose times are taken, from 0 to n.</param>
    /// <param name="progress">Told the frames that are made.</param>
    /// <param name="cancel">Looked at before every pass of the model.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<PathFrame> Noise(float[] picture, float[] noise, Shape shape, IReadOnlySet<int> frames, Action<int>? progress = null, CancellationToken cancel = default)
    {
        var kept = new List<PathFrame>();
        using var passes = new Passes(this, cancel);
        using var v = model.Device.Allocate(shape);
        foreach (int step in frames.Order())
        {
            cancel.ThrowIfCancellationRequested();
            float time = Times[step], share = NoiseOf(time);
            float[] state = [.. picture.Zip(noise, (data, random) => ((1 - share) * data) + (share * random))];
            if (step == sampling.Steps)
            {
                kept.Add(new PathFrame(step, time, state));
                continue;
            }
            using var x = model.Device.Upload(state, shape);
            passes.Evaluate(x, time, true, v);
            float[] conditional = v.ToArray();
            if (sampling.Guides(time)) passes.Evaluate(x, time, false, v);
            kept.Add(Frame(step, state, conditional, sampling.Guides(time) ? v.ToArray() : null));
            progress?.Invoke(kept.Count);
        }
        return kept;
    }

    private PathFrame Frame(int step, float[] state, float[] conditional, float[]? unconditional)
    {
        float time = Times[step], length = _isText ? -time : 1 - time;
        float[] velocity = unconditional is null ? conditional : Guide(time, conditional, unconditional);
        return new PathFrame(step, time, state) { Velocity = velocity, Estimate = [.. state.Zip(velocity, (x, v) => x + (length * v))] };
    }

    /// <summary>Passes of the model for one picture with and without its condition.</summary>
    private sealed class Passes : IDisposable
    {
        private readonly SamplingPath _path;
        private readonly PixelTransformer _model;
        private readonly Tensor _condition, _null, _times;
        private readonly CancellationToken _cancel;

        public Passes(SamplingPath path, CancellationToken cancel)
        {
            (_path, _model, _cancel) = (path, path.Model, cancel);
            var device = _model.Device;
            _times = device.Allocate([1]);
            if (path.Condition.States is { } states)
            {
                Shape shape = [1, states.Condition.Length / _model.Config.TextWidth, _model.Config.TextWidth];
                (_condition, _null) = (device.Upload(states.Condition, shape), device.Upload(states.Null, shape));
                return;
            }
            (_condition, _null) = (device.Upload([path.Condition.Labels.Condition], [1]), device.Upload([path.Condition.Labels.Null], [1]));
        }

        public void Evaluate(Tensor state, float time, bool conditional, Tensor v)
        {
            Fill.Forward(_path.ModelTimeOf(time), _times);
            var chosen = conditional ? _condition : _null;
            if (_model is TextToImageModel text) TextSampler.Pass(text, state, _times, chosen, v, _cancel);
            else ClassSampler.Pass((PixelDiTModel)_model, state, _times, chosen, v, _cancel);
        }

        public void Dispose()
        {
            _condition.Dispose();
            _null.Dispose();
            _times.Dispose();
        }
    }

    private PixelTransformer Model => model;

    private ExplainedCondition Condition => condition;
}

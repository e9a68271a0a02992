using PixelDiT.Kernels;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Explaining;

/// <summary>A way that is to be explained.</summary>
public sealed record ExplainRequest
{
    /// <summary>What is drawn.</summary>
    public required ExplainedCondition Condition { get; init; }

    /// <summary>The sampler's settings.</summary>
    public required SamplingConfig Sampling { get; init; }

    /// <summary>The size of the picture, multiples of the patch.</summary>
    public required ImageSize Size { get; init; }

    /// <summary>The seed of the noise.</summary>
    public ulong Seed { get; init; }

    /// <summary>A picture [C, H, W], −1 … 1, that is noised to the sampler's times in the place of sampling; null for sampling.</summary>
    public float[]? Picture { get; init; }

    /// <summary>Whether a text model's time is rounded to bfloat16.</summary>
    public bool RoundTime { get; init; }

    /// <summary>What the page shall hold.</summary>
    public ExplainWish Wish { get; init; } = new();
}

/// <summary>One picture's way through a model, in numbers: the frames of the way, and for chosen steps a trace of the forward with the condition and with the null condition.</summary>
public sealed class Explanation
{
    private Explanation(ExplainRequest request, ModelConfig config, ExplainChoice choice, SamplingPath path, IReadOnlyList<PathFrame> frames, IReadOnlyDictionary<int, ForwardRecord> forwards)
        => (Request, Config, Choice, Path, Frames, Forwards) = (request, config, choice, path, frames, forwards);

    /// <summary>What was asked for.</summary>
    public ExplainRequest Request { get; }

    /// <summary>The model's sizes.</summary>
    public ModelConfig Config { get; }

    /// <summary>What was kept.</summary>
    public ExplainChoice Choice { get; }

    /// <summary>The way's times.</summary>
    public SamplingPath Path { get; }

    /// <summary>The frames that were kept, by their steps.</summary>
    public IReadOnlyList<PathFrame> Frames { get; }

    /// <summary>The forwards that were traced, by their steps.</summary>
    public IReadOnlyDictionary<int, ForwardRecord> Forwards { get; }

    /// <summary>Runs the model and records it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="request">What is explained.</param>
    /// <param name="progress">Told what part is done, from 0 to 1, and in words what is being done.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="ConfigurationException">A setting is out of range, or a step or block that is wished for does not exist.</exception>
    /// <exception cref="ShapeException">The size does not fit the model.</exception>
    /// <exception cref="NotFiniteException">The picture holds a value that is infinite or no number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Explanation Make(PixelTransformer model, ExplainRequest request, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        var (config, size, steps) = (model.Config, request.Size, request.Sampling.ValidateFor(model.Config.IsText).Steps);
        model.RequireDivides(size.Height, size.Width);
        Shape shape = [1, config.Channels, size.Height, size.Width];
        var choice = ExplainChoice.Make(config, size, steps, request.Wish);
        var path = new SamplingPath(model, request.Condition, request.Sampling, request.RoundTime);
        var chosen = choice.Frames.ToHashSet();
        float[] noise = new TorchRandom(request.Seed).Normal(checked((int)shape.Count));
        // A step is two passes, and so is a trace, which takes longer: it runs its steps one by one.
        double work = (request.Picture is null ? steps : chosen.Count) + (2 * choice.Steps.Count);
        var frames = request.Picture is { } picture
            ? path.Noise(picture, noise, shape, chosen, done => progress?.Invoke(done / work, $"time {done} of {chosen.Count}"), cancel)
            : path.Sample(noise, shape, chosen, done => progress?.Invoke(done / work, $"step {done} of {steps}"), cancel);
        if (frames.Any(frame => ValueTally.CountNotFinite(frame.Estimate ?? frame.State) > 0)) throw new NotFiniteException("the picture on its way holds a value that is infinite or no number; there is nothing to show of it");
        var forwards = new Dictionary<int, ForwardRecord>();
        foreach (int step in choice.Steps)
        {
            progress?.Invoke((work - (2 * (choice.Steps.Count - forwards.Count))) / work, $"tracing step {step}");
            var frame = frames.Single(frame => frame.Step == step);
            var recorder = new ForwardRecorder(config, size, choice);
            Trace.Watch(model, Inputs(request, config, frame, path), _ => true, recorder.See, cancel);
            forwards.Add(step, recorder.Finish());
        }
        progress?.Invoke(1, "recorded");
        return new(request, config, choice, path, frames, forwards);
    }

    /// <summary>The same state twice, with the condition and with the null condition.</summary>
    private static TraceInputs Inputs(ExplainRequest request, ModelConfig config, PathFrame frame, SamplingPath path)
    {
        float time = path.ModelTimeOf(frame.Time);
        float[] states = [.. frame.State, .. frame.State];
        Shape shape = [2, config.Channels, request.Size.Height, request.Size.Width];
        var (condition, none) = request.Condition.Labels;
        return request.Condition.States is { } texts
            ? TraceInputs.OfTexts(states, shape, [time, time], [.. texts.Condition, .. texts.Null], [2, texts.Condition.Length / config.TextWidth, config.TextWidth])
            : TraceInputs.OfClasses(states, shape, [time, time], [condition, none]);
    }
}

using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;

namespace PixelDiT.Reference.Editing;

/// <summary>What a velocity is conditioned on.</summary>
public enum EditSide
{
    /// <summary>Nothing, or a negative prompt: what guidance leads away from.</summary>
    Unconditional,

    /// <summary>What the source shows.</summary>
    Source,

    /// <summary>What the edited image shall show.</summary>
    Target
}

/// <summary>Evaluates a velocity for a whole batch.</summary>
/// <param name="x">[B, C, H, W] float32, the state; not to be changed.</param>
/// <param name="time">The model's own time: σ of a text model, t of a class model.</param>
/// <param name="side">The condition.</param>
/// <param name="v">[B, C, H, W], to be written whole.</param>
public delegate void EditField(Tensor x, float time, EditSide side, Tensor v);

/// <summary>A step of an edit. The tensors belong to it: read them before the observer returns, and change neither.</summary>
/// <param name="Index">From 0 to n − 1, of the whole grid; the first steps may be skipped.</param>
/// <param name="Time">Where it began.</param>
/// <param name="Next">Where it arrived.</param>
/// <param name="State">The edited image so far, z; in the steps of ordinary sampling the noisy state y.</param>
/// <param name="Velocity">What was multiplied by <paramref name="Next"/> − <paramref name="Time"/> and added.</param>
public readonly record struct EditStep(int Index, float Time, float Next, Tensor State, Tensor Velocity);

/// <summary>
/// FlowEdit (Kulikov et al., ICCV 2025, algorithm 1): an image is edited by the difference of two velocities, without being inverted to noise first.
/// <code>
/// a = (1 − σ)·x + σ·ε          the source at the noise of the step
/// b = a + (z − x)              the edited image at the same noise
/// D = V(b, target) − V(a, source)
/// z ← z + (σ_next − σ)·D
/// </code>
/// V is guided: u + g·(c − u). Where D is averaged over several ε, each draw has its own a and b. The last n_min steps are ordinary sampling from b: y ← y + (σ_next − σ)·V(y, target).
/// <para>
/// b is summed in this order, so that equal conditions with equal guidance evaluate the same bits on both sides and return the source to the bit; a published program's z + a − x returns it to rounding.
/// </para>
/// <para>Class models run the other way, from t = 0, noise, to 1: t = 1 − σ, and their velocity is −V. Both signs change, and the equations are the same with the share of noise 1 − t.</para>
/// </summary>
public sealed class FlowEdit
{
    private readonly Device _device;
    private readonly FlowEditConfig _config;
    private readonly float[] _times;
    private readonly bool _risesToData;

    private FlowEdit(Device device, FlowEditConfig config, float[] times, bool risesToData) => (_device, _config, _times, _risesToData) = (device, config.Validate(), times, risesToData);

    /// <summary>An edit by a class model, whose times rise from 0, noise, to 1, data.</summary>
    /// <param name="device">Where the images lie and the sums are computed.</param>
    /// <param name="config">The settings.</param>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    public static FlowEdit OfTimes(Device device, FlowEditConfig config) => new(device, config, TimeGrid.Create(config.Validate().Steps, config.TimeShift), risesToData: true);

    /// <summary>An edit by a text model, whose noise levels σ fall from about 1 to 0.</summary>
    /// <inheritdoc cref="OfTimes"/>
    public static FlowEdit OfNoiseLevels(Device device, FlowEditConfig config) => new(device, config, TimeGrid.NoiseLevels(config.Validate().Steps, config.TimeShift), risesToData: false);

    /// <summary>The same on noise levels of one's own.</summary>
    /// <param name="device">Where the images lie and the sums are computed.</param>
    /// <param name="config">The settings; the time shift is not looked at.</param>
    /// <param name="levels">[n + 1], falling to 0.</param>
    /// <exception cref="ConfigurationException">A setting is out of range.</exception>
    /// <exception cref="ShapeException">There are more or fewer levels than n + 1.</exception>
    public static FlowEdit OfNoiseLevels(Device device, FlowEditConfig config, float[] levels)
        => levels.Length == config.Steps + 1 ? new(device, config, levels, risesToData: false) : throw new ShapeException($"{levels.Length} noise levels were given for {config.Steps} steps; one more than steps was expected");

    /// <summary>The times of the grid, [n + 1].</summary>
    public IReadOnlyList<float> Times => _times;

    /// <summary>Edits a batch. Takes up to six tensors of its size from the device and frees them however it ends.</summary>
    /// <param name="source">x [B, C, H, W] float32 in [−1, 1]; not changed.</param>
    /// <param name="edited">[B, C, H, W], receives the edited images.</param>
    /// <param name="field">The velocities.</param>
    /// <param name="noise">Fills a tensor with the next draw of ε: draw by draw within a step, step by step, and one more where ordinary sampling begins.</param>
    /// <param name="observe">Called after every step that is made.</param>
    /// <param name="cancel">Looked at before every pass of the model.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Run(Tensor source, Tensor edited, EditField field, Action<Tensor> noise, Action<EditStep>? observe = null, CancellationToken cancel = default)
    {
        if (source.Shape != edited.Shape) throw new ShapeException($"the source is {source.Shape} and the edited images {edited.Shape}; they must be alike");
        Combine.Copy(source, edited);
        int n = _config.Steps, first = n - _config.StepsMade, regular = n - _config.MinSteps;
        using Tensor a = _device.Allocate(source.Shape), b = _device.Allocate(source.Shape), v = _device.Allocate(source.Shape), u = _device.Allocate(source.Shape), velocity = _device.Allocate(source.Shape);
        using var mean = _config.Draws > 1 ? _device.Allocate(source.Shape) : null;
        for (int i = first; i < Math.Min(regular, n); i++)
        {
            for (int k = 0; k < _config.Draws; k++)
            {
                Noisy(i, a, b);
                Guided(b, i, EditSide.Target, _config.Guidance, velocity);
                Guided(a, i, EditSide.Source, _config.SourceGuidance, v);
                Combine.Forward(1, velocity, -1, v, velocity);
                if (mean is null) continue;
                if (k == 0) Combine.Copy(velocity, mean);
                else Combine.Forward(1, mean, 1, velocity, mean);
            }
            if (mean is not null) Combine.Forward(1f / _config.Draws, mean, 0, mean, velocity);
            Step(i);
        }
        for (int i = Math.Max(first, regular); i < n; i++)
        {
            if (i == Math.Max(first, regular))
            {
                Noisy(i, a, b);
                Combine.Copy(b, edited);
            }
            Guided(edited, i, EditSide.Target, _config.Guidance, velocity);
            Step(i);
        }

        // a and b at a new draw of noise.
        void Noisy(int i, Tensor a, Tensor b)
        {
            noise(b);
            float share = _risesToData ? 1 - _times[i] : _times[i];
            Combine.Forward(1 - share, source, share, b, a);
            Combine.Forward(1, edited, -1, source, b);
            Combine.Forward(1, a, 1, b, b);
        }

        void Guided(Tensor x, int i, EditSide side, double guidance, Tensor to)
        {
            cancel.ThrowIfCancellationRequested();
            field(x, _times[i], side, to);
            if (guidance == 1) return;
            cancel.ThrowIfCancellationRequested();
            field(x, _times[i], EditSide.Unconditional, u);
            Guidance.Mix(to, u, guidance);
        }

        void Step(int i)
        {
            Combine.Forward(1, edited, _times[i + 1] - _times[i], velocity, edited);
            observe?.Invoke(new EditStep(i, _times[i], _times[i + 1], edited, velocity));
        }
    }
}

using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Diffusion;

/// <summary>A step that a sampler has made. The tensors belong to the sampler: read them before the observer returns, and change neither.</summary>
/// <param name="Index">From 0 to n − 1.</param>
/// <param name="Time">The shifted time the step began at.</param>
/// <param name="Next">The shifted time it arrived at.</param>
/// <param name="State">x at <paramref name="Next"/>.</param>
/// <param name="Velocity">What was multiplied by <paramref name="Next"/> − <paramref name="Time"/> and added to x: for Heun the mean of two velocities. For DPM-Solver++ the velocity that was evaluated.</param>
public readonly record struct SamplerStep(int Index, float Time, float Next, Tensor State, Tensor Velocity);

/// <summary>Integrates a velocity field from noise to data on a device (SPEC §5, §6). May run again and again, one run at a time.</summary>
public sealed class FlowSampler
{
    private readonly Device _device;
    private readonly SamplingConfig _config;
    private readonly float[] _times;
    private VelocityPair? _pair;

    private FlowSampler(Device device, SamplingConfig config, float[] times) => (_device, _config, _times) = (device, config, times);

    /// <summary>A sampler of the class model's flow: times rise from 0, noise, to 1, data.</summary>
    /// <param name="device">Where the state lies and the sums are computed.</param>
    /// <param name="config">The settings.</param>
    /// <exception cref="ConfigurationException">A setting is out of range, or the sampler is one of text models.</exception>
    public FlowSampler(Device device, SamplingConfig config) : this(device, config.ValidateFor(text: false), TimeGrid.Create(config.Steps, config.TimeShift))
    {
    }

    /// <summary>A sampler of the text model's flow: noise levels σ fall from about 1, noise, to 0, data, and the velocity is ε − x.</summary>
    /// <param name="device">Where the state lies and the sums are computed.</param>
    /// <param name="config">The settings.</param>
    /// <param name="pair">Evaluates both velocities of guidance in one pass; null for one after the other.</param>
    /// <exception cref="ConfigurationException">A setting is out of range, or the sampler is one of class models.</exception>
    public static FlowSampler OfNoiseLevels(Device device, SamplingConfig config, VelocityPair? pair = null)
        => new(device, config.ValidateFor(text: true), TimeGrid.NoiseLevels(config.Steps, config.TimeShift)) { _pair = pair };

    /// <summary>Velocities that the present or last run has evaluated; a guided one counts once, though it takes two passes of the field.</summary>
    public int Evaluations { get; private set; }

    /// <summary>Turns noise into images. Takes up to five tensors of x's size from the device and frees them however it ends.</summary>
    /// <param name="x">
    /// [B, C, H, W] float32: noise on entry, images in [−1, 1] or near it on return; after an exception, the state of the last whole step.
    /// </param>
    /// <param name="field">The velocity, with and without the class.</param>
    /// <param name="observe">Called after every step.</param>
    /// <param name="cancel">Looked at before every pass of the field.</param>
    /// <exception cref="ShapeException">x is not float32.</exception>
    /// <exception cref="DeviceException">x lies on another device, or memory ran out.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public void Run(Tensor x, VelocityField field, Action<SamplerStep>? observe = null, CancellationToken cancel = default)
    {
        if (x.Type != ElementType.Single) throw new ShapeException($"the sampler's state {x.Shape} is of {x.Type}; it must be of {ElementType.Single}");
        if (x.Device != _device) throw new DeviceException($"the sampler's state lies on {x.Device.Description}; the sampler was made for another device");

        Evaluations = 0;
        using var v = _device.Allocate(x.Shape);
        using var unconditional = _config.Guidance == 1 ? null : _device.Allocate(x.Shape);
        var guidance = new Guidance(field, _config, unconditional, cancel, _pair);
        switch (_config.Sampler)
        {
            case Sampler.Euler:
                Euler(v);
                break;
            case Sampler.FlowDpm:
                using (var previous = _device.Allocate(x.Shape)) FlowDpm(v, previous);
                break;
            case Sampler.DpmSolver:
                using (var previous = _device.Allocate(x.Shape)) DpmSolver(v, previous);
                break;
            default:
                using (Tensor next = _device.Allocate(x.Shape), ahead = _device.Allocate(x.Shape)) Heun(v, next, ahead);
                break;
        }

        void Euler(Tensor v)
        {
            for (int i = 0; i < _config.Steps; i++)
            {
                Evaluate(x, i, v);
                Step(i, v);
            }
        }

        // The last step is Euler's in both forms: there is no time behind it to look ahead to.
        void Heun(Tensor v, Tensor next, Tensor ahead)
        {
            int last = _config.Steps - 1;
            for (int i = 0; i <= last; i++)
            {
                if (i == 0 || _config.Sampler == Sampler.HeunExact) Evaluate(x, i, v);
                if (i < last)
                {
                    Combine.Forward(1, x, Dt(i), v, ahead);
                    Evaluate(ahead, i + 1, next);
                    Combine.Forward(0.5f, v, 0.5f, next, v);
                }
                Step(i, v);
                (v, next) = (next, v);
            }
        }

        void FlowDpm(Tensor v, Tensor previous)
        {
            for (int i = 0; i < _config.Steps; i++)
            {
                Evaluate(x, i, v);
                if (i > 0) Combine.Forward(1.5f, v, -0.5f, previous, previous);
                Step(i, i > 0 ? previous : v);
                (v, previous) = (previous, v);
            }
        }

        // α = 1 − σ, λ = ln α − ln σ, h = λ_next − λ; x₀ = x − σ·v is the image that the velocity points to. The first and the last step are of order 1.
        void DpmSolver(Tensor v, Tensor previous)
        {
            using var image = _device.Allocate(x.Shape);
            var (now, before) = (image, previous);
            double hBefore = 0;
            for (int i = 0; i < _config.Steps; i++)
            {
                Evaluate(x, i, v);
                double sigma = _times[i], next = _times[i + 1], h = LogSignalToNoise(next) - LogSignalToNoise(sigma);
                Combine.Forward(1, x, -_times[i], v, now);
                // The first and the last step go straight towards the image as it is seen now.
                var towards = now;
                if (i > 0 && i < _config.Steps - 1)
                {
                    float half = (float)(h / (2 * hBefore));
                    Combine.Forward(1 + half, now, -half, before, before);
                    towards = before;
                }
                // −expm1(−h) = 1 − α·σ_next / (α_next·σ), with no difference of logarithms.
                double factor = next == 0 ? 1 : 1 - ((1 - sigma) * next / ((1 - next) * sigma));
                Combine.Forward((float)(next / sigma), x, (float)((1 - next) * factor), towards, x);
                (now, before, hBefore) = (before, now, h);
                observe?.Invoke(new SamplerStep(i, _times[i], _times[i + 1], x, v));
            }
        }

        static double LogSignalToNoise(double sigma) => Math.Log(1 - sigma) - Math.Log(sigma);

        void Evaluate(Tensor state, int i, Tensor v)
        {
            guidance.Evaluate(state, _times[i], v);
            Evaluations++;
        }

        void Step(int i, Tensor velocity)
        {
            Combine.Forward(1, x, Dt(i), velocity, x);
            observe?.Invoke(new SamplerStep(i, _times[i], _times[i + 1], x, velocity));
        }

        float Dt(int i) => _times[i + 1] - _times[i];
    }
}

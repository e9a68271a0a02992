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
/// <param name="Slope">What was multiplied by <paramref name="Next"/> − <paramref name="Time"/> and added to x: for Heun the mean of two velocities.</param>
public readonly record struct SamplerStep(int Index, float Time, float Next, Tensor State, Tensor Slope);

/// <summary>Integrates a velocity field from noise to data on a device (SPEC §5). May run again and again, one run at a time.</summary>
/// <param name="device">Where the state lies and the sums are computed.</param>
/// <param name="config">The settings.</param>
/// <exception cref="ConfigurationException">A setting is out of range.</exception>
public sealed class FlowSampler(Device device, SamplingConfig config)
{
    private readonly SamplingConfig _config = config.Validate();
    private readonly float[] _times = TimeGrid.Create(config.Steps, config.TimeShift);

    /// <summary>Velocities that the present or last run has evaluated; a guided one counts once, though it takes two passes of the field.</summary>
    public int Evaluations { get; private set; }

    /// <summary>Turns noise into images. Takes up to four tensors of x's size from the device and frees them however it ends.</summary>
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
        if (x.Device != device) throw new DeviceException($"the sampler's state lies on {x.Device.Description}; the sampler was made for another device");

        Evaluations = 0;
        using var v = device.Allocate(x.Shape);
        using var unconditional = _config.Guidance == 1 ? null : device.Allocate(x.Shape);
        var guidance = new Guidance(field, _config, unconditional, cancel);
        switch (_config.Sampler)
        {
            case Sampler.Euler:
                Euler(v);
                break;
            case Sampler.FlowDpm:
                using (var previous = device.Allocate(x.Shape)) FlowDpm(v, previous);
                break;
            default:
                using (Tensor next = device.Allocate(x.Shape), ahead = device.Allocate(x.Shape)) Heun(v, next, ahead);
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

        void Evaluate(Tensor state, int i, Tensor v)
        {
            guidance.Evaluate(state, _times[i], v);
            Evaluations++;
        }

        void Step(int i, Tensor slope)
        {
            Combine.Forward(1, x, Dt(i), slope, x);
            observe?.Invoke(new SamplerStep(i, _times[i], _times[i + 1], x, slope));
        }

        float Dt(int i) => _times[i + 1] - _times[i];
    }
}

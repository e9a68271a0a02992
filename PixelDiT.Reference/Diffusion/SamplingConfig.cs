using PixelDiT.Kernels;

namespace PixelDiT.Reference.Diffusion;

/// <summary>The settings of a sampling run (SPEC §5). Immutable; <see cref="FlowSampler"/> validates them.</summary>
public sealed record SamplingConfig
{
    /// <summary>The most steps a run may have; up to here neighbouring times differ in float32 at every allowed shift.</summary>
    public const int MaxSteps = 10_000;

    /// <summary>How to step.</summary>
    public Sampler Sampler { get; init; } = Sampler.FlowDpm;

    /// <summary>n, the number of steps from noise to data: 1 to <see cref="MaxSteps"/>.</summary>
    public int Steps { get; init; } = 100;

    /// <summary>g in v = u + g·(c − u), from 0 to 100; at 1 only the conditional velocity is evaluated.</summary>
    public double Guidance { get; init; } = 1;

    /// <summary>The shifted times, of a text model the noise levels σ, between which, bounds excluded, guidance applies: 0 ≤ Min ≤ Max ≤ 1.</summary>
    public (float Min, float Max) Interval { get; init; } = (0, 1);

    /// <summary>
    /// s of the time shift t / (t + (1 − t)·s), from 0.01 to 100: 1 at 256², 2 at 512² in the published settings. Of a text model σ moves by s·σ / (1 + (s − 1)·σ), the same with σ = 1 − t: 3 at 512², 4 at 1024².
    /// </summary>
    public float TimeShift { get; init; } = 1;

    /// <summary>Whether the velocity at a shifted time is guided; the comparison is strict and in float32.</summary>
    public bool Guides(float t) => Guidance != 1 && Interval.Min < t && t < Interval.Max;

    /// <summary>Checks that every setting is in its range.</summary>
    /// <returns>This configuration.</returns>
    /// <exception cref="ConfigurationException">A setting is out of range or no number; the message names it, its value and the range.</exception>
    public SamplingConfig Validate()
    {
        if (!Enum.IsDefined(Sampler))
            throw new ConfigurationException($"sampler is {(int)Sampler}; it must be one of {string.Join(", ", SamplerNames.All)}");
        if (Steps is < 1 or > MaxSteps) throw new ConfigurationException($"steps is {Steps}; it must be from 1 to {MaxSteps}");
        if (Guidance is not (>= 0 and <= 100)) throw new ConfigurationException($"guidance is {Guidance}; it must be from 0 to 100, where 1 is none");
        if (!(0 <= Interval.Min && Interval.Min <= Interval.Max && Interval.Max <= 1))
            throw new ConfigurationException($"interval is {Interval.Min} to {Interval.Max}; its bounds must be from 0 to 1, the lower one first");
        if (TimeShift is not (>= 0.01f and <= 100)) throw new ConfigurationException($"time-shift is {TimeShift}; it must be from 0.01 to 100, where 1 is none");
        return this;
    }

    /// <summary>Checks every setting, and that the sampler is one of a kind of model.</summary>
    /// <param name="text">Whether it is a text-to-image model; otherwise it is a class-conditional one.</param>
    /// <returns>This configuration.</returns>
    /// <exception cref="ConfigurationException">A setting is out of range, or the sampler is one of the other kind.</exception>
    public SamplingConfig ValidateFor(bool text)
    {
        Validate();
        if (!text && Sampler == Sampler.DpmSolver) throw new ConfigurationException($"sampler is '{Sampler.Name}', which is of text models; a class model takes euler, heun, heun-exact or flow-dpm");
        if (text && Sampler == Sampler.FlowDpm) throw new ConfigurationException($"sampler is '{Sampler.Name}', which is of class models; a text model takes dpm-solver++, euler, heun or heun-exact");
        return this;
    }
}

using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;

namespace PixelDiT.Reference.Editing;

/// <summary>The settings of an edit (<see cref="FlowEdit"/>). Immutable.</summary>
public sealed record FlowEditConfig
{
    /// <summary>The most draws of noise a step.</summary>
    public const int MostDraws = 1000;

    /// <summary>n, the steps of the whole way from noise to data: 1 to <see cref="SamplingConfig.MaxSteps"/>.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>n_max: the edit begins with this many steps to go, so that more of it changes more, coarser things first. From 0, which returns the source; n and more skip nothing.</summary>
    public int MaxSteps { get; init; } = 33;

    /// <summary>n_min: the last so many steps are ordinary sampling of the target. From 0 to <see cref="MaxSteps"/>.</summary>
    public int MinSteps { get; init; }

    /// <summary>n_avg: draws of noise whose velocities are averaged in a step, from 1 to <see cref="MostDraws"/>.</summary>
    public int Draws { get; init; } = 1;

    /// <summary>The guidance of the source, from 0 to 100; 1 is none.</summary>
    public double SourceGuidance { get; init; } = 3.5;

    /// <summary>The guidance of the target, from 0 to 100; 1 is none.</summary>
    public double Guidance { get; init; } = 13.5;

    /// <summary>s of the time shift, as <see cref="SamplingConfig.TimeShift"/>.</summary>
    public float TimeShift { get; init; } = 1;

    /// <summary>The steps that are made: n − i ≤ n_max.</summary>
    public int StepsMade => Math.Min(Steps, MaxSteps);

    /// <summary>Passes of the model over an image: at most four a draw of noise, two a step of ordinary sampling.</summary>
    public int Passes
    {
        get
        {
            int source = SourceGuidance == 1 ? 1 : 2, target = Guidance == 1 ? 1 : 2, regular = Math.Min(MinSteps, StepsMade);
            return checked(((StepsMade - regular) * Draws * (source + target)) + (regular * target));
        }
    }

    /// <summary>Checks that every setting is in its range.</summary>
    /// <returns>This configuration.</returns>
    /// <exception cref="ConfigurationException">A setting is out of range or no number; the message names it, its value and the range.</exception>
    public FlowEditConfig Validate()
    {
        new SamplingConfig { Steps = Steps, TimeShift = TimeShift }.Validate();
        if (MaxSteps < 0) throw new ConfigurationException($"n-max is {MaxSteps}; it must be 0, which changes nothing, or above");
        if (MinSteps < 0 || MinSteps > MaxSteps) throw new ConfigurationException($"n-min is {MinSteps}; it must be from 0 to n-max, {MaxSteps}");
        if (Draws is < 1 or > MostDraws) throw new ConfigurationException($"n-avg is {Draws}; it must be from 1 to {MostDraws}");
        if (SourceGuidance is not (>= 0 and <= 100)) throw new ConfigurationException($"source-guidance is {SourceGuidance}; it must be from 0 to 100, where 1 is none");
        if (Guidance is not (>= 0 and <= 100)) throw new ConfigurationException($"guidance is {Guidance}; it must be from 0 to 100, where 1 is none");
        return this;
    }
}

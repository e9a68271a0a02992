using PixelDiT.Kernels;

namespace PixelDiT.Reference.Diffusion;

/// <summary>How a sampler steps along the flow (SPEC §5). v is the guided velocity; n the number of steps.</summary>
public enum Sampler
{
    /// <summary>x += dt·v; n evaluations.</summary>
    Euler,

    /// <summary>Heun's mean of the velocities at both ends, the later one used again as the next step's first; n evaluations.</summary>
    Heun,

    /// <summary>Heun's mean with the first velocity evaluated anew at every step; 2n − 1 evaluations.</summary>
    HeunExact,

    /// <summary>The authors' FlowDPMSolver, which made the published FIDs: x += dt·(1.5·v − 0.5·v of the step before); n evaluations.</summary>
    FlowDpm,

    /// <summary>
    /// DPM-Solver++ of order 2 (Lu et al. 2022), with which the text models are sampled: multistep in the image that the velocity points to, exact in the logarithm of the signal-to-noise ratio (SPEC §6); n evaluations.
    /// </summary>
    DpmSolver
}

/// <summary>The samplers' names on the command line.</summary>
internal static class SamplerNames
{
    private static readonly Dictionary<string, Sampler> s_byName = new()
    {
        ["euler"] = Sampler.Euler,
        ["heun"] = Sampler.Heun,
        ["heun-exact"] = Sampler.HeunExact,
        ["flow-dpm"] = Sampler.FlowDpm,
        ["dpm-solver++"] = Sampler.DpmSolver
    };

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> All { get; } = [.. s_byName.Keys];

    extension(Sampler sampler)
    {
        /// <summary>The name on the command line.</summary>
        public string Name => s_byName.First(entry => entry.Value == sampler).Key;

        /// <summary>The sampler of a name.</summary>
        /// <exception cref="ConfigurationException">There is none of that name; the message lists the names there are.</exception>
        public static Sampler Parse(string name) => s_byName.TryGetValue(name, out var found)
            ? found
            : throw new ConfigurationException($"sampler is '{name}'; it must be one of {string.Join(", ", All)}");
    }
}

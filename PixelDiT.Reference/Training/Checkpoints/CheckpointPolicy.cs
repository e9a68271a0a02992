using PixelDiT.Kernels;

namespace PixelDiT.Reference.Training.Checkpoints;

/// <summary>Which checkpoints of a run are kept.</summary>
public sealed record CheckpointPolicy
{
    /// <summary>How many, the newest included; at least 1.</summary>
    public int Keep { get; init; } = 2;

    /// <summary>Those of every so many steps stay as well; 0 for none.</summary>
    public int KeepEvery { get; init; }

    /// <summary>Is told of every instant of saving, so that a test can end a process there.</summary>
    internal Action<string>? Instant { get; init; }

    /// <summary>Checks both numbers.</summary>
    /// <exception cref="ConfigurationException">One is out of its range.</exception>
    public CheckpointPolicy Validate()
    {
        if (Keep is < 1 or > 1000) throw new ConfigurationException($"keep is {Keep}; it must be from 1 to 1000 checkpoints");
        return KeepEvery < 0 ? throw new ConfigurationException($"keep-every is {KeepEvery}; it must be 0 (none) or above") : this;
    }
}

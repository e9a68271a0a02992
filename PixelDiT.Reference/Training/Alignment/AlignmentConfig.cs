using System.Globalization;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Training.Alignment;

/// <summary>The settings of representation alignment (REPA): tokens behind a block are projected and turned towards a teacher's.</summary>
public sealed record AlignmentConfig
{
    /// <summary>The block of the published class models, from 1.</summary>
    public const int BlockOfClasses = 8;

    /// <summary>The block of the published text model.</summary>
    public const int BlockOfText = 6;

    /// <summary>The inner width of the published text model's projector.</summary>
    public const int InnerOfText = 2048;

    /// <summary>What the alignment's loss is multiplied by.</summary>
    public double Weight { get; init; } = 0.5;

    /// <summary>The patch block, from 1, whose tokens are aligned.</summary>
    public required int Block { get; init; }

    /// <summary>The inner width of the projector.</summary>
    public required int Inner { get; init; }

    /// <summary>The teacher's <see cref="ITeacher.Identity"/>, which a run notes.</summary>
    public string Teacher { get; init; } = "";

    /// <summary>The settings as a run records them.</summary>
    internal string Recorded => string.Create(CultureInfo.InvariantCulture, $"weight {Weight}, block {Block}, inner width {Inner}, teacher {Teacher}");

    /// <summary>Checks every number.</summary>
    /// <exception cref="ConfigurationException">One is out of its range; the message names it.</exception>
    public AlignmentConfig Validate()
    {
        if (Weight is not (> 0 and <= 1000)) throw new ConfigurationException($"repa-weight is {Weight}; it must be above 0, and 1000 at most");
        if (Block < 1) throw new ConfigurationException($"repa-block is {Block}; blocks are counted from 1");
        if (Inner < 1) throw new ConfigurationException($"repa-inner is {Inner}; it must be at least 1");
        return this;
    }
}

using PixelDiT.Reference.Measuring.Distributions;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Reference.Evaluating;

/// <summary>What the network says of a set, gathered.</summary>
/// <param name="Images">Pictures; null where statistics came without their number.</param>
/// <param name="Route">The way in.</param>
/// <param name="Pool">Mean and covariance of the pool.</param>
/// <param name="Spatial">The same of what sFID is of; null where it is not known.</param>
public sealed record SetStatistics(long? Images, InceptionRoute Route, GaussianStatistics Pool, GaussianStatistics? Spatial)
{
    /// <summary>Fewer pictures than this have a singular covariance: one more than the pool has numbers.</summary>
    public const int FullRank = InceptionFeatures.PoolWidth + 1;

    /// <summary>The pool of every picture [n, 2048]; null where it was not kept.</summary>
    public float[]? Features { get; init; }

    /// <summary>The classifier's scores [n, 1008]; null where they were not kept.</summary>
    public float[]? Scores { get; init; }

    /// <summary>Where the statistics come from, in a word: pictures, the file or the cache.</summary>
    public required string Origin { get; init; }
}

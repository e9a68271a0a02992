using PixelDiT.Kernels;

namespace PixelDiT.Reference.Distributed;

/// <summary>A process that trains with this one has ended, does not answer, or is another than it must be.</summary>
/// <param name="message">Which rank, and what is wrong with it.</param>
/// <param name="inner">What it was known by.</param>
/// <param name="isSaidElsewhere">Whether another rank says it, so that one line says it once.</param>
public sealed class DistributedException(string message, Exception? inner = null, bool isSaidElsewhere = false) : PixelDiTException(message, inner)
{
    /// <summary>Whether another rank says it.</summary>
    public bool IsSaidElsewhere { get; } = isSaidElsewhere;
}

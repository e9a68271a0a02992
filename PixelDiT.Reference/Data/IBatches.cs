namespace PixelDiT.Reference.Data;

/// <summary>Batches that are read ahead of the steps that take them.</summary>
public interface IBatches : IDisposable
{
    /// <summary>The time that the caller has waited for batches in all: none where reading keeps up.</summary>
    TimeSpan Waited { get; }
}

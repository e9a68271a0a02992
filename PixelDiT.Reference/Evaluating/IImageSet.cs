using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Evaluating;

/// <summary>A picture of a set, and its class where that is known.</summary>
public readonly record struct SetPicture(Picture Picture, int? Label);

/// <summary>Pictures to be measured, read one after the other: no more of them are in memory than are at work.</summary>
public interface IImageSet : IDisposable
{
    /// <summary>What it was opened as, for messages.</summary>
    string Name { get; }

    /// <summary>What it is, in a few words, such as "folder" or "model".</summary>
    string Kind { get; }

    /// <summary>Pictures that there are, or are believed to be before they are read: of a folder some may not be readable. 0 where there are statistics only.</summary>
    long Count { get; }

    /// <summary>The size of all pictures; null where they differ or it is not known yet.</summary>
    ImageSize? Size { get; }

    /// <summary>Names of the classes; empty where pictures have none.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>64 hexadecimal digits that are equal where the pictures are; null for pictures that are made anew.</summary>
    string? Identity { get; }

    /// <summary>Statistics that come with the set, or null.</summary>
    GivenStatistics? Given => null;

    /// <summary>What was left out of what was read so far, and why, a line each.</summary>
    IReadOnlyList<string> LeftOut => [];

    /// <summary>Reads the pictures, always the same in the same order.</summary>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="Kernels.PixelDiTException">A picture cannot be read or made.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    IEnumerable<SetPicture> Read(CancellationToken cancel);

    /// <summary>Reads one part of the pictures: they are cut into pieces in their order, which are dealt out to the parts like cards.</summary>
    /// <param name="most">The most pictures, of all parts together.</param>
    /// <param name="piece">Pictures of a piece, where the set has no reason for other numbers.</param>
    /// <param name="part">Which part, from 0.</param>
    /// <param name="parts">How many there are.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <returns>Every piece in its order; null in the place of one of another part.</returns>
    /// <inheritdoc cref="Read" path="/exception"/>
    IEnumerable<IReadOnlyList<SetPicture>?> ReadPart(long most, int piece, int part, int parts, CancellationToken cancel)
        => ImageSets.First(Read(cancel), most).Chunk(piece).Select((pictures, index) => index % parts == part ? pictures : null);
}

using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Archives;

/// <summary>Picture files under names with slashes, whose classes stand in a <c>dataset.json</c> beside them. Every member may be used from several threads at once.</summary>
internal interface INamedFiles
{
    /// <summary>What they are in, in a word; part of the data's identity.</summary>
    string Kind { get; }

    /// <summary>The archive or the folder.</summary>
    string Place { get; }

    /// <summary>Pictures; indices are 0 … Count − 1.</summary>
    int Count { get; }

    /// <summary>What is left out by name.</summary>
    IReadOnlyList<SkippedImage> LeftOut { get; }

    /// <summary>What else a user should know, a line each.</summary>
    IReadOnlyList<string> Remarks { get; }

    /// <summary>A picture's name in UTF-8.</summary>
    ReadOnlySpan<byte> NameOf(int index);

    /// <summary>How messages call a picture.</summary>
    string PathOf(int index);

    /// <summary>A picture's content.</summary>
    /// <exception cref="DataException">It cannot be read; the message is the reason, without the path.</exception>
    /// <exception cref="FileFormatException">The archive around it is damaged.</exception>
    byte[] Read(int index);

    /// <summary>Whether a picture that cannot be read now may be readable at the next start, though nothing that is looked at changes.</summary>
    bool MayChange(int index);

    /// <summary>The content of <c>dataset.json</c>; null if there is none.</summary>
    /// <exception cref="PixelDiTException">It cannot be read.</exception>
    byte[]? ReadDataset();

    /// <summary>Adds what is known of a picture's content without reading it.</summary>
    void AddContent(ListingHash hash, int index);

    /// <summary>Adds what a change of any picture would change.</summary>
    void AddState(ListingHash hash);
}

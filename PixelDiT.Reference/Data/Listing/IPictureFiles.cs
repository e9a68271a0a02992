using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Listing;

/// <summary>The picture files behind a source of classes, of a folder or of an archive, in the order of their images. Every member may be used from several threads at once.</summary>
internal interface IPictureFiles
{
    /// <summary>The folder or the archive.</summary>
    string Place { get; }

    /// <summary>The classes, in the order of their labels.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>Files; indices are 0 … Count − 1.</summary>
    int Count { get; }

    /// <summary>What is left out by name.</summary>
    IReadOnlyList<SkippedImage> LeftOut { get; }

    /// <summary>What is left out and counted only, and what else there is to say, a line each.</summary>
    IReadOnlyList<string> Remarks { get; }

    /// <summary>How messages call a file.</summary>
    string PathOf(int index);

    /// <summary>A file's class.</summary>
    int LabelOf(int index);

    /// <summary>A file's content.</summary>
    /// <exception cref="DataException">It cannot be read; the message is the reason, without the path. An error of the file system is the inner exception.</exception>
    byte[] Read(int index);

    /// <summary>Whether a file that cannot be read now may be readable at the next start, though its name, length and time stay.</summary>
    bool MayChange(int index);

    /// <summary>Adds what identifies files wherever they lie, in the order given.</summary>
    void AddIdentity(ListingHash hash, IEnumerable<int> indices);

    /// <summary>Adds all that a change of a file would change, and where they lie.</summary>
    void AddState(ListingHash hash);
}

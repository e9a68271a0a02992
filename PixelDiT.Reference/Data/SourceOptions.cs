using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data;

/// <summary>How a source is opened.</summary>
public sealed record SourceOptions
{
    /// <summary>Whether classes may have no images; otherwise a folder that has such a class is refused.</summary>
    public bool AllowEmptyClasses { get; init; }

    /// <summary>How pictures are brought to their size. Null for what is usual: <see cref="ResizeRule.Adm"/> for images of classes, <see cref="ResizeRule.Area"/> for those of one size with captions.</summary>
    public ResizeRule? Resize { get; init; }

    /// <summary>What transparent parts of pictures in files are laid on; null for white.</summary>
    public Background? Background { get; init; }

    /// <summary>Where decoded images are kept for the next time, or null for nowhere. <see cref="ImageCache.UserFolder"/> is the user's.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>Told how many files are decoded and how many there are, by the thread that opens the source.</summary>
    public Action<long, long>? Progress { get; init; }

    /// <summary>Ends the opening between two files.</summary>
    public CancellationToken Cancel { get; init; }
}

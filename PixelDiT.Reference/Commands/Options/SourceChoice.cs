using System.CommandLine;
using PixelDiT.Reference.Data;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options of the verbs that open a data source.</summary>
internal sealed class SourceChoice
{
    /// <summary>Whether classes of a folder may have no pictures.</summary>
    public Option<bool> AllowEmptyClasses { get; } = new("--allow-empty-classes") { Description = "Take classes of a folder that have no readable picture; otherwise they are an error." };

    /// <summary>Whether decoded images are kept for the next time.</summary>
    public Option<bool> NoCache { get; } = new("--no-cache") { Description = "Decode a folder's pictures anew and do not keep the images in the user's cache folder." };

    /// <summary>What the options say.</summary>
    /// <param name="get">Gives an option's value.</param>
    /// <param name="cancel">Ends the opening of a source.</param>
    public SourceOptions Read(Func<Option<bool>, bool> get, CancellationToken cancel) => new()
    {
        AllowEmptyClasses = get(AllowEmptyClasses),
        CacheFolder = get(NoCache) ? null : ImageCache.UserFolder(),
        Cancel = cancel
    };
}

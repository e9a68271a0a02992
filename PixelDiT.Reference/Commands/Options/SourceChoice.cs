using System.CommandLine;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Pictures.Resizing;
using Decoding = PixelDiT.Reference.Data.Decoding;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options of the verbs that open a data source.</summary>
internal sealed class SourceChoice
{
    /// <summary>Whether classes of a folder may have no pictures.</summary>
    public Option<bool> AllowEmptyClasses { get; } = new("--allow-empty-classes") { Description = "Take classes of a folder that have no readable picture; otherwise they are an error." };

    /// <summary>Whether decoded images are kept for the next time.</summary>
    public Option<bool> NoCache { get; } = new("--no-cache") { Description = "Decode a folder's pictures anew and do not keep the images in the user's cache folder." };

    /// <summary>How pictures are brought to their size.</summary>
    public ChoiceOption Resize { get; } = new("--resize", "How pictures are brought to their size: adm as the published class models were trained (halved by boxes, then bicubic, then cut), area as version 1.0.0 did (cut, then averaged). [default: adm; of images with captions, area]", ResizeRules.Names);

    /// <summary>What transparent parts are laid on.</summary>
    public Option<string> Background { get; } = new("--background") { Description = $"What transparent parts of pictures in a folder or an archive are laid on: {Decoding.Background.Expected}; none drops the opacity, as the published loaders do. [default: white]", HelpName = "COLOR" };

    /// <summary>All of them.</summary>
    public Option[] All => [Resize, Background, AllowEmptyClasses, NoCache];

    /// <summary>What the options say.</summary>
    /// <param name="settings">Their values.</param>
    /// <param name="cancel">Ends the opening of a source.</param>
    /// <exception cref="Kernels.ConfigurationException">A value is none.</exception>
    public SourceOptions Read(Settings settings, CancellationToken cancel) => new()
    {
        Resize = settings.IsGiven(Resize) ? ResizeRules.Parse(settings.Get(Resize)) : null,
        Background = settings.IsGiven(Background) ? Decoding.Background.Parse(settings.Get(Background)) : null,
        AllowEmptyClasses = settings.Get(AllowEmptyClasses),
        CacheFolder = settings.Get(NoCache) ? null : ImageCache.UserFolder(),
        Cancel = cancel
    };
}

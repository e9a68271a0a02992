using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>What is done to a decoded picture before a model sees it.</summary>
/// <param name="Resize">How it is brought to its size.</param>
/// <param name="Background">What its transparent parts are laid on.</param>
public readonly record struct Preparation(ResizeRule Resize, Background Background)
{
    /// <summary>What version 1.0.0 did, and what is meant where nothing is recorded.</summary>
    public static Preparation OfVersion1 { get; } = new(ResizeRule.Area, Background.White);

    /// <summary>The identity of images as a model sees them: of the data, and of what is done to it. That of <see cref="OfVersion1"/> is the data's own.</summary>
    /// <param name="listing">The data's identity.</param>
    /// <param name="preparation">What is done to it; null for nothing.</param>
    public static string Identify(string listing, Preparation? preparation)
    {
        if (preparation is not { } how || how == OfVersion1) return listing;
        using var hash = new ListingHash();
        how.AddTo(hash.Add(listing));
        return hash.ToHex();
    }

    /// <summary>For a folder's caches, which keep the names they had: nothing is added for <see cref="OfVersion1"/>.</summary>
    internal void AddTo(ListingHash hash)
    {
        if (this != OfVersion1) hash.Add(ResizeRules.NameOf(Resize)).Add(Background.ToString());
    }
}

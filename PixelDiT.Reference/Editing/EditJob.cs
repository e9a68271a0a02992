using PixelDiT.Reference.Text;

namespace PixelDiT.Reference.Editing;

/// <summary>One edit: a picture, what it shows, and what it shall show.</summary>
/// <param name="Name">What its files are called.</param>
/// <param name="Image">The picture's file.</param>
/// <param name="Mask">The file of the mask; null for none.</param>
/// <param name="Source">What it shows: a text, or a class as a person writes it.</param>
/// <param name="Target">What it shall show.</param>
/// <param name="Negative">What guidance leads away from, of a text model.</param>
/// <param name="Seed">The seed of its noise.</param>
/// <param name="Line">Where it stands in a file of edits; 0 for an edit of the command line.</param>
internal sealed record EditJob(string Name, string Image, string? Mask, string Source, string Target, string Negative, ulong Seed, int Line = 0)
{
    /// <summary>Its texts, where it is one of a text model.</summary>
    public IReadOnlyList<Prompt> Texts => [new(Source), new(Target), new(Negative, Negative: true)];
}

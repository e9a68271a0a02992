using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Training.Alignment;

/// <summary>Images of 16×16 and of 16×24, in turn, or of one of both; their pixels follow from their place.</summary>
/// <param name="only">Of which size; both, where it is not said.</param>
internal sealed class TwoSizes(int? only = null) : ICaptionedSource
{
    private static readonly (int Height, int Width)[] s_sizes = [(16, 16), (16, 24)];

    public string Name => "two sizes";

    public long Count => 12;

    public int Channels => 3;

    public string ListingHash { get; } = new('b', 64);

    public IReadOnlyList<(int Height, int Width)> Sizes => only is { } one ? [s_sizes[one]] : s_sizes;

    public bool InOrder => false;

    public IReadOnlyList<SkippedImage> Skipped => [];

    public IEnumerable<string> Captions => ["a picture"];

    public int SizeOf(long index) => only is null ? (int)(index % 2) : 0;

    public string Read(long index, ulong draw, Span<float> image)
    {
        for (int i = 0; i < image.Length; i++) image[i] = MathF.Sin((index * 37) + (i * 0.1f));
        return "a picture";
    }
}

using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Training.Alignment;

/// <summary>The first ten drawings of 16×16, each a few times an epoch.</summary>
internal sealed class FewImages : IImageSource
{
    private readonly Shapes _shapes = new(16);

    public string Name => "few";

    public int Classes => 9;

    public IReadOnlyList<string> ClassNames => _shapes.ClassNames;

    public IReadOnlyList<long> ClassCounts => [2, 1, 1, 1, 1, 1, 1, 1, 1];

    public string ListingHash { get; } = new('a', 64);

    public long Count => 10;

    public int Channels => 3;

    public int Height => 16;

    public int Width => 16;

    public IReadOnlyList<SkippedImage> Skipped => [];

    public int Label(long index) => _shapes.Label(index);

    public int Read(long index, Span<float> image) => _shapes.Read(index, image);
}

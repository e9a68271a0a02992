namespace PixelDiT.Reference.Pictures;

/// <summary>Images mirrored left to right.</summary>
internal static class Mirroring
{
    /// <summary>Mirrors an image in its place.</summary>
    /// <param name="image">[C, H, W].</param>
    /// <param name="width">W.</param>
    public static void Apply(Span<float> image, int width)
    {
        for (int row = 0; row < image.Length; row += width) image.Slice(row, width).Reverse();
    }
}

namespace PixelDiT.Reference.Data;

/// <summary>What the images of a source were before they were cut and scaled.</summary>
/// <param name="Smallest">Width and height of the picture with the shortest side, in pixels.</param>
/// <param name="Largest">Width and height of the picture with the most pixels.</param>
/// <param name="ScaledUp">Images whose picture had a side shorter than the resolution.</param>
/// <param name="Turned">Images that were put upright as their EXIF data say.</param>
public sealed record Originals((int Width, int Height) Smallest, (int Width, int Height) Largest, long ScaledUp, long Turned);

using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Measuring;

/// <summary>What an edit changed: outside the region that was to change, inside it, and overall.</summary>
/// <param name="Overall">All pixels.</param>
/// <param name="Outside">What should have stayed; null without a region, or where it is everything.</param>
/// <param name="Inside">What was to change; null without a region.</param>
public sealed record EditMeasure(PictureDifference Overall, PictureDifference? Outside, PictureDifference? Inside)
{
    /// <summary>Compares a picture before and after.</summary>
    /// <param name="before">The source.</param>
    /// <param name="after">The edited picture, of the same size.</param>
    /// <param name="inside">[H, W], where something was to change; null where nobody says.</param>
    /// <exception cref="Kernels.ShapeException">The sizes differ.</exception>
    public static EditMeasure Of(Picture before, Picture after, bool[]? inside)
    {
        var parts = PictureDifference.Of(before, after, inside is null ? [null] : [null, Array.ConvertAll(inside, pixel => !pixel), inside]);
        return new(parts[0]!, parts.ElementAtOrDefault(1), parts.ElementAtOrDefault(2));
    }

    /// <summary>What JPEG makes of the untouched picture by the same measure, so that a number has a meaning.</summary>
    /// <param name="before">The source.</param>
    /// <param name="inside">As above.</param>
    /// <param name="quality">1 to 100.</param>
    public static EditMeasure OfJpeg(Picture before, bool[]? inside, int quality) => Of(before, JpegPicture.Of(before, quality), inside);
}

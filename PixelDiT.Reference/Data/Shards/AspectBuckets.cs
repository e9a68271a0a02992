using System.Globalization;

namespace PixelDiT.Reference.Data.Shards;

/// <summary>A size that images of about one shape are brought to.</summary>
/// <param name="Key">The ratio as the authors' table writes it.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public sealed record AspectBucket(string Key, int Height, int Width)
{
    /// <summary>Height over width, as the key says; the size's own ratio differs from it by up to 0.03.</summary>
    public double Ratio { get; } = double.Parse(Key, CultureInfo.InvariantCulture);
}

/// <summary>The shapes that a text model is trained on, about one area each.</summary>
/// <param name="All">The buckets in the order of the table.</param>
public sealed record AspectBuckets(IReadOnlyList<AspectBucket> All)
{
    /// <summary>Training at 512²: 40 shapes, sides of multiples of 32.</summary>
    public static AspectBuckets Training512 { get; } = Table(
        "0.25 256 1024  0.26 256 992  0.27 256 960  0.28 256 928  0.32 288 896  0.33 288 864  0.35 288 832  0.4 320 800  0.42 320 768  0.48 352 736  0.5 352 704  0.52 352 672  0.57 384 672  0.6 384 640 " +
        "0.68 416 608  0.72 416 576  0.78 448 576  0.82 448 544  0.88 480 544  0.94 480 512  1.0 512 512  1.07 512 480  1.13 544 480  1.21 544 448  1.29 576 448  1.38 576 416  1.46 608 416  1.67 640 384 " +
        "1.75 672 384  2.0 704 352  2.09 736 352  2.4 768 320  2.5 800 320  2.89 832 288  3.0 864 288  3.11 896 288  3.62 928 256  3.75 960 256  3.88 992 256  4.0 1024 256");

    /// <summary>Training at 1024²: 7 shapes, sides of multiples of 16.</summary>
    public static AspectBuckets Training1024 { get; } = Table("0.5625 752 1344  0.66 896 1344  0.75 896 1200  1.0 1024 1024  1.33 1200 896  1.5 1344 896  1.77 1344 752");

    /// <summary>Sampling at 1024²: 33 shapes, sides of multiples of 32.</summary>
    public static AspectBuckets Inference1024 { get; } = Table(
        "0.25 512 2048  0.28 512 1856  0.32 576 1792  0.33 576 1728  0.35 576 1664  0.4 640 1600  0.42 640 1536  0.48 704 1472  0.5 704 1408  0.52 704 1344  0.57 768 1344  0.6 768 1280  0.68 832 1216 " +
        "0.72 832 1152  0.78 896 1152  0.82 896 1088  0.88 960 1088  0.94 960 1024  1.0 1024 1024  1.07 1024 960  1.13 1088 960  1.21 1088 896  1.29 1152 896  1.38 1152 832  1.46 1216 832  1.67 1280 768 " +
        "1.75 1344 768  2.0 1408 704  2.09 1472 704  2.4 1536 640  2.5 1600 640  3.0 1728 576  4.0 2048 512");

    /// <summary>Sampling at 512²: the shapes of 1024² with half their sides.</summary>
    public static AspectBuckets Inference512 { get; } = new([.. Inference1024.All.Select(bucket => bucket with { Height = bucket.Height / 2, Width = bucket.Width / 2 })]);

    /// <summary>The shapes of sampling at a resolution; null where none are published.</summary>
    /// <param name="resolution">The side of the square among them.</param>
    public static AspectBuckets? Inference(int resolution) => resolution switch
    {
        512 => Inference512,
        1024 => Inference1024,
        _ => null
    };

    /// <summary>The first bucket whose key lies nearest to an image's ratio.</summary>
    /// <param name="height">Rows of the image, at least 1.</param>
    /// <param name="width">Columns of the image, at least 1.</param>
    public AspectBucket Closest(int height, int width) => Closest((double)height / width);

    /// <summary>The first bucket whose key lies nearest to a ratio.</summary>
    /// <param name="ratio">Height over width.</param>
    public AspectBucket Closest(double ratio) => All.MinBy(bucket => Math.Abs(bucket.Ratio - ratio))!;

    private static AspectBuckets Table(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new([.. words.Chunk(3).Select(row => new AspectBucket(row[0], int.Parse(row[1], CultureInfo.InvariantCulture), int.Parse(row[2], CultureInfo.InvariantCulture)))]);
    }
}

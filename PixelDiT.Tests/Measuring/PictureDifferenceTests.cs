using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Measuring;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Tests.Measuring;

/// <summary>Mean squared error, PSNR and SSIM against values that can be written out.</summary>
internal sealed class PictureDifferenceTests
{
    private static Picture Plain(int width, int height, byte value, int channels = 3) => new(width, height, channels, [.. Enumerable.Repeat(value, width * height * channels)]);

    [Test]
    public void Two_plain_pictures_have_the_numbers_of_their_two_values()
    {
        var difference = PictureDifference.Of(Plain(16, 12, 51), Plain(16, 12, 102))!;
        // x = 0.2 and y = 0.4: (0.2)², −10·log₁₀ 0.04, and of SSIM the brightness alone, (2·0.08 + 0.0001)/(0.04 + 0.16 + 0.0001).
        Assert.That(difference.MeanSquaredError, Is.EqualTo(0.04).Within(1e-15));
        Assert.That(difference.PeakSignalToNoise, Is.EqualTo(13.979400086720377).Within(1e-12));
        Assert.That(difference.Similarity, Is.EqualTo(0.1601 / 0.2001).Within(1e-12));
        Assert.That((difference.Largest, difference.Pixels), Is.EqualTo((51, 192L)));
    }

    [Test]
    public void Equal_pictures_are_alike_and_their_psnr_is_infinite()
    {
        Gen.Select(Gen.Int[1, 30], Gen.Int[1, 30], Gen.OneOf(Gen.Const(1), Gen.Const(3))).SelectMany(size => Gen.Byte.Array[size.Item1 * size.Item2 * size.Item3].Select(pixels => new Picture(size.Item1, size.Item2, size.Item3, pixels))).Sample(picture =>
        {
            var difference = PictureDifference.Of(picture, picture)!;
            return (difference.MeanSquaredError, difference.PeakSignalToNoise, difference.Largest) == (0, null, 0)
                && (picture.Width < 11 || picture.Height < 11 ? difference.Similarity is null : Math.Abs(difference.Similarity!.Value - 1) < 1e-12);
        }, iter: 50);
    }

    [Test]
    public void Ssim_is_the_mean_of_its_equation_over_all_windows()
    {
        // The equation window by window, with all 121 weights, as it is written.
        Gen.Select(Gen.Byte.Array[13 * 12 * 3], Gen.Byte.Array[13 * 12 * 3]).Sample((first, second) =>
        {
            Picture a = new(13, 12, 3, first), b = new(13, 12, 3, second);
            double sum = 0;
            for (int c = 0; c < 3; c++)
            {
                for (int top = 0; top < 2; top++)
                {
                    for (int left = 0; left < 3; left++) sum += Window(a, b, c, left, top);
                }
            }
            return Math.Abs(StructuralSimilarity.Of(a, b)!.Value - (sum / 18)) < 1e-10;
        }, iter: 20);
    }

    [Test]
    public void A_stripe_has_the_similarity_of_one_window()
    {
        // One window of 11×11: black, and black with a white column in its middle, whose weight is w₅ = 0.26601…
        byte[] stripe = new byte[121];
        for (int y = 0; y < 11; y++) stripe[(y * 11) + 5] = 255;
        double w = 1 / Enumerable.Range(-5, 11).Sum(k => Math.Exp(-k * k / 4.5));
        double expected = 1e-4 * 9e-4 / (((w * w) + 1e-4) * (w - (w * w) + 9e-4));
        Assert.That(StructuralSimilarity.Of(Plain(11, 11, 0, 1), new Picture(11, 11, 1, stripe)), Is.EqualTo(expected).Within(1e-15));
    }

    [Test]
    public void A_region_counts_its_pixels_and_the_windows_within_it()
    {
        Picture before = Plain(24, 12, 100), after = new(24, 12, 3, [.. before.Pixels]);
        bool[] inside = [.. Enumerable.Range(0, 24 * 12).Select(i => i % 24 >= 20)];
        for (int i = 0; i < inside.Length; i++)
        {
            if (inside[i]) after.Pixels[(3 * i) + 1] = 255;
        }
        var measure = EditMeasure.Of(before, after, inside);
        Assert.That((measure.Outside!.MeanSquaredError, measure.Outside.Largest, measure.Outside.Pixels), Is.EqualTo((0.0, 0, 240L)));
        Assert.That(measure.Outside.Similarity, Is.EqualTo(1).Within(1e-12), "windows that reach into the region do not count");
        Assert.That(measure.Inside!.MeanSquaredError, Is.EqualTo(155 * 155 / (255.0 * 255) / 3).Within(1e-12));
        Assert.That(measure.Inside.Similarity, Is.Null, "no window of 11 columns fits into 4");
        Assert.That(measure.Overall.MeanSquaredError, Is.EqualTo(measure.Inside.MeanSquaredError * 4 / 24).Within(1e-12));
        Assert.That(EditMeasure.Of(before, after, [.. inside.Select(_ => true)]).Outside, Is.Null);
    }

    [Test]
    public void Jpeg_costs_more_at_a_lower_quality_and_nothing_on_plain_gray()
    {
        var random = new Random(3);
        var noisy = new Picture(32, 32, 3, [.. Enumerable.Range(0, 32 * 32 * 3).Select(_ => (byte)random.Next(256))]);
        var (low, high) = (EditMeasure.OfJpeg(noisy, null, 75), EditMeasure.OfJpeg(noisy, null, 95));
        Assert.That(low.Overall.MeanSquaredError, Is.GreaterThan(high.Overall.MeanSquaredError).And.GreaterThan(1e-3));
        Assert.That(EditMeasure.OfJpeg(Plain(32, 32, 128, 1), null, 75).Overall.Largest, Is.Zero);
    }

    [Test]
    public void Means_count_pictures_alike_and_leave_out_what_is_missing()
    {
        PictureDifference large = new(1000, 0.02, 0.5, 9), small = new(10, 0.04, null, 20);
        var (mean, baselines) = EditMeans.Of([(new(large, large, null), [new(small, null, null)]), (new(small, null, small), [new(large, null, null)])]);
        Assert.That(mean.Overall, Is.EqualTo(new PictureDifference(1010, 0.03, 0.5, 20)));
        Assert.That((mean.Outside, mean.Inside), Is.EqualTo((large, small)));
        Assert.That(baselines[0].Overall.MeanSquaredError, Is.EqualTo(0.03));
    }

    [Test]
    public void Pictures_of_two_sizes_are_refused()
    {
        Assert.That(() => PictureDifference.Of(Plain(4, 4, 0), Plain(4, 5, 0)), Throws.TypeOf<ShapeException>().With.Message.EqualTo("pictures of one size are compared; found 4 × 4 × 3 and 4 × 5 × 3"));
        Assert.That(() => PictureDifference.Of(Plain(4, 4, 0), Plain(4, 4, 0), new bool[15]), Throws.TypeOf<ShapeException>());
        Assert.That(PictureDifference.Of(Plain(4, 4, 0), Plain(4, 4, 0), new bool[16]), Is.Null);
    }

    private static double Window(Picture a, Picture b, int c, int left, int top)
    {
        double total = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
        for (int dy = 0; dy < 11; dy++)
        {
            for (int dx = 0; dx < 11; dx++)
            {
                double weight = Math.Exp(-(((dx - 5) * (dx - 5)) + ((dy - 5) * (dy - 5))) / 4.5);
                double u = a.Pixels[((((top + dy) * a.Width) + left + dx) * 3) + c] / 255.0, v = b.Pixels[((((top + dy) * b.Width) + left + dx) * 3) + c] / 255.0;
                (total, x, y, xx, yy, xy) = (total + weight, x + (weight * u), y + (weight * v), xx + (weight * u * u), yy + (weight * v * v), xy + (weight * u * v));
            }
        }
        (x, y, xx, yy, xy) = (x / total, y / total, xx / total, yy / total, xy / total);
        return ((2 * x * y) + 1e-4) * ((2 * (xy - (x * y))) + 9e-4) / (((x * x) + (y * y) + 1e-4) * (xx - (x * x) + yy - (y * y) + 9e-4));
    }
}

using NUnit.Framework;
using PixelDiT.Reference.Data.Shards;

namespace PixelDiT.Tests.Data.Shards;

/// <summary>The sizes that sampling chooses among.</summary>
internal sealed class AspectBucketsTests
{
    [Test]
    public void Sampling_has_33_shapes_of_about_one_area()
    {
        AspectBuckets large = AspectBuckets.Inference1024, small = AspectBuckets.Inference512;
        Assert.That((large.All.Count, small.All.Count), Is.EqualTo((33, 33)));
        Assert.That(large.All.Select(bucket => bucket.Ratio), Is.Ordered.And.Unique);
        Assert.That(large.All, Has.All.Matches<AspectBucket>(bucket => bucket!.Height % 64 == 0 && bucket.Width % 64 == 0 && Math.Abs(bucket.Ratio - (double)bucket.Height / bucket.Width) < 0.03));
        Assert.That(small.All, Is.EqualTo(large.All.Select(bucket => new AspectBucket(bucket.Key, bucket.Height / 2, bucket.Width / 2))));
        Assert.That(small.All, Is.SubsetOf(AspectBuckets.Training512.All.Concat(small.All.Where(bucket => bucket.Ratio is 0.28))), "the training table has its shapes, but for one");
    }

    [TestCase(16.0 / 9, 1344, 768)]
    [TestCase(9.0 / 16, 768, 1344)]
    [TestCase(1, 1024, 1024)]
    [TestCase(0.25, 512, 2048)]
    [TestCase(100, 2048, 512)]
    public void The_nearest_shape_is_taken(double ratio, int height, int width)
    {
        var bucket = AspectBuckets.Inference(1024)!.Closest(ratio);
        Assert.That((bucket.Height, bucket.Width), Is.EqualTo((height, width)));
    }

    [TestCase(256)]
    [TestCase(2048)]
    public void Other_resolutions_have_none(int resolution) => Assert.That(AspectBuckets.Inference(resolution), Is.Null);
}

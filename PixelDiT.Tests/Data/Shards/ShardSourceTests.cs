using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Shards;

namespace PixelDiT.Tests.Data.Shards;

/// <summary>Shards as a source give what <see cref="CaptionedImages"/> reads, which the golden shards hold to the authors' loader.</summary>
internal sealed class ShardSourceTests
{
    private const int Side = 64;

    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "Golden", "wids");
    private static readonly AspectBuckets s_buckets = new([new("0.5", 32, 64), new("1.0", 48, 48), new("2.0", 64, 32)]);

    private readonly CaptionedImages _images = new(s_folder);

    [OneTimeTearDown]
    public void Close() => _images.Dispose();

    [Test]
    public void Squares_are_walked_in_the_order_of_the_shards()
    {
        using var source = Open(null);
        Assert.That((source.Count, source.InOrder, source.Skipped.Count), Is.EqualTo(((long)_images.Count, true, 0)));
        Assert.That(source.Sizes, Is.EqualTo(new[] { (Side, Side) }));
        var image = new float[3 * Side * Side];
        var captions = source.Captions.ToHashSet();
        for (int index = 0; index < source.Count; index++)
        {
            string caption = source.Read(index, 5, image);
            var expected = _images.ReadSquareOrNext(index, Side, 0.5);
            Assert.That(image, Is.EqualTo(Enumerable.Range(0, 3).SelectMany(c => Enumerable.Range(0, Side * Side).Select(i => (expected.Picture.Pixels[3 * i + c] / 255f - 0.5f) / 0.5f))), $"image {index}");
            Assert.That(captions, Does.Contain(caption));
        }
    }

    [Test]
    public void A_draw_chooses_among_the_captions_by_their_scores()
    {
        using var source = Open(null);
        int index = Enumerable.Range(0, _images.Count).First(i => Candidates(i).Count > 1);
        string[] drawn = [.. Enumerable.Range(0, 400).Select(draw => source.Read(index, (ulong)draw, new float[3 * Side * Side]))];
        Assert.That(source.Read(index, 3, new float[3 * Side * Side]), Is.EqualTo(drawn[3]));
        double likeliest = Candidates(index).Select(candidate => (candidate.Type, candidate.Probability)).GroupBy(pair => pair.Type).Max(type => type.Sum(pair => pair.Probability));
        // Five standard deviations of 400 draws.
        Assert.That(drawn.GroupBy(caption => caption).Max(group => group.Count()) / 400.0, Is.EqualTo(likeliest).Within(5 * Math.Sqrt(likeliest * (1 - likeliest) / 400) + 1e-9));

        IReadOnlyList<CaptionCandidate> Candidates(int i)
        {
            try
            {
                return _images.Candidates(i);
            }
            catch (DataException)
            {
                return [];
            }
        }
    }

    [Test]
    public void Images_without_a_size_are_in_no_bucket()
    {
        using var source = Open(s_buckets);
        int[] listed = [.. Enumerable.Range(0, _images.Count).Where(index => _images.Listed(index) is not null)];
        Assert.That(source.Count, Is.EqualTo(listed.Length).And.LessThan(_images.Count));
        Assert.That(source.Skipped, Has.Count.EqualTo(_images.Count - listed.Length));
        Assert.That(source.Skipped[0].Path, Does.Contain(".tar: sample "));
        for (int i = 0; i < listed.Length; i++)
        {
            var said = _images.Listed(listed[i])!;
            var bucket = s_buckets.Closest(said.Height, said.Width);
            Assert.That(source.Sizes[source.SizeOf(i)], Is.EqualTo((bucket.Height, bucket.Width)));
        }
        int whole = Array.FindIndex(listed, index => _images.ReadBucketOrNext(index, s_buckets.Closest(_images.Listed(index)!.Height, _images.Listed(index)!.Width), s_buckets, 0).Index == index);
        var (height, width) = source.Sizes[source.SizeOf(whole)];
        var image = new float[3 * height * width];
        source.Read(whole, 1, image);
        Assert.That(image.Distinct().Count(), Is.GreaterThan(10));
    }

    [Test]
    public void One_channel_is_the_brightness()
    {
        using ShardSource colour = Open(null), gray = Open(null, 1);
        float[] three = new float[3 * Side * Side], one = new float[Side * Side];
        colour.Read(0, 0, three);
        gray.Read(0, 0, one);
        for (int i = 0; i < one.Length; i++) Assert.That(one[i], Is.EqualTo(0.299f * three[i] + 0.587f * three[one.Length + i] + 0.114f * three[2 * one.Length + i]).Within(1.01 / 255), "a byte of rounding");
    }

    [Test]
    public void The_identity_is_that_of_the_files()
    {
        using ShardSource squares = Open(null), buckets = Open(s_buckets);
        Assert.That(squares.ListingHash, Is.EqualTo(buckets.ListingHash).And.Length.EqualTo(64));
        using var folder = new TemporaryFolder();
        foreach (string file in Directory.GetFiles(s_folder)) File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        using (var copy = new ShardSource(folder.Path, Side, null, 3, "copy", new SourceOptions())) Assert.That(copy.ListingHash, Is.EqualTo(squares.ListingHash));
        File.Delete(Path.Combine(folder.Path, "00001.tar"));
        Assert.That(() => new ShardSource(folder.Path, Side, null, 3, "copy", new SourceOptions()), Throws.TypeOf<FileFormatException>().With.Message.Contains("00001.tar: cannot be read"));
    }

    [Test]
    public void Opening_buckets_is_told_of_and_may_be_cancelled()
    {
        long done = 0;
        using (var source = new ShardSource(s_folder, 0, s_buckets, 3, "x", new SourceOptions { Progress = (count, _) => done = count })) Assert.That(done, Is.EqualTo(_images.Count));
        Assert.That(() => new ShardSource(s_folder, 0, s_buckets, 3, "x", new SourceOptions { Cancel = new CancellationToken(true) }), Throws.InstanceOf<OperationCanceledException>());
    }

    private static ShardSource Open(AspectBuckets? buckets, int channels = 3) => new(s_folder, Side, buckets, channels, "wids:golden", new SourceOptions());
}

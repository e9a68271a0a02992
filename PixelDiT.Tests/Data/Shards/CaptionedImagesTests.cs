using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Tests.Data.Shards;

/// <summary>Indices, captions and samples that are not what they should be are named, and one bad sample does not cost the others.</summary>
internal sealed class CaptionedImagesTests
{
    private const string Index = """{"wids_version": 1, "shardlist": [{"url": "s.tar", "nsamples": 1}]}""";

    private static readonly byte[] s_png = PngOf(new Picture(3, 2, 3, [.. Enumerable.Range(0, 18).Select(i => (byte)(10 * i))]));

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase("{", "is no JSON: line 1")]
    [TestCase("[]", "is no object")]
    [TestCase("""{"shardlist": []}""", "wids_version is absent; 1 was expected")]
    [TestCase("""{"wids_version": 2, "shardlist": []}""", "wids_version is \"2\"; 1 was expected")]
    [TestCase("""{"wids_version": 1, "shardlist": []}""", "has no shardlist")]
    [TestCase("""{"wids_version": 1, "datasets": [{"source_url": "x"}]}""", "name their folders")]
    [TestCase("""{"wids_version": 1, "shardlist": [7]}""", "shardlist[0] has no url")]
    [TestCase("""{"wids_version": 1, "shardlist": [{"url": "s.tar"}]}""", "shardlist[0]: nsamples is absent")]
    [TestCase("""{"wids_version": 1, "shardlist": [{"url": "s.tar", "nsamples": -1}]}""", "nsamples is \"-1\"")]
    [TestCase("""{"wids_version": 1, "shardlist": [{"url": "s.tar", "nsamples": 1e30}]}""", "nsamples is \"1e30\"")]
    [TestCase("""{"wids_version": 1, "shardlist": [{"url": "../s.tar", "nsamples": 1}]}""", "url is \"../s.tar\"")]
    [TestCase("""{"wids_version": 1, "shardlist": [{"url": "/etc/s.tar", "nsamples": 1}]}""", "url is \"/etc/s.tar\"")]
    [TestCase("""{"wids_version": 1, "shardlist": [{"url": "https://example.com/s.tar", "nsamples": 1}]}""", "nothing is fetched from elsewhere")]
    [TestCase("""{"wids_version": 1, "shardlist": [{"url": "pipe:cat s.tar", "nsamples": 1}]}""", "url is \"pipe:cat s.tar\"")]
    [TestCase("""{"wids_version": 1, "shardlist": [{"url": "\ud800.tar", "nsamples": 1}]}""", "holds text that is no Unicode")]
    [TestCase("""{"\ud800": 1, "wids_version": 2}""", "wids_version")]
    public void An_index_that_is_none_is_refused_by_name(string index, string message)
    {
        string path = _folder.Write("wids-meta.json", Encoding.UTF8.GetBytes(index));
        Assert.That(Assert.Throws<FileFormatException>(() => new CaptionedImages(_folder.Path))!.Message, Does.StartWith($"{path}: ").And.Contain(message));
    }

    [Test]
    public void A_folder_without_index_and_a_shard_that_is_not_there_are_named()
    {
        Assert.That(Assert.Throws<FileFormatException>(() => new CaptionedImages(_folder.Path))!.Message, Does.Contain("wids-meta.json: cannot be read: there is no such file"));
        Assert.Throws<DataException>(() => new CaptionedImages());
        Write(Index);
        using var images = new CaptionedImages(_folder.Path);
        Assert.That(Assert.Throws<FileFormatException>(() => images.Listed(0))!.Message, Does.Contain("s.tar: cannot be read: there is no such file"));
    }

    [Test]
    public void A_shard_with_fewer_samples_than_its_index_says_is_named_and_more_are_never_seen()
    {
        using (var few = Open("""{"wids_version": 1, "shardlist": [{"url": "s.tar", "nsamples": 3}]}""", Tar("""{"height": 2, "width": 3, "prompt": "p"}""", s_png)))
        {
            Assert.That(few.Count, Is.EqualTo(3));
            Assert.That(Assert.Throws<DataException>(() => few.Listed(0))!.Message, Does.Contain("s.tar: has 1 samples; its index says 3"));
        }
        using var more = Open(Index, new TarBytes().Add("a.json", "{}").Add("b.json", "{}").ToArray());
        Assert.That(more.Count, Is.EqualTo(1));
        Assert.That(Assert.Throws<DataException>(() => more.Listed(1))!.Message, Does.Contain("image 1 was asked for; there are 1"));
        Assert.That(Assert.Throws<DataException>(() => more.Listed(-1))!.Message, Does.Contain("image -1"));
    }

    [TestCase("not json", "its .json is none: line 1")]
    [TestCase("[1]", "its .json is no object")]
    [TestCase("""{"height": 2, "width": 3}""", "has no caption \"prompt\"")]
    [TestCase("""{"height": 2, "width": 3, "prompt": {}}""", "its caption \"prompt\" is no text")]
    [TestCase("""{"height": 2, "width": 3, "prompt": "\ud800"}""", "its caption \"prompt\" is no text")]
    [TestCase("""{"height": 2, "width": 3, "\ud800": "p"}""", "holds text that is no Unicode")]
    [TestCase("""{"height": -2, "width": 3, "prompt": "p"}""", "its json says no height and width")]
    [TestCase("""{"height": 1e300, "width": 3, "prompt": "p"}""", "its json says no height and width")]
    [TestCase("""{"height": "2", "width": [], "prompt": "p"}""", "its json says no height and width")]
    [TestCase("""{"height": 4, "width": 4, "prompt": "p"}""", "was said to have 4 × 4")]
    [TestCase("""{"height": 16777216, "width": 1, "prompt": "p"}""", null)]
    public void A_sample_that_is_none_is_named(string json, string? message)
    {
        using var images = Open(Index, Tar(json, s_png));
        var bucket = new AspectBucket("1.0", 4, 4);
        if (message is null)
        {
            Assert.That(images.ReadBucket(0, bucket, 0).Picture.Pixels, Has.Length.EqualTo(48));
            return;
        }
        var error = Assert.Throws<DataException>(() => images.ReadBucket(0, bucket, 0))!;
        Assert.That(error.Message, Does.Contain("s.tar: sample \"a\": ").And.Contain(message));
        Assert.That(Assert.Throws<DataException>(() => images.ReadBucketOrNext(0, bucket, new([bucket]), 0))!.Message, Is.EqualTo(error.Message));
    }

    [Test]
    public void A_picture_that_is_none_is_named()
    {
        using var images = Open(Index, Tar("""{"height": 2, "width": 3, "prompt": "p"}""", [1, 2, 3]));
        Assert.That(Assert.Throws<DataException>(() => images.ReadSquare(0, 4, 0))!.Message, Does.Contain("s.tar: sample \"a\": is "));
    }

    [TestCase("""{"a": {"prompt": "twenty"}}""", "the score of \"prompt\" is \"twenty\"")]
    [TestCase("""{"a": {"prompt": "NaN"}}""", "the score of \"prompt\" is \"NaN\"")]
    [TestCase("""{"a": {"prompt": [30]}}""", "the score of \"prompt\" is \"[30]\"")]
    public void A_score_that_is_no_number_is_named(string scores, string message)
    {
        _folder.Write("s_prompt_clip_score.json", Encoding.UTF8.GetBytes(scores));
        using var images = Open(Index, Tar("""{"height": 2, "width": 3, "prompt": "p"}""", s_png));
        Assert.That(Assert.Throws<DataException>(() => images.ReadSquare(0, 4, 0))!.Message, Does.Contain("s.tar: sample \"a\": ").And.Contain(message));
    }

    [TestCase("[]"), TestCase("""{"a": 3}"""), TestCase("""{"b": {"prompt": "q"}, "a": {"prompt": "q", "\ud800": ""}}""")]
    public void A_caption_file_that_is_none_is_left_out_with_a_remark(string captions)
    {
        _folder.Write("s.json", Encoding.UTF8.GetBytes(captions));
        using var images = Open(Index, Tar("""{"height": 2, "width": 3, "prompt": "p"}""", s_png));
        Assert.That(images.ReadSquare(0, 4, 0).Caption, Is.EqualTo("p"));
        Assert.That(images.Remarks, Has.Exactly(1).Contains("s.json: ").And.One.Contains("left out"));
    }

    [Test]
    public void Many_shards_are_read_by_many_threads()
    {
        const int Shards = 24;
        for (int i = 0; i < Shards; i++) _folder.Write($"{i}.tar", new TarBytes().Add($"k{i}.json", $$"""{"height": 2, "width": 3, "prompt": "caption {{i}}"}""").Add($"k{i}.png", s_png).ToArray());
        Write($$"""{"wids_version": 1, "shardlist": [{{string.Join(", ", Enumerable.Range(0, Shards).Select(i => $$"""{"url": "{{i}}.tar", "nsamples": 1}"""))}}]}""");
        using var images = new CaptionedImages(_folder.Path, _folder.Path);
        Assert.That(images.Count, Is.EqualTo(2 * Shards));
        Parallel.For(0, 4 * images.Count, n => Assert.That(images.ReadSquare(n % images.Count, 4, 0.5).Caption, Is.EqualTo($"caption {n % Shards}")));
    }

    [Test]
    public void Settings_out_of_range_are_named()
    {
        var buckets = AspectBuckets.Training1024;
        Assert.Throws<ConfigurationException>(() => BucketBatches.Range(10, 2, 2));
        Assert.Throws<ConfigurationException>(() => BucketBatches.Epoch(_ => (1, 1), (0, 10), 0, buckets));
        Assert.Throws<ConfigurationException>(() => BucketBatches.Epoch(_ => (1, 1), (0, 10), 1, buckets, start: 11));
    }

    private CaptionedImages Open(string index, byte[] tar)
    {
        _folder.Write("s.tar", tar);
        Write(index);
        return new CaptionedImages(_folder.Path);
    }

    private void Write(string index) => _folder.Write("wids-meta.json", Encoding.UTF8.GetBytes(index));

    private static byte[] Tar(string json, byte[] png) => new TarBytes().Add("a.json", json).Add("a.png", png).ToArray();

    private static byte[] PngOf(Picture picture)
    {
        using var stream = new MemoryStream();
        PngWriter.Write(stream, picture);
        return stream.ToArray();
    }
}

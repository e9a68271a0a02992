using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Tests.Data.Shards;

/// <summary>A data set of two shards full of edge cases, as the authors' loader reads it.</summary>
internal sealed class GoldenShardsTests
{
    /// <summary>Two JPEG decoders of 8 bits, each correct, round differently: 3 levels at most and 0.15 in the mean before scaling, where the steepest filter may add a level.</summary>
    private const int JpegLevels = 3;

    private const double JpegMean = 0.15;

    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "Golden", "wids");
    private static readonly JsonElement s_expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(s_folder, "expected.json"))).RootElement;
    private static readonly AspectBuckets s_buckets = new(
        [.. s_expected.GetProperty("aspect_ratios").EnumerateObject().Select(bucket => new AspectBucket(bucket.Name, (int)bucket.Value[0].GetDouble(), (int)bucket.Value[1].GetDouble()))]);

    private readonly CaptionedImages _images = new(s_folder);

    private static IEnumerable<int> Indices => Enumerable.Range(0, s_expected.GetProperty("length").GetInt32());

    private static IEnumerable<int> Runs => Enumerable.Range(0, s_expected.GetProperty("batch_runs").GetArrayLength());

    [OneTimeTearDown]
    public void Close() => _images.Dispose();

    [Test]
    public void The_index_counts_its_samples_and_broken_files_are_remarked_upon()
    {
        Assert.That(_images.Count, Is.EqualTo(s_expected.GetProperty("length").GetInt32()));
        _ = _images.Listed(16);
        Assert.That(_images.Remarks, Has.Exactly(1).Contains("00001_InternVL2-26B.json: is no JSON and is left out"));
    }

    [TestCaseSource(nameof(Indices))]
    public void A_sample_has_its_members_size_and_bucket(int index)
    {
        var sample = s_expected.GetProperty("samples")[index];
        Assert.That(_images.Members(index), Is.EqualTo(sample.GetProperty("members").EnumerateArray().Select(member => member.GetString())));
        var expected = sample.GetProperty("listed");
        var listed = _images.Listed(index);
        if (expected.ValueKind == JsonValueKind.Null)
        {
            Assert.That(listed, Is.Null);
            return;
        }
        Assert.That(listed, Is.EqualTo(new ListedImage(
            expected.GetProperty("height").GetInt32(), expected.GetProperty("width").GetInt32(), expected.GetProperty("version").GetString()!, expected.GetProperty("key").GetString()!)));
        if (sample.TryGetProperty("bucket", out var bucket)) Assert.That(s_buckets.Closest(listed!.Height, listed.Width).Ratio, Is.EqualTo(bucket.GetDouble()));
    }

    [TestCaseSource(nameof(Indices))]
    public void A_sample_gives_the_authors_caption_and_pictures_or_fails(int index)
    {
        var sample = s_expected.GetProperty("samples")[index];
        string outcome = sample.GetProperty("fixed").GetString()!;
        if (outcome != "ok")
        {
            string reason = outcome switch { "KeyError: '.jpg'" => "neither a .png nor a .jpg", "KeyError: '.json'" => "has no .json", _ => "has no caption \"prompt\"" };
            Assert.That(Assert.Throws<DataException>(() => _images.ReadSquare(index, 64, 0.5))!.Message, Does.Contain(reason).And.Contain("00000.tar: sample "));
            Assert.That(_images.ReadSquareOrNext(index, 64, 0.5).Index, Is.EqualTo(sample.GetProperty("fixed_takes_instead").GetInt32()));
            return;
        }
        using var pictures = SafetensorsReader.Open(Path.Combine(s_folder, "expected.safetensors"));
        bool isJpeg = pictures.Contains($"decoded.{index}") && !_images.Members(index).Contains(".png");
        var listed = _images.Listed(index)!;
        CaptionedImage square = _images.ReadSquare(index, 64, 0.5), bucket = _images.ReadBucket(index, s_buckets.Closest(listed.Height, listed.Width), 0.5);
        CheckPicture(square.Picture, Read(pictures, $"fixed.{index}"), isJpeg);
        CheckPicture(bucket.Picture, Read(pictures, $"multi.{index}"), isJpeg);
        if (sample.TryGetProperty("caption", out var caption))
        {
            foreach (var image in new[] { square, bucket })
            {
                Assert.That((image.CaptionType, image.Caption), Is.EqualTo((sample.GetProperty("caption_type").GetString()!, caption.GetString()!)));
                Assert.That(image.Score, Is.EqualTo(double.Parse(sample.GetProperty("score").GetString()!, System.Globalization.CultureInfo.InvariantCulture)));
            }
        }
        if (!sample.TryGetProperty("draw", out var draw)) return;
        var candidates = _images.Candidates(index);
        Assert.That(candidates.Select(candidate => candidate.Type), Is.EqualTo(draw.EnumerateArray().Select(entry => entry[0].GetString())));
        // Powers and a sum in double precision, in another order.
        foreach (var (candidate, entry) in candidates.Zip(draw.EnumerateArray())) Assert.That(candidate.Probability, Is.EqualTo(entry[1].GetDouble()).Within(1e-14));
    }

    [Test]
    public void Draws_pick_the_authors_captions()
    {
        foreach (var draw in s_expected.GetProperty("draws").EnumerateArray())
        {
            var candidates = _images.Candidates(draw.GetProperty("index").GetInt32());
            Assert.That(CaptionChoice.Pick(candidates, draw.GetProperty("u").GetDouble()).Type, Is.EqualTo(draw.GetProperty("pick").GetString()), draw.ToString());
        }
    }

    [Test]
    public void A_jpeg_is_decoded_as_others_decode_it()
    {
        using var pictures = SafetensorsReader.Open(Path.Combine(s_folder, "expected.safetensors"));
        var expected = Read(pictures, "decoded.1");
        var decoded = _images.Decoded(1);
        Assert.That((decoded.Height, decoded.Width), Is.EqualTo((expected.Height, expected.Width)));
        int[] differences = [.. decoded.Pixels.Zip(expected.Pixels, (a, b) => Math.Abs(a - b))];
        TestContext.Out.WriteLine($"most {differences.Max()}, mean {differences.Average():f3}");
        Assert.That(differences.Max(), Is.LessThanOrEqualTo(JpegLevels));
        Assert.That(differences.Average(), Is.LessThanOrEqualTo(JpegMean));
    }

    [TestCaseSource(nameof(Runs))]
    public void Batches_are_full_in_the_authors_order(int number)
    {
        var run = s_expected.GetProperty("batch_runs")[number];
        int size = run.GetProperty("batch_size").GetInt32();
        var range = BucketBatches.Range(_images.Count, run.GetProperty("rank").GetInt32(), run.GetProperty("world").GetInt32());
        var batches = BucketBatches.Epoch(Size, range, size, s_buckets, run.GetProperty("start").GetInt32());
        if (run.TryGetProperty("left_after", out var left))
        {
            // An epoch that is left early and begun again: ours begins as the first did, where the authors' mixes in what was left over.
            int[][] before = [.. left.EnumerateArray().Select(Numbers)];
            Assert.That(batches.Take(before.Length).Select(batch => batch.Indices), Is.EqualTo(before));
            Assert.That(batches.Take(before.Length).Select(batch => batch.Indices), Is.EqualTo(before));
            return;
        }
        Assert.That(range, Is.EqualTo((run.GetProperty("range")[0].GetInt32(), run.GetProperty("range")[1].GetInt32())));
        Assert.That(BucketBatches.ReportedLength(range, size), Is.EqualTo(run.GetProperty("length").GetInt32()));
        Assert.That(batches.Select(batch => batch.Indices), Is.EqualTo(run.GetProperty("batches").EnumerateArray().Select(Numbers)));
        foreach (var batch in batches) Assert.That(batch.Indices.Select(index => s_buckets.Closest(_images.Listed(index)!.Height, _images.Listed(index)!.Width)), Has.All.EqualTo(batch.Bucket));
    }

    [Test]
    public void A_failing_image_is_replaced_by_one_of_its_bucket()
    {
        // 9 has no caption; of its bucket follow 15 and, from the beginning, 0 and 3.
        var bucket = s_buckets.Closest(64, 48);
        var image = _images.ReadBucketOrNext(9, bucket, s_buckets, 0.5);
        Assert.That(image.Index, Is.EqualTo(15));
        Assert.That((image.Picture.Height, image.Picture.Width), Is.EqualTo((bucket.Height, bucket.Width)));
    }

    [Test]
    public void The_published_tables_give_the_authors_buckets_sizes_and_cuts()
    {
        foreach (var row in s_expected.GetProperty("real_buckets").GetProperty("rows").EnumerateArray())
        {
            int[] n = [.. row.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Number ? value.GetInt32() : 0)];
            var bucket = (row[0].GetString() == "ASPECT_RATIO_512" ? AspectBuckets.Training512 : AspectBuckets.Training1024).Closest(n[1], n[2]);
            var (height, width) = PillowCrop.CoverSize(n[1], n[2], bucket.Height, bucket.Width);
            Assert.That(
                (bucket.Key, bucket.Height, bucket.Width, height, width, PillowCrop.CentreOffset(height, bucket.Height), PillowCrop.CentreOffset(width, bucket.Width)),
                Is.EqualTo((row[3].GetString(), n[4], n[5], n[6], n[7], n[8], n[9])), row.ToString());
        }
        Assert.That(AspectBuckets.Training512.All, Has.Count.EqualTo(40));
        Assert.That(AspectBuckets.Training512.All.Select(bucket => bucket.Ratio), Is.Ordered.And.Unique);
        Assert.That(AspectBuckets.Training1024.All, Has.Count.EqualTo(7));
    }

    private (int Height, int Width)? Size(int index) => _images.Listed(index) is { } listed ? (listed.Height, listed.Width) : null;

    private static int[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(number => number.GetInt32())];

    private static void CheckPicture(Picture actual, Picture expected, bool isJpeg)
    {
        Assert.That((actual.Height, actual.Width), Is.EqualTo((expected.Height, expected.Width)));
        if (!isJpeg) Assert.That(actual.Pixels, Is.EqualTo(expected.Pixels));
        else Assert.That(actual.Pixels.Zip(expected.Pixels, (a, b) => Math.Abs(a - b)).Max(), Is.LessThanOrEqualTo(JpegLevels));
    }

    private static Picture Read(SafetensorsReader file, string name)
    {
        var shape = file[name].Shape;
        return new Picture((int)shape[1], (int)shape[0], 3, [.. file.ReadIntegers(name).Select(value => (byte)value)]);
    }
}

using System.Buffers.Binary;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;
using PixelDiT.Tests.Data.Decoding;

namespace PixelDiT.Tests.Data;

/// <summary>How pictures are brought to their size and what their transparent parts are laid on.</summary>
public sealed class PreparationTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Classes_are_cut_as_ADM_does_unless_the_old_way_is_asked_for()
    {
        var picture = Noise(50, 37);
        _folder.Write("p/a/1.png", Png(picture));
        Assert.That(Bytes(Open("p", 16)), Is.EqualTo(Planes(PillowCrop.Square(picture, 16))));
        Assert.That(Bytes(Open("p", 16, new() { Resize = ResizeRule.Adm })), Is.EqualTo(Planes(PillowCrop.Square(picture, 16))));
        Assert.That(Bytes(Open("p", 16, new() { Resize = ResizeRule.Area })), Is.EqualTo(ImageDecoder.Decode(Png(picture), 16, 3).Pixels).And.Not.EqualTo(Planes(PillowCrop.Square(picture, 16))));
        Assert.That(Bytes(Open("p", 16, new() { Resize = ResizeRule.Adm }, 1)), Is.EqualTo(PixelScale.ToPlanes(PillowCrop.Square(picture, 16), 1)));
    }

    [Test]
    public void Images_that_are_no_squares_are_covered_and_cut_out_of_the_middle()
    {
        var picture = Noise(50, 37);
        _folder.Write("p/a/1.png", Png(picture));
        Assert.That(Bytes(Open("p", new(24, 16))), Is.EqualTo(Planes(PillowCrop.Cover(picture, 37, 50, 24, 16))));
    }

    [Test]
    public void A_picture_too_narrow_to_be_scaled_is_skipped_by_name()
    {
        _folder.Write("p/a/1.png", Png(Noise(16, 16)));
        _folder.Write("p/a/line.png", Png(Noise(30_000, 1)));
        _folder.Write("p/a/thread.png", PngBytes.File(PngBytes.Header(3_000_000, 1, 8, 0), PngBytes.Pixels([new byte[3_000_000]]), PngBytes.End));
        var source = Open("p", 1024);
        Assert.That(source.Count, Is.EqualTo(2));
        Assert.That(source.Skipped.Single().Reason, Does.Contain("a picture would be scaled to"));
    }

    [TestCase(28, 1)]
    [TestCase(28, 3)]
    public void Fashion_MNIST_at_its_own_size_is_the_same_by_either_rule_and_says_none(int size, int channels)
    {
        WriteIdx(28);
        IImageSource adm = OpenIdx(size, channels, ResizeRule.Adm), area = OpenIdx(size, channels, ResizeRule.Area), usual = OpenIdx(size, channels, null);
        for (int i = 0; i < 3; i++) Assert.That(Bytes(adm, i), Is.EqualTo(Bytes(area, i)).And.EqualTo(Bytes(usual, i)));
        Assert.That(new[] { adm, area, usual }.Select(source => source.Preparation), Is.All.Null);
    }

    [TestCase(14, 1)]
    [TestCase(14, 3)]
    [TestCase(40, 3)]
    public void Stored_images_of_another_size_are_cut_as_ADM_does(int size, int channels)
    {
        byte[] pixels = WriteIdx(28);
        var expected = PillowCrop.Square(new Picture(28, 28, 1, pixels[784..1568]), size);
        var source = OpenIdx(size, channels, null);
        Assert.That(Bytes(source, 1), Is.EqualTo(Enumerable.Repeat(expected.Pixels, channels).SelectMany(plane => plane)));
        Assert.That(source.Preparation, Is.EqualTo(new Preparation(ResizeRule.Adm, Background.White)));
        Assert.That(Bytes(OpenIdx(size, channels, ResizeRule.Area), 1), Is.Not.EqualTo(Bytes(source, 1)));
        Assert.That(source.ListingHash, Is.EqualTo(OpenIdx(28, channels, null).ListingHash), "the data is the same");
    }

    [Test]
    public void CIFAR_10_is_cut_as_ADM_does()
    {
        byte[] record = new byte[3073];
        new Random(1).NextBytes(record.AsSpan(1));
        for (int i = 1; i <= 5; i++) _folder.Write($"data_batch_{i}.bin", record);
        byte[] interleaved = [.. Enumerable.Range(0, 3072).Select(i => record[1 + (i % 3 * 1024) + (i / 3)])];
        var expected = PillowCrop.Square(new Picture(32, 32, 3, interleaved), 16);
        Assert.That(Bytes(ImageSources.Open($"cifar10:{_folder.Path}", 16)), Is.EqualTo(Planes(expected)));
        Assert.That(Bytes(ImageSources.Open($"cifar10:{_folder.Path}", 16, 1)), Is.EqualTo(PixelScale.ToPlanes(expected, 1)));
    }

    [TestCase("white", 204, 224, 255)]
    [TestCase("black", 0, 20, 51)]
    [TestCase("none", 0, 100, 255)]
    [TestCase("#ff8000", 204, 122, 51)]
    [TestCase("#FF8000", 204, 122, 51)]
    public void Transparent_parts_are_laid_on_the_background(string background, int red, int green, int blue)
    {
        _folder.Write("p/a/1.png", PngBytes.File(PngBytes.Header(8, 8, colour: 6), PngBytes.Pixels(PngBytes.Rows(8, [.. Enumerable.Range(0, 8).SelectMany(_ => new byte[] { 0, 100, 255, 51 })])), PngBytes.End));
        foreach (var rule in Enum.GetValues<ResizeRule>())
        {
            byte[] bytes = Bytes(Open("p", 8, new() { Background = Background.Parse(background), Resize = rule }));
            Assert.That((bytes[0], bytes[64], bytes[128]), Is.EqualTo((red, green, blue)), $"{rule}");
        }
    }

    [TestCase("red"), TestCase("#12345"), TestCase("#1234567"), TestCase("#12345g"), TestCase(""), TestCase("# 12345"), TestCase("#+12345")]
    public void What_is_no_colour_is_refused(string text)
        => Assert.That(Assert.Throws<ConfigurationException>(() => Background.Parse(text))!.Message, Is.EqualTo($"background is '{text}'; white, black, none or a colour such as #20a0ff was expected"));

    [Test]
    public void A_colour_has_one_name()
        => Assert.That(new[] { "#FFFFFF", "White", "#000000", "NONE", "#20A0ff" }.Select(text => Background.Parse(text).ToString()), Is.EqualTo(new[] { "white", "white", "black", "none", "#20a0ff" }));

    [Test]
    public void Each_way_has_an_entry_of_its_own_in_the_cache_and_the_old_one_keeps_its_name()
    {
        _folder.Write("p/a/1.png", Png(Noise(20, 20)));
        string cache = Path.Combine(_folder.Path, "cache");
        byte[][] seen = [.. from rule in Enum.GetValues<ResizeRule>() from background in new[] { Background.White, Background.Black, Background.None } select Bytes(Open("p", 8, new() { Resize = rule, Background = background, CacheFolder = cache }))];
        Assert.That(Directory.GetFiles(cache), Has.Length.EqualTo(6));
        Assert.That(seen[0], Is.Not.EqualTo(seen[3]));
        Assert.That((byte[][])[.. from rule in Enum.GetValues<ResizeRule>() select Bytes(Open("p", 8, new() { Resize = rule, CacheFolder = cache }))], Is.EqualTo((byte[][])[seen[0], seen[3]]));
        Assert.That(Directory.GetFiles(cache), Has.Length.EqualTo(6));
    }

    [TestCase("shapes", true, "--resize adm is of pictures of any size")]
    [TestCase("shapes", false, "--background black is of picture files")]
    [TestCase("idx:nowhere", false, "has no transparent parts; --background black")]
    public void What_a_source_does_not_do_is_refused(string spec, bool resizes, string reason)
        => Assert.That(Assert.Throws<DataException>(() => ImageSources.Open(spec, 8, options: resizes ? new() { Resize = ResizeRule.Adm } : new() { Background = Background.Black }))!.Message, Does.Contain(reason));

    [Test]
    public void With_captions_pictures_of_one_size_are_scaled_as_before_unless_asked()
    {
        var picture = Noise(50, 37);
        _folder.Write("p/1.png", Png(picture));
        _folder.Write("p/1.txt", [.. "noise"u8]);
        string spec = $"folder:{Path.Combine(_folder.Path, "p")}";
        byte[] Read(ICaptionedSource source)
        {
            var image = new float[3 * 256];
            source.Read(0, 0, image);
            return [.. image.Select(value => (byte)MathF.Round((value + 1) * 127.5f))];
        }
        Assert.That(Read(CaptionedSources.Open(spec, 16)), Is.EqualTo(ImageDecoder.Decode(Png(picture), 16, 3).Pixels));
        Assert.That(Read(CaptionedSources.Open(spec, 16, options: new() { Resize = ResizeRule.Adm })), Is.EqualTo(Planes(PillowCrop.Square(picture, 16))));
        Assert.That(Assert.Throws<DataException>(() => CaptionedSources.Open(spec, 16, Reference.Data.Shards.AspectBuckets.Training512, options: new() { Resize = ResizeRule.Adm }))!.Message, Does.Contain("--resize adm is of images of one size"));
    }

    private IImageSource Open(string name, ImageSize size, SourceOptions? options = null, int channels = 3) => ImageSources.Open($"folder:{Path.Combine(_folder.Path, name)}", size, channels, options: options);

    private IImageSource OpenIdx(int size, int channels, ResizeRule? rule) => ImageSources.Open($"idx:{_folder.Path}", size, channels, options: new() { Resize = rule });

    private byte[] WriteIdx(int side)
    {
        byte[] pixels = new byte[3 * side * side], header = new byte[16];
        new Random(side).NextBytes(pixels);
        foreach (var (value, i) in ((int[])[0x803, 3, side, side]).Select((value, i) => (value, i))) BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 * i), value);
        _folder.Write("train-images-idx3-ubyte", [.. header, .. pixels]);
        _folder.Write("train-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2]);
        return pixels;
    }

    private static Picture Noise(int width, int height)
    {
        byte[] pixels = new byte[3 * width * height];
        new Random(width).NextBytes(pixels);
        return new Picture(width, height, 3, pixels);
    }

    private static byte[] Png(Picture picture) => PngBytes.File(PngBytes.Header(picture.Width, picture.Height), PngBytes.Pixels(picture.Pixels.Chunk(3 * picture.Width)), PngBytes.End);

    private static byte[] Planes(Picture picture) => PixelScale.ToPlanes(picture, 3);

    private static byte[] Bytes(IImageSource source, int index = 0) => [.. ShapesTests.Image(source, index).Values.Select(value => (byte)MathF.Round((value + 1) * 127.5f))];
}

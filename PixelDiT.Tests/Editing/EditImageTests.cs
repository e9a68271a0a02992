using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Pictures;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Data.Decoding;
using StbImageSharp;

namespace PixelDiT.Tests.Editing;

/// <summary>Pictures as people have them: of any size, transparent, turned, deep; and masks.</summary>
internal sealed class EditImageTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private static byte[] Numbered(int width, int height, int channels) => [.. Enumerable.Range(0, width * height * channels).Select(i => (byte)((37 * i) + (i / 7)))];

    private string Write(string name, int width, int height, int channels) => _folder.Write(name, ImageFolderTests.Png(width, height, channels, Numbered(width, height, channels)));

    [Test]
    public void What_nothing_has_changed_comes_back_to_the_byte([Values(3, 4)] int channels, [Values] GridFit fit, [Values(1, 4, 16)] int patch)
    {
        string path = Write("picture.png", 37, 21, channels), copy = Path.Combine(_folder.Path, "copy.png");
        var image = EditImage.Open(path, patch, 3, fit);
        var (height, width) = image.GridSize;
        Assert.That((height % patch, width % patch), Is.EqualTo((0, 0)));
        Assert.That((image.Before.Width, image.Before.Height), Is.EqualTo(fit == GridFit.Pad ? (37, 21) : (37 / patch * patch, 21 / patch * patch)));
        image.Write(copy, image.After(image.ToValues()));
        var written = ImageResult.FromMemory(File.ReadAllBytes(copy));
        Assert.That((int)written.SourceComp, Is.EqualTo(channels), "opacity stays opacity");
        var expected = new List<byte>();
        byte[] original = Numbered(37, 21, channels);
        int left = (37 - image.Before.Width) / 2, top = (21 - image.Before.Height) / 2;
        for (int y = 0; y < image.Before.Height; y++) expected.AddRange(original.AsSpan((((top + y) * 37) + left) * channels, image.Before.Width * channels));
        Assert.That(written.Data, Is.EqualTo(expected));
    }

    [Test]
    public void Padding_is_a_mirror_and_goes_away_again()
    {
        var image = EditImage.Open(_folder.Write("a.png", ImageFolderTests.Png(3, 1, 1, [10, 20, 30])), 8, 1, GridFit.Pad);
        Assert.That(image.GridSize, Is.EqualTo(new ImageSize(8, 8)));
        float[] values = image.ToValues();
        Assert.That(values[..8].Select(value => (int)Math.Round((value + 1) * 127.5)), Is.EqualTo((int[])[10, 20, 30, 20, 10, 20, 30, 20]));
        Assert.That(values[56..].Select(value => (int)Math.Round((value + 1) * 127.5)), Is.EqualTo((int[])[10, 20, 30, 20, 10, 20, 30, 20]), "of one row every row");
        Assert.That(image.After(values).Pixels, Is.EqualTo((byte[])[10, 20, 30]));
    }

    [Test]
    public void A_transparent_picture_looks_as_was_asked_and_keeps_its_opacity()
    {
        // Opaque, half and not at all; the edit paints all of it black.
        string path = _folder.Write("a.png", ImageFolderTests.Png(3, 1, 4, [200, 100, 50, 255, 200, 100, 50, 128, 200, 100, 50, 0])), copy = Path.Combine(_folder.Path, "copy.png");
        var image = EditImage.Open(path, 1, 3, GridFit.Pad);
        Assert.That(image.Before.Pixels[6..], Is.EqualTo((byte[])[255, 255, 255]), "what cannot be seen is white");
        image.Write(copy, image.After([.. Enumerable.Repeat(0.5f, 9)]));
        byte[] written = ImageResult.FromMemory(File.ReadAllBytes(copy)).Data;
        Assert.That((written[3], written[7], written[11]), Is.EqualTo(((byte)255, (byte)128, (byte)0)));
        Assert.That(written[..3], Is.All.EqualTo((byte)191));
        // On white: (128·c + 127·255)/255 = 191 asks for c = 127.5 or near it.
        Assert.That(written[4..7], Is.All.InRange((byte)126, (byte)129));
        Assert.That(written[8..11], Is.EqualTo((byte[])[200, 100, 50]), "the colour of what cannot be seen stays");
    }

    [Test]
    public void A_mask_says_where_and_what_is_outside_can_be_kept()
    {
        var image = EditImage.Open(Write("a.png", 6, 4, 3), 4, 3, GridFit.Pad);
        byte[] bright = [.. Enumerable.Range(0, 24).Select(i => (byte)(i % 6 < 2 ? 255 : 90))];
        bool[] inside = image.OpenMask(_folder.Write("mask.png", ImageFolderTests.Png(6, 4, 1, bright)), "a.png", GridFit.Pad);
        Assert.That(inside, Is.EqualTo(Enumerable.Range(0, 24).Select(i => i % 6 < 2)));
        var after = image.After(new float[3 * 4 * 8], inside);
        for (int i = 0; i < 24; i++) Assert.That(after.Pixels[(3 * i)..((3 * i) + 3)], Is.EqualTo(inside[i] ? [128, 128, 128] : image.Before.Pixels[(3 * i)..((3 * i) + 3)]));

        Assert.That(() => image.OpenMask(Write("small.png", 5, 4, 3), "a.png", GridFit.Pad), Throws.TypeOf<DataException>().With.Message.EndWith("small.png: the mask has 5 × 4 pixels; 6 × 4 were expected, as a.png has"));
        Assert.That(() => image.OpenMask(_folder.Write("dark.png", ImageFolderTests.Png(6, 4, 1, 2, 3)), "a.png", GridFit.Pad), Throws.TypeOf<DataException>().With.Message.Contains("the mask is dark everywhere"));
        var cut = EditImage.Open(Path.Combine(_folder.Path, "a.png"), 4, 3, GridFit.Cut);
        Assert.That(cut.OpenMask(Path.Combine(_folder.Path, "mask.png"), "a.png", GridFit.Cut), Is.EqualTo(Enumerable.Range(0, 16).Select(i => i % 4 < 1)), "a mask is cut as its picture is");
    }

    [Test]
    public void A_turned_picture_is_put_upright()
    {
        // Orientation 6: what is stored lies on its left side.
        byte[] turned = PngBytes.Drawn(2, 1, (x, _) => x == 0 ? ((byte)255, (byte)0, (byte)0) : ((byte)0, (byte)0, (byte)255), PngBytes.Chunk("eXIf", ExifBytes.Block(6)));
        var image = EditImage.Open(_folder.Write("a.png", turned), 1, 3, GridFit.Pad);
        Assert.That((image.Before.Width, image.Before.Height), Is.EqualTo((1, 2)));
        Assert.That(image.Before.Pixels, Is.EqualTo((byte[])[255, 0, 0, 0, 0, 255]));
    }

    [Test]
    public void Of_sixteen_bits_eight_are_kept_and_that_is_said()
    {
        var image = EditImage.Open(_folder.Write("deep.png", PngBytes.File(PngBytes.Header(2, 1, depth: 16, colour: 0), PngBytes.Pixels([[0x12, 0x34, 0xab, 0xcd]]), PngBytes.End)), 1, 1, GridFit.Pad);
        Assert.That(image.Before.Pixels, Is.EqualTo((byte[])[0x12, 0xab]));
        Assert.That(image.Remarks, Is.EqualTo((string[])[$"{Path.Combine(_folder.Path, "deep.png")}: has 16 bits a channel, of which 8 are kept"]));
    }

    [Test]
    public void What_is_no_picture_or_too_small_is_named()
    {
        string text = _folder.Write("a.txt", "not a picture at all"u8.ToArray());
        Assert.That(() => EditImage.Open(text, 4, 3, GridFit.Pad), Throws.TypeOf<DataException>().With.Message.StartsWith($"{text}: "));
        Assert.That(() => EditImage.Open(Path.Combine(_folder.Path, "none.png"), 4, 3, GridFit.Pad), Throws.InstanceOf<PixelDiTException>().With.Message.Contains("none.png"));
        Assert.That(() => EditImage.Open(Write("small.png", 3, 9, 3), 4, 3, GridFit.Cut), Throws.TypeOf<DataException>().With.Message.EndsWith("has 3 × 9 pixels; at least 4 × 4, the model's patch, were expected to cut it to"));
    }
}

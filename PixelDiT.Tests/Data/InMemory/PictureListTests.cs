using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.InMemory;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Tests.Data.InMemory;

/// <summary>Pictures in memory become the images that they would be from files.</summary>
public sealed class PictureListTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Images_are_those_of_the_same_pictures_in_a_folder([Values(ResizeRule.Adm, ResizeRule.Area)] ResizeRule rule, [Values(3, 1)] int channels)
    {
        Picture[] pictures = [Pattern(37, 23, 3, 1), Pattern(9, 40, 3, 2), Pattern(12, 12, 3, 3), Pattern(30, 31, 1, 4)];
        foreach (var (i, picture) in pictures.Index()) PngWriter.Write(Path.Combine(_folder.Path, i < 2 ? "a" : "b", $"{i}.png"), picture);
        var folder = ImageSources.OpenFolder(_folder.Path, new ImageSize(16, 12), channels, new SourceOptions { Resize = rule });
        var list = new PictureList(pictures.Select((picture, i) => (picture, i / 2)), ["a", "b"], new ImageSize(16, 12), channels, rule);
        Assert.That((list.Count, list.Classes, list.ClassNames, list.ClassCounts), Is.EqualTo((folder.Count, folder.Classes, folder.ClassNames, folder.ClassCounts)));
        float[] expected = new float[channels * 16 * 12], actual = new float[expected.Length];
        for (int i = 0; i < pictures.Length; i++)
        {
            Assert.That(list.Read(i, actual), Is.EqualTo(folder.Read(i, expected)));
            Assert.That(actual, Is.EqualTo(expected), $"picture {i}");
        }
    }

    [Test]
    public void Captioned_pictures_are_those_of_a_folder_too()
    {
        var picture = Pattern(37, 23, 3, 1);
        PngWriter.Write(Path.Combine(_folder.Path, "1.png"), picture);
        File.WriteAllText(Path.Combine(_folder.Path, "1.txt"), "a pattern");
        var folder = CaptionedSources.OpenFolder(_folder.Path, 16);
        var list = new CaptionedPictureList([(picture, "a pattern")], 16);
        float[] expected = new float[3 * 16 * 16], actual = new float[expected.Length];
        Assert.That(list.Read(0, 5, actual), Is.EqualTo(folder.Read(0, 5, expected)));
        Assert.That(actual, Is.EqualTo(expected));
        Assert.That((list.Captions, list.Sizes, list.SizeOf(0)), Is.EqualTo((folder.Captions, folder.Sizes, 0)));
    }

    [Test]
    public void The_identity_is_of_pixels_and_labels()
    {
        string Of(int seed, int label, string name) => new PictureList([(Pattern(8, 8, 3, seed), label)], ["a", name], 8).ListingHash;
        string[] all = [Of(1, 0, "b"), Of(2, 0, "b"), Of(1, 1, "b"), Of(1, 0, "c")];
        Assert.That(all, Is.Unique);
        Assert.That(Of(1, 0, "b"), Is.EqualTo(all[0]));
    }

    [Test]
    public void What_cannot_be_is_refused()
    {
        var picture = Pattern(8, 8, 3, 1);
        Assert.That(() => new PictureList([(picture, 2)], ["a", "b"], 8), Throws.TypeOf<DataException>().With.Message.EqualTo("pictures: picture 0 is of class 2; there are 2 names of classes, from 0 on"));
        Assert.That(() => new PictureList([], ["a"], 8, name: "mine"), Throws.TypeOf<DataException>().With.Message.EqualTo("mine: holds no picture; at least one was expected"));
        Assert.That(() => new PictureList([(picture, 0)], ["a"], 7), Throws.TypeOf<DataException>().With.Message.Contains("from 8 to 4096"));
        Assert.That(() => new CaptionedPictureList([(picture, "")], 8, channels: 2), Throws.TypeOf<DataException>().With.Message.Contains("2 channels"));
        Assert.That(() => new PictureList([(picture, 0)], ["a"], 8).Label(1), Throws.TypeOf<DataException>());
    }

    [Test]
    public void A_file_is_decoded_as_it_is_and_goes_to_values_and_back()
    {
        var picture = Pattern(11, 7, 3, 5);
        string path = Path.Combine(_folder.Path, "picture.bin");
        PngWriter.Write(path, picture);
        var read = PictureFile.Read(path);
        Assert.That((read.Width, read.Height, read.Pixels), Is.EqualTo((11, 7, picture.Pixels)));
        Assert.That(PictureFile.Decode(File.ReadAllBytes(path)).Pixels, Is.EqualTo(picture.Pixels));
        Assert.That(Picture.FromImage(read.ToImage(), 3, 7, 11).Pixels, Is.EqualTo(picture.Pixels));
        var gray = Pattern(5, 4, 1, 6);
        Assert.That(Picture.FromImage(gray.ToImage(), 1, 4, 5).Pixels, Is.EqualTo(gray.Pixels));
    }

    [Test]
    public void A_file_that_is_no_picture_is_named()
    {
        string path = _folder.Write("notes.png", [1, 2, 3]), missing = Path.Combine(_folder.Path, "missing.png");
        Assert.That(() => PictureFile.Read(path), Throws.TypeOf<DataException>().With.Message.StartsWith($"{path}: "));
        Assert.That(() => PictureFile.Read(missing), Throws.TypeOf<DataException>().With.Message.StartsWith($"{missing}: "));
    }

    private static Picture Pattern(int width, int height, int channels, int seed)
    {
        var pixels = new byte[width * height * channels];
        new Random(seed).NextBytes(pixels);
        return new Picture(width, height, channels, pixels);
    }
}

using System.Buffers.Binary;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Formats;
using StbImageWriteSharp;

namespace PixelDiT.Tests.Data;

public sealed class ImageFolderTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Classes_and_files_are_in_ordinal_order()
    {
        _folder.Write("b/1.png", Png(8, 8, 10, 20, 30));
        _folder.Write("Z/2.PNG", Png(8, 8, 40, 50, 60));
        _folder.Write("Z/10.png", Png(8, 8, 70, 80, 90));
        _folder.Write("Z/notes.txt", [1]);
        _folder.Write("Z/.hidden.png", [1]);
        _folder.Write(".cache/x.png", [1]);
        var source = Open();
        Assert.That(source.ClassNames, Is.EqualTo(new[] { "Z", "b" }));
        Assert.That(source.Skipped, Is.Empty);
        Assert.That(Enumerable.Range(0, 3).Select(i => Red(source, i)), Is.EqualTo(new[] { (70, 0), (40, 0), (10, 1) }));
    }

    [Test]
    public void Images_of_one_colour_keep_it()
    {
        _folder.Write("a/1.png", Png(13, 9, 10, 20, 30));
        float[] values = ShapesTests.Image(Open(), 0).Values;
        Assert.That(values, Is.EqualTo(new[] { 10, 20, 30 }.SelectMany(v => Enumerable.Repeat((v / 255f - 0.5f) / 0.5f, 64))));
    }

    [Test]
    public void The_centre_is_cut_out()
    {
        // Eight black columns, sixteen white ones, eight black ones.
        byte[] pixels = [.. Enumerable.Range(0, 16 * 32).SelectMany(i => Enumerable.Repeat((byte)(i % 32 is >= 8 and < 24 ? 255 : 0), 3))];
        _folder.Write("a/wide.png", Png(32, 16, 3, pixels));
        Assert.That(ShapesTests.Image(Open(), 0).Values, Is.All.EqualTo(1f));
    }

    [Test]
    public void Transparent_parts_are_laid_on_white()
    {
        byte[] pixels = [.. Enumerable.Range(0, 64).SelectMany(_ => new byte[] { 0, 100, 255, 51 })];
        _folder.Write("a/1.png", Png(8, 8, 4, pixels));
        float[] values = ShapesTests.Image(Open(), 0).Values;
        Assert.That(new[] { values[0], values[64], values[128] }.Select(Byte), Is.EqualTo(new[] { 204, 224, 255 }));
    }

    [Test]
    public void Gray_files_are_repeated_and_colour_is_grayed()
    {
        _folder.Write("a/gray.png", Png(8, 8, 1, [.. Enumerable.Repeat((byte)77, 64)]));
        _folder.Write("a/red.png", Png(8, 8, 255, 0, 0));
        Assert.That(ShapesTests.Image(Open(), 0).Values.Select(Byte), Is.All.EqualTo(77));
        Assert.That(ShapesTests.Image(Open(channels: 1), 0).Values.Select(Byte), Is.All.EqualTo(77));
        Assert.That(ShapesTests.Image(Open(channels: 1), 1).Values.Select(Byte), Is.All.EqualTo(76));
    }

    [Test]
    public void Jpeg_files_are_read()
    {
        _folder.Write("a/1.jpg", Jpeg(200, 100, 50));
        _folder.Write("a/2.JPEG", Jpeg(10, 10, 10));
        var source = Open();
        Assert.That(Red(source, 0).Red, Is.EqualTo(200).Within(4));
        Assert.That(source.Count, Is.EqualTo(2));
    }

    [Test]
    public void An_empty_file_is_skipped() => IsSkipped("empty.png", [], "empty");

    [Test]
    public void A_cut_png_is_skipped() => IsSkipped("cut.png", Noise()[..^40], "cut short");

    [Test]
    public void A_png_cut_in_its_middle_is_skipped_with_a_reason_in_words() => IsSkipped("half.png", Noise()[..(Noise().Length / 2)], "damaged");

    [Test]
    public void A_png_header_alone_is_skipped() => IsSkipped("cut.png", Noise()[..33], "cut short");

    [Test]
    public void A_png_with_broken_pixels_is_skipped()
    {
        byte[] png = Noise();
        png.AsSpan(60, 200).Fill(0xAB);
        IsSkipped("broken.png", png, "damaged: the check sum of its chunk IDAT");
    }

    [Test]
    public void A_cut_jpeg_is_skipped() => IsSkipped("cut.jpg", Jpeg(9, 8, 7)[..^30], "cut short");

    [Test]
    public void Text_named_png_is_skipped() => IsSkipped("text.png", [.. "not a picture at all"u8], "is text");

    [Test]
    public void A_header_of_absurd_size_is_skipped()
    {
        byte[] png = Png(8, 8, 1, 2, 3);
        png.AsSpan(16, 8).Fill(0);
        (png[18], png[22]) = (0x42, 0x42);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc32.Append(0, png.AsSpan(12, 17)));
        IsSkipped("huge.png", png, "16896 × 16896");
    }

    [Test]
    public void A_class_without_files_is_refused_or_named()
    {
        _folder.Write("a/1.png", Png(8, 8, 1, 2, 3));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "b"));
        Refused("1 of 2 classes has no pictures: b; --allow-empty-classes");
        var source = ImageSources.Open($"folder:{_folder.Path}", 8, options: new SourceOptions { AllowEmptyClasses = true });
        Assert.That(source.Classes, Is.EqualTo(2));
        Assert.That(source.ClassCounts, Is.EqualTo(new[] { 1, 0 }));
        Assert.That(source.Skipped.Single(), Is.EqualTo(new SkippedImage(Path.Combine(_folder.Path, "b"), "the class has no picture")));
    }

    [Test]
    public void A_class_of_damaged_files_is_refused_or_empty()
    {
        _folder.Write("a/1.png", Png(8, 8, 1, 2, 3));
        _folder.Write("b/1.png", [1, 2, 3]);
        Refused("none of the pictures of class 'b' is readable; the first, " + Path.Combine(_folder.Path, "b", "1.png"));
        Assert.That(ImageSources.Open($"folder:{_folder.Path}", 8, options: new SourceOptions { AllowEmptyClasses = true }).ClassCounts, Is.EqualTo(new[] { 1, 0 }));
    }

    [Test]
    public void What_is_skipped_does_not_depend_on_timing()
    {
        for (int i = 0; i < 40; i++) _folder.Write($"a/{i:00}.png", i % 3 == 0 ? [] : i % 3 == 1 ? Noise()[..^(30 + i)] : Png(8, 8, (byte)i, 0, 0));
        var first = Open();
        Assert.That(first.Skipped, Has.Count.EqualTo(27));
        for (int run = 0; run < 5; run++)
        {
            var again = Open();
            Assert.That(again.Skipped, Is.EqualTo(first.Skipped));
            Assert.That(Enumerable.Range(0, 13).Select(i => Red(again, i).Red), Is.EqualTo(Enumerable.Range(0, 13).Select(i => 3 * i + 2)));
        }
    }

    [Test]
    public void Images_beyond_the_memory_budget_are_decoded_at_every_read()
    {
        string path = _folder.Write("a/1.png", Noise());
        var kept = new ImageFolder(_folder.Path, 8, 3);
        var decoded = new ImageFolder(_folder.Path, 8, 3, mostKept: 8 * 8 * 3 - 1);
        Assert.That(ShapesTests.Image(decoded, 0).Values, Is.EqualTo(ShapesTests.Image(kept, 0).Values));
        File.Delete(path);
        Assert.That(() => ShapesTests.Image(kept, 0), Throws.Nothing);
        Assert.That(() => ShapesTests.Image(decoded, 0), Throws.TypeOf<DataException>().With.Message.StartsWith(path));
    }

    [Test]
    public void Pictures_without_subfolders_are_one_class()
    {
        _folder.Write("1.png", Png(8, 8, 1, 2, 3));
        _folder.Write("notes.txt", [1]);
        var source = Open();
        Assert.That(source.ClassNames, Is.EqualTo(new[] { "all" }));
        Assert.That((source.Count, source.Remarks.Single()), Is.EqualTo((1L, "left out: 1 .txt (no picture)")));
    }

    [Test]
    public void A_folder_without_anything_is_refused() => Refused("no subfolders and no pictures");

    [Test]
    public void No_images_are_refused()
    {
        _folder.Write("a/readme.txt", [1]);
        Refused("no pictures in its only subfolder (PNG, JPEG, WebP, GIF and BMP are read); left out: 1 .txt");
    }

    [Test]
    public void No_readable_image_is_refused()
    {
        _folder.Write("a/1.png", []);
        _folder.Write("a/2.png", [1, 2, 3]);
        Refused("none of 2 images is readable");
    }

    [Test]
    public void A_held_out_part_is_refused() =>
        Assert.That(() => ImageSources.Open($"folder:{_folder.Path}", 8, 3, ImagePart.HeldOut), Throws.TypeOf<DataException>().With.Message.Contains("no held-out part"));

    private IImageSource Open(int channels = 3) => ImageSources.Open($"folder:{_folder.Path}", 8, channels);

    private void Refused(string part) => Assert.That(Assert.Throws<DataException>(() => Open())!.Message, Does.Contain(part));

    private void IsSkipped(string name, byte[] bytes, string reason)
    {
        _folder.Write("a/0.png", Png(8, 8, 10, 0, 0));
        string path = _folder.Write($"a/{name}", bytes);
        _folder.Write("b/z.png", Png(8, 8, 90, 0, 0));
        var source = Open();
        Assert.That((source.Skipped.Single().Path, source.Count), Is.EqualTo((path, 2L)));
        Assert.That(source.Skipped[0].Reason, Does.Contain(reason));
        Assert.That((Red(source, 0), Red(source, 1)), Is.EqualTo(((10, 0), (90, 1))));
    }

    private static (int Red, int Label) Red(IImageSource source, long index)
    {
        var (values, label) = ShapesTests.Image(source, index);
        return (Byte(values[0]), label);
    }

    private static int Byte(float value) => (int)MathF.Round((value + 1) * 127.5f);

    private static byte[] Noise()
    {
        var pixels = new byte[24 * 24 * 3];
        new Random(1).NextBytes(pixels);
        return Png(24, 24, 3, pixels);
    }

    internal static byte[] Png(int width, int height, byte red, byte green, byte blue) =>
        Png(width, height, 3, [.. Enumerable.Range(0, width * height).SelectMany(_ => new[] { red, green, blue })]);

    internal static byte[] Png(int width, int height, int channels, byte[] pixels)
    {
        using var memory = new MemoryStream();
        new ImageWriter().WritePng(pixels, width, height, (ColorComponents)channels, memory);
        return memory.ToArray();
    }

    private static byte[] Jpeg(byte red, byte green, byte blue)
    {
        using var memory = new MemoryStream();
        byte[] pixels = [.. Enumerable.Range(0, 16 * 16).SelectMany(_ => new[] { red, green, blue })];
        new ImageWriter().WriteJpg(pixels, 16, 16, ColorComponents.RedGreenBlue, memory, 95);
        return memory.ToArray();
    }
}

using System.Globalization;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Tests.Pictures.Resizing;

/// <summary>Scaled and cut pictures, to the byte those of Pillow and of the trainers built on it; PyTorch's bicubic planes to rounding.</summary>
internal sealed class GoldenResizeTests
{
    private static IEnumerable<string> Pil => Names("pil").Where(name => name.Split('.').Length == 3);

    private static IEnumerable<string> AdmCrops => Names("adm_crop").Where(name => name.EndsWith(".out", StringComparison.Ordinal));

    private static IEnumerable<string> TextCrops => Names("text_loader").Where(name => name.EndsWith(".out", StringComparison.Ordinal));

    private static IEnumerable<string> Bicubics => Names("torch_bicubic").Where(name => name.EndsWith(".out", StringComparison.Ordinal));

    [TestCaseSource(nameof(Pil))]
    public void Pillow_gives_the_same_bytes(string name)
    {
        using var file = Open("pil");
        string[] words = name.Split('.');
        var filter = Enum.Parse<PillowFilter>(words[1], ignoreCase: true);
        var expected = Read(file, name);
        var scaled = PillowResize.Apply(Read(file, words[0]), expected.Height, expected.Width, filter);
        Assert.That(scaled.Pixels, Is.EqualTo(expected.Pixels));
        // A part alone has the bytes that it has in the whole.
        var window = new PictureWindow(expected.Height / 3, expected.Width / 4, (expected.Height + 1) / 2, (expected.Width + 1) / 2);
        var part = PillowResize.Apply(Read(file, words[0]), expected.Height, expected.Width, filter, window);
        Assert.That(part.Pixels, Is.EqualTo(Cut(expected, window).Pixels));
    }

    [TestCaseSource(nameof(AdmCrops))]
    public void The_class_models_square_has_the_same_bytes(string name)
    {
        using var file = Open("adm_crop");
        var expected = Read(file, name);
        Assert.That(PillowCrop.Square(Read(file, name.Replace(".out", ".in", StringComparison.Ordinal)), expected.Height).Pixels, Is.EqualTo(expected.Pixels));
    }

    [TestCaseSource(nameof(TextCrops))]
    public void The_text_models_pictures_have_the_same_bytes(string name)
    {
        using var file = Open("text_loader");
        var expected = Read(file, name);
        var resized = Read(file, name.Replace(".out", ".resized", StringComparison.Ordinal));
        var picture = Read(file, name.Replace(".out", ".in", StringComparison.Ordinal));
        bool isShort = name.StartsWith("short", StringComparison.Ordinal);
        var size = isShort ? PillowCrop.ShortSideSize(picture.Height, picture.Width, expected.Height) : PillowCrop.CoverSize(picture.Height, picture.Width, expected.Height, expected.Width);
        Assert.That(size, Is.EqualTo((resized.Height, resized.Width)));
        Assert.That(PillowResize.Apply(picture, size.Height, size.Width, isShort ? PillowFilter.Bilinear : PillowFilter.Bicubic).Pixels, Is.EqualTo(resized.Pixels));
        var cut = isShort ? PillowCrop.ShortSide(picture, expected.Height) : PillowCrop.Cover(picture, picture.Height, picture.Width, expected.Height, expected.Width);
        Assert.That(cut.Pixels, Is.EqualTo(expected.Pixels));
    }

    [TestCaseSource(nameof(Bicubics))]
    public void PyTorchs_bicubic_agrees(string name)
    {
        using var file = Open("torch_bicubic");
        string input = name.Replace(".out", ".in", StringComparison.Ordinal);
        int[] from = [.. file[input].Shape.Select(size => (int)size)], to = [.. file[name].Shape.Select(size => (int)size)];
        float[] actual = TorchBicubic.Apply(file.ReadSingles(input), from[2], from[3], to[2], to[3]), expected = file.ReadSingles(name);
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        double worst = actual.Zip(expected, (a, e) => (double)Math.Abs(a - e)).Max();
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{worst:e2}"));
        Assert.That(worst, Is.LessThanOrEqualTo(ResizeCases.BicubicTolerance));
    }

    [Test]
    public void A_picture_that_is_one_line_costs_no_more_than_what_is_kept_of_it()
    {
        var line = new Picture(30_000, 1, 3, [.. Enumerable.Range(0, 90_000).Select(i => (byte)i)]);
        Assert.That(PillowCrop.Square(line, 512).Pixels, Has.Length.EqualTo(3 * 512 * 512));
        Assert.That(PillowCrop.ShortSide(line, 512).Pixels, Has.Length.EqualTo(3 * 512 * 512));
        Assert.That(PillowCrop.Cover(line, 1_000_000, 1, 512, 512).Pixels, Has.Length.EqualTo(3 * 512 * 512));
    }

    [Test]
    public void Sizes_that_do_not_fit_are_refused()
    {
        var picture = new Picture(4, 4, 3, new byte[48]);
        Assert.Throws<ShapeException>(() => PillowResize.Apply(picture, 0, 4, PillowFilter.Box));
        Assert.Throws<ShapeException>(() => PillowResize.Apply(picture, 4, 4, PillowFilter.Box, new PictureWindow(1, 0, 4, 4)));
        Assert.Throws<ShapeException>(() => PillowResize.Apply(picture, 4, 4, PillowFilter.Box, new PictureWindow(int.MaxValue, 0, 4, 4)));
        Assert.Throws<ShapeException>(() => PillowCrop.Square(picture, 0));
        Assert.Throws<ShapeException>(() => PillowCrop.Cover(picture, 8, 8, 8, 8));
        Assert.Throws<ShapeException>(() => PillowCrop.Cover(picture, 1 << 24, 1, 1024, 1024));
        Assert.Throws<ShapeException>(() => TorchBicubic.Apply(new float[5], 2, 2, 4, 4));
        Assert.Throws<ShapeException>(() => TorchBicubic.Apply(new float[4], 2, 2, 0, 4));
    }

    private static Picture Cut(Picture picture, PictureWindow window) => new(window.Width, window.Height, 3,
        [.. Enumerable.Range(window.Top, window.Height).SelectMany(y => picture.Pixels.AsSpan(((y * picture.Width) + window.Left) * 3, window.Width * 3).ToArray())]);

    private static Picture Read(SafetensorsReader file, string name)
    {
        var shape = file[name].Shape;
        return new Picture((int)shape[1], (int)shape[0], 3, [.. file.ReadIntegers(name).Select(value => (byte)value)]);
    }

    private static string[] Names(string name)
    {
        using var file = Open(name);
        return [.. file.Tensors.Select(tensor => tensor.Name)];
    }

    private static SafetensorsReader Open(string name) => SafetensorsReader.Open(Path.Combine(AppContext.BaseDirectory, "Golden", "resize", $"{name}.safetensors"));
}

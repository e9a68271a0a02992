using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;
using PixelDiT.Tests.Data;
using StbImageSharp;

namespace PixelDiT.Tests.Pictures;

public sealed class PicturesTests
{
    [Test]
    public void Bytes_are_those_of_the_specification() => Assert.That(
        PixelBytes.ToBytes([-1f, 0f, 1f, -1.5f, 7f, -0.9999f, 0.999f, float.NaN, float.NegativeInfinity, float.PositiveInfinity]),
        Is.EqualTo(new byte[] { 0, 128, 255, 0, 255, 0, 255, 0, 0, 255 }));

    [Test]
    public void Every_byte_survives_the_scale_and_back()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(v => (byte)v)];
        Assert.That(PixelBytes.ToBytes([.. all.Select(v => (v / 255f - 0.5f) / 0.5f)]), Is.EqualTo(all));
    }

    [Test]
    public void Planes_become_pixels()
    {
        var picture = Picture.FromImage([-1, 1, 0, -1, 1, 1], 3, 1, 2);
        Assert.That((picture.Width, picture.Height, picture.Channels), Is.EqualTo((2, 1, 3)));
        Assert.That(picture.Pixels, Is.EqualTo(new byte[] { 0, 128, 255, 255, 0, 255 }));
    }

    [Test]
    public void Enlarging_repeats_pixels()
    {
        var picture = new Picture(2, 1, 1, [5, 9]).Enlarge(2);
        Assert.That((picture.Width, picture.Height), Is.EqualTo((4, 2)));
        Assert.That(picture.Pixels, Is.EqualTo(new byte[] { 5, 5, 9, 9, 5, 5, 9, 9 }));
    }

    [Test]
    public void A_grid_has_gaps_around_every_picture()
    {
        var grid = Grid.Compose([Tile(1), Tile(2), Tile(3)], columns: 2, gap: 1, minimumSide: 1);
        Assert.That((grid.Width, grid.Height), Is.EqualTo((5, 5)));
        Assert.That(grid.Pixels, Is.EqualTo(new byte[]
        {
            255, 255, 255, 255, 255,
            255, 1, 255, 2, 255,
            255, 255, 255, 255, 255,
            255, 3, 255, 255, 255,
            255, 255, 255, 255, 255
        }));
    }

    [TestCase(32, 64)]
    [TestCase(28, 84)]
    [TestCase(64, 64)]
    [TestCase(100, 100)]
    public void Small_pictures_are_enlarged_until_they_can_be_seen(int side, int shown) =>
        Assert.That(Grid.Compose([new Picture(side, side, 3, new byte[side * side * 3])], 1, 0).Width, Is.EqualTo(shown));

    [Test]
    public void A_film_strip_has_a_row_for_each_trajectory()
    {
        var strip = Grid.FilmStrip([[-1f, 1f], [0f, 0f], [1f, -1f]], 1, 1, 1, gap: 0, minimumSide: 1);
        Assert.That((strip.Width, strip.Height), Is.EqualTo((3, 2)));
        Assert.That(strip.Pixels, Is.EqualTo(new byte[] { 0, 128, 255, 255, 128, 0 }));
    }

    [TestCase(1)]
    [TestCase(3)]
    public void A_png_holds_the_pixels(int channels)
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "new", "a.png");
        Gen.Select(Gen.Int[1, 9], Gen.Int[1, 9], Gen.Int[0, 99]).Sample((width, height, seed) =>
        {
            var pixels = new byte[width * height * channels];
            new Random(seed).NextBytes(pixels);
            PngWriter.Write(path, new Picture(width, height, channels, pixels));
            var read = ImageResult.FromMemory(File.ReadAllBytes(path));
            return (read.Width, read.Height, (int)read.Comp) == (width, height, channels) && read.Data.SequenceEqual(pixels);
        }, iter: 30, threads: 1);
        Assert.That(Directory.GetFiles(Path.GetDirectoryName(path)!), Has.Length.EqualTo(1), "temporary files remain");
    }

    [Test]
    public void A_target_that_cannot_be_written_is_named()
    {
        using var folder = new TemporaryFolder();
        string taken = Path.Combine(folder.Path, "taken.png");
        Directory.CreateDirectory(taken);
        Assert.That(() => PngWriter.Write(taken, Tile(1)), Throws.TypeOf<FileFormatException>().With.Message.StartsWith(taken));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty, "temporary files remain");
    }

    [Test]
    public void A_file_without_a_name_is_refused() => Assert.That(() => PngWriter.Write("", Tile(1)), Throws.TypeOf<FileFormatException>());

    [Test]
    public void Pixels_that_do_not_fit_are_refused() => Assert.That(() => new Picture(2, 2, 3, new byte[11]), Throws.TypeOf<ShapeException>().With.Message.Contains("12 bytes; 11"));

    [Test]
    public void Four_channels_are_refused() => Assert.That(() => new Picture(1, 1, 4, new byte[4]), Throws.TypeOf<ShapeException>());

    [Test]
    public void A_picture_without_pixels_is_refused() => Assert.That(() => new Picture(0, 1, 1, []), Throws.TypeOf<ShapeException>());

    [Test]
    public void An_image_of_another_length_is_refused() => Assert.That(() => Picture.FromImage(new float[5], 3, 1, 2), Throws.TypeOf<ShapeException>());

    [Test]
    public void Half_an_image_is_refused() => Assert.That(() => Picture.FromBatch(new float[9], 3, 1, 2), Throws.TypeOf<ShapeException>());

    [Test]
    public void A_factor_of_none_is_refused() => Assert.That(() => Tile(1).Enlarge(0), Throws.TypeOf<ShapeException>());

    [Test]
    public void A_grid_of_nothing_is_refused() => Assert.That(() => Grid.Compose([], 1), Throws.TypeOf<ShapeException>());

    [Test]
    public void A_grid_without_columns_is_refused() => Assert.That(() => Grid.Compose([Tile(1)], 0), Throws.TypeOf<ShapeException>());

    [Test]
    public void A_grid_of_different_sizes_is_refused() => Assert.That(() => Grid.Compose([Tile(1), Tile(1).Enlarge(2)], 2), Throws.TypeOf<ShapeException>());

    [Test]
    public void A_film_strip_of_nothing_is_refused() => Assert.That(() => Grid.FilmStrip([], 1, 1, 1), Throws.TypeOf<ShapeException>());

    [Test]
    public void A_film_strip_of_different_batches_is_refused() => Assert.That(() => Grid.FilmStrip([[0f], [0f, 1f]], 1, 1, 1), Throws.TypeOf<ShapeException>());

    private static Picture Tile(byte value) => new(1, 1, 1, [value]);
}

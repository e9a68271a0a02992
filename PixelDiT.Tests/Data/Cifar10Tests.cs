using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Tests.Data;

public sealed class Cifar10Tests
{
    private const int RecordBytes = 3073;

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        for (int i = 1; i <= 5; i++) _folder.Write($"data_batch_{i}.bin", [.. Record(i, i), .. Record(i - 1, 100 + i)]);
        _folder.Write("test_batch.bin", Record(7, 70));
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Batches_follow_one_another()
    {
        var source = Open();
        Assert.That((source.Count, source.Classes, source.ClassNames[3]), Is.EqualTo((10L, 10, "cat")));
        var (values, label) = ShapesTests.Image(source, 3);
        Assert.That(label, Is.EqualTo(1));
        Assert.That(values, Is.EqualTo(Record(1, 102).Skip(1).Select(v => (v / 255f - 0.5f) / 0.5f)));
    }

    [Test]
    public void Held_out_images_are_the_test_batch()
    {
        var source = Open(part: ImagePart.HeldOut);
        Assert.That((source.Count, ShapesTests.Image(source, 0).Label), Is.EqualTo((1L, 7)));
    }

    [Test]
    public void Names_come_from_the_meta_file()
    {
        _folder.Write("batches.meta.txt", [.. "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n"u8]);
        Assert.That(Open().ClassNames, Is.EqualTo(new[] { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" }));
    }

    [Test]
    public void One_channel_is_the_brightness()
    {
        _folder.Write("test_batch.bin", [0, .. Enumerable.Repeat((byte)255, 1024), .. new byte[2048]]);
        Assert.That(ShapesTests.Image(Open(16, 1, ImagePart.HeldOut), 0).Values, Is.All.EqualTo((76 / 255f - 0.5f) / 0.5f));
    }

    [Test]
    public void A_larger_resolution_interpolates()
    {
        byte[] record = Record(0, 0);
        for (int i = 0; i < 3072; i++) record[1 + i] = (byte)(8 * (i % 32));
        _folder.Write("test_batch.bin", record);
        var source = ImageSources.Open($"cifar10:{_folder.Path}", 64, 3, ImagePart.HeldOut, new SourceOptions { Resize = ResizeRule.Area });
        float[] row = ShapesTests.Image(source, 0).Values[..64];
        Assert.That(row, Is.Ordered);
        Assert.That((row[0], row[1], row[2]), Is.EqualTo((-1f, (2 / 255f - 0.5f) / 0.5f, (6 / 255f - 0.5f) / 0.5f)));
    }

    [Test]
    public void A_missing_batch_is_named()
    {
        File.Delete(Path.Combine(_folder.Path, "data_batch_4.bin"));
        Refused("data_batch_4.bin: there is no such file");
    }

    [Test]
    public void A_cut_batch_is_named()
    {
        _folder.Write("data_batch_2.bin", new byte[RecordBytes + 10]);
        Refused("data_batch_2.bin: the file has 3083 bytes; a multiple of 3073");
    }

    [Test]
    public void An_empty_batch_is_named()
    {
        _folder.Write("data_batch_2.bin", []);
        Refused("data_batch_2.bin: the file has 0 bytes");
    }

    [Test]
    public void A_label_above_9_is_named()
    {
        _folder.Write("data_batch_3.bin", [.. Record(1, 1), .. Record(10, 1)]);
        Refused("data_batch_3.bin: the label of record 1 is 10; 0 to 9 was expected");
    }

    [Test]
    public void Too_few_names_are_named()
    {
        _folder.Write("batches.meta.txt", [.. "cat\ndog\n"u8]);
        Refused("batches.meta.txt: 2 names; 10 were expected");
    }

    private IImageSource Open(int resolution = 32, int channels = 3, ImagePart part = ImagePart.Training) =>
        ImageSources.Open($"cifar10:{_folder.Path}", resolution, channels, part);

    private void Refused(string part) => Assert.That(Assert.Throws<DataException>(() => Open())!.Message, Does.Contain(part));

    private static byte[] Record(int label, int seed) => [(byte)label, .. Enumerable.Range(0, RecordBytes - 1).Select(i => (byte)(i * 7 + seed))];
}

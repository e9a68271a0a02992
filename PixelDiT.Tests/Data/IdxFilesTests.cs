using System.Buffers.Binary;
using System.IO.Compression;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Data;

public sealed class IdxFilesTests
{
    private const int Side = 28, Images = 3;

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase("train-images-idx3-ubyte", "train-labels-idx1-ubyte")]
    [TestCase("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")]
    [TestCase("train-images.idx3-ubyte", "train-labels.idx1-ubyte")]
    [TestCase("train-images.idx3-ubyte.gz", "train-labels-idx1-ubyte")]
    public void Every_spelling_is_read(string images, string labels)
    {
        Write(images, ImageFile());
        Write(labels, LabelFile());
        var source = Open();
        Assert.That((source.Count, source.Classes, source.ClassNames[9], source.Height), Is.EqualTo((3L, 10, "9", Side)));
        for (int i = 0; i < Images; i++)
        {
            var (values, label) = ShapesTests.Image(source, i);
            Assert.That(label, Is.EqualTo(9 - i));
            Assert.That(values, Is.EqualTo(Enumerable.Range(0, Side * Side).Select(j => ((byte)(i * 31 + j) / 255f - 0.5f) / 0.5f)));
        }
    }

    [Test]
    public void Held_out_images_are_the_t10k_pair()
    {
        WriteBoth(ImageFile(), LabelFile());
        Write("t10k-images-idx3-ubyte", ImageFile(count: 1));
        Write("t10k-labels-idx1-ubyte", LabelFile(count: 1));
        Assert.That(Open(part: ImagePart.HeldOut).Count, Is.EqualTo(1));
    }

    [Test]
    public void Three_channels_repeat_the_gray_one()
    {
        WriteBoth(ImageFile(), LabelFile());
        float[] gray = ShapesTests.Image(Open(), 1).Values;
        Assert.That(ShapesTests.Image(Open(channels: 3), 1).Values, Is.EqualTo(gray.Concat(gray).Concat(gray)));
    }

    [Test]
    public void Half_the_resolution_averages_four_pixels()
    {
        WriteBoth(ImageFile(), LabelFile());
        float[] whole = ShapesTests.Image(Open(), 0).Values, half = ShapesTests.Image(Open(Side / 2), 0).Values;
        Assert.That(half[0], Is.EqualTo((whole[0] + whole[1] + whole[Side] + whole[Side + 1]) / 4).Within(1.01f / 255f));
        Assert.That(half, Has.Length.EqualTo(Side * Side / 4));
    }

    [Test]
    public void A_label_above_9_makes_more_classes()
    {
        WriteBoth(ImageFile(count: 1), [.. Words(0x801, 1), 46]);
        Assert.That(Open().Classes, Is.EqualTo(47));
    }

    [Test]
    public void Missing_images_are_named()
    {
        Write("train-labels-idx1-ubyte", LabelFile());
        Refused("no train-images file", "train-images-idx3-ubyte.gz");
    }

    [Test]
    public void Missing_labels_are_named()
    {
        Write("train-images-idx3-ubyte", ImageFile());
        Refused("no train-labels file");
    }

    [Test]
    public void A_wrong_magic_number_is_named()
    {
        WriteBoth(LabelFile(), LabelFile());
        Refused("train-images-idx3-ubyte: magic number is 0x00000801; 0x00000803 was expected");
    }

    [Test]
    public void An_empty_file_is_named()
    {
        WriteBoth([], LabelFile());
        Refused("the file has 0 bytes: it is empty");
    }

    [Test]
    public void A_cut_header_is_named()
    {
        WriteBoth(ImageFile(), LabelFile()[..6]);
        Refused("train-labels-idx1-ubyte: the header has 6 bytes; 8 were expected");
    }

    [Test]
    public void Cut_images_are_named()
    {
        WriteBoth(ImageFile()[..^5], LabelFile());
        Refused("cut short: 2347 bytes after the header", "= 2352 were expected");
    }

    [Test]
    public void Cut_gzipped_images_are_named()
    {
        Write("train-images-idx3-ubyte.gz", ImageFile()[..^5]);
        Write("train-labels-idx1-ubyte", LabelFile());
        Refused("cut short: 2347 bytes after the header");
    }

    [Test]
    public void A_cut_gzip_stream_is_named()
    {
        _folder.Write("train-images-idx3-ubyte.gz", Zip(ImageFile())[..200]);
        Write("train-labels-idx1-ubyte", LabelFile());
        Refused("train-images-idx3-ubyte.gz: the file is cut short");
    }

    /// <summary>A first block of a kind that is not there, and a check sum of other bytes.</summary>
    [TestCase(10, 7)]
    [TestCase(-8, 0xFF)]
    public void A_broken_gzip_stream_is_named(int at, int value)
    {
        byte[] zipped = Zip(ImageFile());
        zipped[at < 0 ? zipped.Length + at : at] = (byte)value;
        _folder.Write("train-images-idx3-ubyte.gz", zipped);
        Write("train-labels-idx1-ubyte", LabelFile());
        Refused("train-images-idx3-ubyte.gz: is a gzip file that is damaged", "an idx file packed by gzip was expected");
    }

    [Test]
    public void Bytes_after_the_images_are_named()
    {
        WriteBoth([.. ImageFile(), 1], LabelFile());
        Refused("bytes follow the last item");
    }

    [Test]
    public void Another_number_of_labels_is_named()
    {
        WriteBoth(ImageFile(), LabelFile(count: 2));
        Refused("number of labels is 2", "has 3 images");
    }

    [Test]
    public void No_images_at_all_are_named()
    {
        WriteBoth([.. Words(0x803, 0, Side, Side)], LabelFile());
        Refused("number of images is 0; at least 1 was expected");
    }

    [Test]
    public void Images_that_are_not_square_are_named()
    {
        WriteBoth([.. Words(0x803, 1, 2, 3), .. new byte[6]], LabelFile(count: 1));
        Refused("2 rows × 3 columns; they must be square");
    }

    [Test]
    public void A_header_that_promises_more_than_memory_is_named()
    {
        WriteBoth([.. Words(0x803, int.MaxValue, 30_000, 30_000)], LabelFile());
        Refused("can be held");
    }

    [Test]
    public void A_gzipped_header_that_promises_more_than_the_file_can_hold_is_named()
    {
        Write("train-images-idx3-ubyte.gz", [.. Words(0x803, 60_000, 28, 28)]);
        Write("train-labels-idx1-ubyte", LabelFile());
        Refused("cut short: at most");
    }

    private IImageSource Open(int resolution = Side, int channels = 1, ImagePart part = ImagePart.Training) =>
        ImageSources.Open($"idx:{_folder.Path}", resolution, channels, part);

    private void Refused(params string[] parts)
    {
        var error = Assert.Throws<DataException>(() => Open())!;
        foreach (string part in parts) Assert.That(error.Message, Does.Contain(part));
        Assert.That(error.Message, Does.StartWith(_folder.Path));
    }

    private void WriteBoth(byte[] images, byte[] labels)
    {
        Write("train-images-idx3-ubyte", images);
        Write("train-labels-idx1-ubyte", labels);
    }

    private void Write(string name, byte[] bytes) => _folder.Write(name, name.EndsWith(".gz", StringComparison.Ordinal) ? Zip(bytes) : bytes);

    private static byte[] ImageFile(int count = Images) =>
        [.. Words(0x803, count, Side, Side), .. Enumerable.Range(0, count * Side * Side).Select(i => (byte)(i / (Side * Side) * 31 + i % (Side * Side)))];

    private static byte[] LabelFile(int count = Images) => [.. Words(0x801, count), .. Enumerable.Range(0, count).Select(i => (byte)(9 - i))];

    private static IEnumerable<byte> Words(params int[] words) => words.SelectMany(word =>
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, word);
        return bytes;
    });

    private static byte[] Zip(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var zip = new GZipStream(memory, CompressionMode.Compress)) zip.Write(bytes);
        return memory.ToArray();
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Data;

/// <summary>Batches of captioned images: of one size each, the same from any place on, and every image once an epoch as far as batches are full.</summary>
public sealed class CaptionedBatchLoaderTests
{
    private static readonly (int Height, int Width)[] s_one = [(2, 3)], s_three = [(2, 3), (3, 2), (4, 1)];

    [TestCase(true)]
    [TestCase(false)]
    public void Every_image_comes_once_an_epoch_beside_those_of_its_size(bool inOrder)
    {
        var source = new Numbered(37, s_three, inOrder);
        var read = Read(source, 4, 0, 30);
        // 13, 12 and 12 images of a size are 3 batches of 4 each.
        using var loader = new CaptionedBatchLoader(source, 4, 5);
        Assert.That(loader.BatchesAnEpoch, Is.EqualTo(9));
        foreach (var epoch in read.Chunk(9).Where(epoch => epoch.Length == 9))
        {
            Assert.That(epoch.SelectMany(batch => batch), Is.Unique);
            Assert.That(epoch.All(batch => batch.Select(caption => Numbered.IndexOf(caption) % 3).Distinct().Count() == 1));
        }
        Assert.That(read.Select(batch => batch.Length), Is.All.EqualTo(4));
    }

    [Test]
    public void A_source_that_asks_for_it_is_walked_in_its_own_order()
    {
        int[] first = [.. Read(new Numbered(10, s_one, inOrder: true), 3, 0, 6).SelectMany(batch => batch).Select(Numbered.IndexOf)];
        Assert.That(first, Is.EqualTo((int[])[0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]));
        Assert.That(Read(new Numbered(10, s_one, inOrder: false), 3, 0, 3).SelectMany(batch => batch).Select(Numbered.IndexOf), Is.Not.Ordered);
    }

    [Test]
    public void A_resumed_run_goes_on_with_the_same_images_and_captions([Values(1, 9, 13, 40)] int position, [Values] bool severalSizes, [Values] bool inOrder)
    {
        var source = new Numbered(37, severalSizes ? s_three : s_one, inOrder);
        Assert.That(Read(source, 4, position, 5), Is.EqualTo(Read(source, 4, 0, position + 5).Skip(position)));
    }

    [Test]
    public void Captions_are_drawn_anew_in_every_epoch()
    {
        var source = new Numbered(8, s_one, inOrder: true);
        var epochs = Read(source, 4, 0, 40).SelectMany(batch => batch).ToLookup(Numbered.IndexOf);
        Assert.That(epochs.All(captions => captions.Distinct().Count() > 15), "twenty epochs draw hardly a number twice");
    }

    [Test]
    public void Images_lie_one_behind_the_other()
    {
        using var loader = new CaptionedBatchLoader(new Numbered(37, s_three, inOrder: true), 4, 5);
        var batch = loader.Next();
        int size = batch.Height * batch.Width;
        for (int b = 0; b < 4; b++) Assert.That(batch.Images.AsSpan(b * size, size).ToArray(), Is.All.EqualTo(Numbered.IndexOf(batch.Captions[b])));
    }

    [Test]
    public void Too_few_images_are_refused()
    {
        Assert.That(() => new CaptionedBatchLoader(new Numbered(3, s_one, false), 4, 0), Throws.TypeOf<DataException>().With.Message.EqualTo("numbered: has 3 images; at least one batch of 4 was expected"));
        Assert.That(() => new CaptionedBatchLoader(new Numbered(9, s_three, false), 4, 0), Throws.TypeOf<DataException>().With.Message.Contains("none of its 3 sizes has 4 images"));
        Assert.That(() => new CaptionedBatchLoader(new Numbered(9, s_one, false), 0, 0), Throws.TypeOf<ConfigurationException>().With.Message.Contains("batch is 0"));
        Assert.That(() => new CaptionedBatchLoader(new Numbered(9, s_one, false), 1, 0, -1), Throws.TypeOf<ConfigurationException>().With.Message.Contains("position is -1"));
    }

    private static List<string[]> Read(Numbered source, int batch, long position, int batches)
    {
        using var loader = new CaptionedBatchLoader(source, batch, 5, position);
        return [.. Enumerable.Range(0, batches).Select(_ => loader.Next().Captions.ToArray())];
    }

    /// <summary>Images whose pixels are their number, and whose caption is number and draw.</summary>
    private sealed class Numbered(long count, (int Height, int Width)[] sizes, bool inOrder) : ICaptionedSource
    {
        public string Name => "numbered";

        public long Count => count;

        public int Channels => 1;

        public string ListingHash => "";

        public IReadOnlyList<(int Height, int Width)> Sizes => sizes;

        public bool InOrder => inOrder;

        public IReadOnlyList<SkippedImage> Skipped => [];

        public IEnumerable<string> Captions => [];

        public static int IndexOf(string caption) => int.Parse(caption.Split('.')[0], System.Globalization.CultureInfo.InvariantCulture);

        public int SizeOf(long index) => (int)(index % sizes.Length);

        public string Read(long index, ulong draw, Span<float> image)
        {
            image.Fill(index);
            return $"{index}.{draw}";
        }
    }
}

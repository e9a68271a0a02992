using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Data;

public sealed class BatchLoaderTests
{
    [Test]
    public void Batches_hold_the_images_of_their_labels()
    {
        var source = new Numbers(10);
        using var loader = new BatchLoader(source, 4, seed: 1);
        var batch = loader.Next();
        Assert.That((batch.Images.Length, batch.Labels.Length), Is.EqualTo((4 * source.Length, 4)));
        for (int b = 0; b < 4; b++)
        {
            Assert.That(batch.Images[(b * source.Length)..((b + 1) * source.Length)], Is.EqualTo(Enumerable.Range(0, source.Length).Select(i => batch.Labels[b] + i / 100f)));
        }
    }

    [Test]
    public void Every_epoch_has_every_image_once_in_an_order_of_its_own()
    {
        int[] labels = Labels(new Numbers(10), 4, 1, batches: 10);
        for (int epoch = 0; epoch < 4; epoch++)
        {
            Assert.That(labels[(10 * epoch)..(10 * epoch + 10)].Order(), Is.EqualTo(Enumerable.Range(0, 10)));
        }
        Assert.That(labels[..10], Is.Not.EqualTo(labels[10..20]));
        Assert.That(labels, Is.Not.EqualTo(Labels(new Numbers(10), 4, 2, batches: 10)));
    }

    [Test]
    public void The_order_does_not_depend_on_timing()
    {
        int[] fast = Labels(new Numbers(23), 5, 3, batches: 20);
        var random = new Random(1);
        int[] slowSource = Labels(new Numbers(23) { BeforeRead = _ => Thread.Sleep(random.Next(2)) }, 5, 3, batches: 20);
        using var loader = new BatchLoader(new Numbers(23), 5, 3, ahead: 7);
        var slowCaller = new List<int>();
        for (int i = 0; i < 20; i++)
        {
            Thread.Sleep(i % 3);
            slowCaller.AddRange(loader.Next().Labels);
        }
        Assert.That(slowSource, Is.EqualTo(fast));
        Assert.That(slowCaller, Is.EqualTo(fast));
    }

    [TestCase(1, false)]
    [TestCase(2, false)]
    [TestCase(16, false)]
    [TestCase(3, true)]
    public void Batches_do_not_depend_on_the_number_of_threads_that_read_them(int workers, bool flip)
    {
        var random = new Random(1);
        var source = new Numbers(23) { BeforeRead = _ => { lock (random) Thread.Sleep(random.Next(2)); } };
        using BatchLoader one = new(new Numbers(23), 5, 3, flip: flip, workers: 1), many = new(source, 5, 3, flip: flip, workers: workers);
        for (int i = 0; i < 12; i++)
        {
            var (expected, actual) = (one.Next(), many.Next());
            Assert.That(actual.Labels, Is.EqualTo(expected.Labels));
            Assert.That(actual.Images, Is.EqualTo(expected.Images));
        }
    }

    [Test]
    public void Several_threads_read_at_one_time()
    {
        using var together = new CountdownEvent(4);
        var source = new Numbers(40)
        {
            BeforeRead = _ =>
            {
                if (!together.IsSet) together.Signal();
                together.Wait(TimeSpan.FromSeconds(20));
            }
        };
        using var loader = new BatchLoader(source, 4, 1, ahead: 1, workers: 4);
        loader.Next();
        Assert.That(together.IsSet, Is.True);
    }

    [Test]
    public void The_time_waited_is_that_of_a_source_that_cannot_keep_up()
    {
        using var loader = new BatchLoader(new Numbers(40) { BeforeRead = _ => Thread.Sleep(30) }, 4, 1, workers: 1);
        loader.Next();
        // Four images of 30 ms one after the other; timers are no more exact than some milliseconds.
        Assert.That(loader.Waited.TotalMilliseconds, Is.GreaterThan(80));
        using var fast = new BatchLoader(new Numbers(40), 4, 1);
        Thread.Sleep(200);
        fast.Next();
        Assert.That(fast.Waited, Is.LessThan(TimeSpan.FromMilliseconds(50)));
    }

    [Test]
    public void A_batch_stays_as_it_is_until_the_next_one()
    {
        using var loader = new BatchLoader(new Numbers(50), 3, 5, ahead: 1);
        for (int i = 0; i < 20; i++)
        {
            var batch = loader.Next();
            int[] labels = [.. batch.Labels];
            Thread.Sleep(2);
            Assert.That(batch.Labels, Is.EqualTo(labels));
        }
    }

    [Test]
    public void Buffers_are_reused()
    {
        using var loader = new BatchLoader(new Numbers(50), 3, 5, ahead: 2);
        var arrays = Enumerable.Range(0, 30).Select(_ => loader.Next().Images).ToHashSet(ReferenceEqualityComparer.Instance);
        Assert.That(arrays, Has.Count.EqualTo(3));
    }

    [TestCase(4, 4)]
    [TestCase(4, 6)]
    [TestCase(5, 1)]
    public void A_saved_position_resumes_the_order(int batchBefore, int batchAfter)
    {
        int[] whole = Labels(new Numbers(13), 1, 9, batches: 120);
        long position;
        using (var loader = new BatchLoader(new Numbers(13), batchBefore, 9))
        {
            for (int i = 0; i < 7; i++) loader.Next();
            position = loader.Position;
        }
        Assert.That(position, Is.EqualTo(7 * batchBefore));
        Assert.That(Labels(new Numbers(13), batchAfter, 9, 10, position), Is.EqualTo(whole[(int)position..((int)position + 10 * batchAfter)]));
    }

    [Test]
    public void Flips_are_off_by_default_and_resumable()
    {
        var source = new Numbers(6);
        float[] Row(bool flip, long position)
        {
            using var loader = new BatchLoader(source, 60, 2, position, flip);
            return [.. loader.Next().Images.Where((_, i) => i % source.Length == 0)];
        }
        // The first value of an image is a whole number; of a mirrored one it is the last of the row.
        Assert.That(Row(false, 0).Count(value => value != MathF.Floor(value)), Is.Zero);
        Assert.That(Row(true, 0).Count(value => value != MathF.Floor(value)), Is.InRange(15, 45));
        Assert.That(Row(true, 30)[..30], Is.EqualTo(Row(true, 0)[30..]));
    }

    [Test]
    public void A_failure_comes_out_after_the_batches_before_it_and_stays()
    {
        int[] order = Labels(new Numbers(100), 4, 1, batches: 5);
        var source = new Numbers(100) { BeforeRead = index => { if (index == order[10] || index == order[11]) throw new DataException($"{(index == order[10] ? "a" : "b")}.png: gone"); } };
        using var loader = new BatchLoader(source, 4, 1, ahead: 5);
        loader.Next();
        loader.Next();
        Assert.That(loader.Next, Throws.TypeOf<DataException>().With.Message.EqualTo("a.png: gone"));
        Assert.That(loader.Next, Throws.TypeOf<DataException>());
        Assert.That(loader.Position, Is.EqualTo(8));
    }

    [Test]
    public void Dispose_stops_within_one_image()
    {
        int reads = 0;
        var source = new Numbers(100) { BeforeRead = _ => { Interlocked.Increment(ref reads); Thread.Sleep(20); } };
        var loader = new BatchLoader(source, 10_000, 1);
        SpinWait.SpinUntil(() => Volatile.Read(ref reads) > 0, 5000);
        loader.Dispose();
        loader.Dispose();
        int after = reads;
        Assert.That(after, Is.LessThan(10_000), "the batch in hand is not read to its end");
        Thread.Sleep(60);
        Assert.That(reads, Is.EqualTo(after));
        Assert.That(loader.Next, Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void Dispose_stops_a_loader_whose_ring_is_full()
    {
        var loader = new BatchLoader(new Numbers(5), 2, 1);
        loader.Next();
        Thread.Sleep(20);
        Assert.That(loader.Dispose, Throws.Nothing);
    }

    [Test]
    public void The_endless_shapes_load()
    {
        using var loader = new BatchLoader(new Shapes(8), 90, 4);
        Assert.That(loader.Next().Labels.Distinct().Count(), Is.EqualTo(9));
    }

    [Test]
    public void A_batch_of_none_is_refused() => Assert.That(() => new BatchLoader(new Numbers(5), 0, 1), Throws.TypeOf<ConfigurationException>());

    [Test]
    public void A_ring_of_none_is_refused() => Assert.That(() => new BatchLoader(new Numbers(5), 1, 1, ahead: 0), Throws.TypeOf<ConfigurationException>());

    [Test]
    public void A_negative_position_is_refused() => Assert.That(() => new BatchLoader(new Numbers(5), 1, 1, -1), Throws.TypeOf<ConfigurationException>());

    [Test]
    public void An_empty_source_is_refused() => Assert.That(() => new BatchLoader(new Numbers(0), 1, 1), Throws.TypeOf<DataException>().With.Message.Contains("empty"));

    private static int[] Labels(IImageSource source, int batch, ulong seed, int batches, long position = 0)
    {
        using var loader = new BatchLoader(source, batch, seed, position);
        return [.. Enumerable.Range(0, batches).SelectMany(_ => loader.Next().Labels.ToArray())];
    }

    /// <summary>Image i is of class i and has the values i, i + 0.01, i + 0.02 …</summary>
    private sealed class Numbers(int count) : IImageSource
    {
        public Action<long> BeforeRead { get; init; } = _ => { };

        public int Length => Channels * Height * Width;

        public string Name => "numbers";

        public int Classes => count;

        public IReadOnlyList<string> ClassNames => [.. Enumerable.Range(0, count).Select(i => $"{i}")];

        public long Count => count;

        public int Channels => 1;

        public int Height => 2;

        public int Width => 4;

        public IReadOnlyList<SkippedImage> Skipped => [];

        public IReadOnlyList<long> ClassCounts => [.. Enumerable.Repeat(1L, count)];

        public string ListingHash => new('0', 64);

        public int Label(long index) => (int)index;

        public int Read(long index, Span<float> image)
        {
            BeforeRead(index);
            for (int i = 0; i < image.Length; i++) image[i] = index + i / 100f;
            return (int)index;
        }
    }
}

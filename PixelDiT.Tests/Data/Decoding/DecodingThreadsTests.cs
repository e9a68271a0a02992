using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;

namespace PixelDiT.Tests.Data.Decoding;

public sealed class DecodingThreadsTests
{
    [Test]
    public void Every_file_is_decoded_once_and_progress_ends_at_all()
    {
        var times = new int[500];
        var told = new List<long>();
        DecodingThreads.Run(times.Length, i => $"{i}", (i, _) => Interlocked.Increment(ref times[i]), (done, total) => told.Add(total == times.Length ? done : -1));
        Assert.That(times, Is.All.EqualTo(1));
        Assert.That(told, Is.Ordered.And.All.InRange(0, times.Length));
        Assert.That(told[^1], Is.EqualTo(times.Length));
    }

    [Test]
    public void No_files_take_no_thread() => Assert.That(() => DecodingThreads.Run(0, i => $"{i}", (_, _) => throw new InvalidOperationException()), Throws.Nothing);

    [Test]
    public void A_picture_that_hangs_ends_the_run_with_its_name()
    {
        using var never = new ManualResetEventSlim();
        var error = Assert.Throws<DataException>(() => DecodingThreads.Run(3, i => $"pictures/{i}.jpg", (i, _) =>
        {
            if (i == 1) never.Wait();
        }, limit: TimeSpan.FromMilliseconds(200)))!;
        never.Set();
        Assert.That(error.Message, Does.StartWith("pictures/1.jpg: decoding it has not ended"));
    }

    [Test]
    public void A_large_picture_may_take_longer()
    {
        using var wait = new ManualResetEventSlim();
        Assert.That(() => DecodingThreads.Run(1, i => $"{i}", (_, begins) =>
        {
            begins(1L << 30);
            wait.Wait(300);
        }, limit: TimeSpan.Zero), Throws.Nothing);
    }

    [Test]
    public void Cancelling_does_not_wait_for_a_picture_that_hangs()
    {
        using var never = new ManualResetEventSlim();
        using var cancel = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => DecodingThreads.Run(9, i => $"{i}", (_, _) =>
        {
            cancel.Cancel();
            never.Wait();
        }, cancel: cancel.Token));
        never.Set();
    }

    [Test]
    public void What_a_decoder_throws_comes_out() =>
        Assert.Throws<InvalidOperationException>(() => DecodingThreads.Run(5, i => $"{i}", (i, _) => throw new InvalidOperationException($"{i}")));

    [Test]
    public void The_budget_lets_one_large_picture_in_alone()
    {
        var budget = new PixelBudget(100);
        long most = 0;
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            using var room = budget.Take(i % 10 == 0 ? 500 : 30);
            long taken = budget.Taken;
            for (long seen = Interlocked.Read(ref most); taken > seen; seen = Interlocked.Read(ref most)) Interlocked.CompareExchange(ref most, taken, seen);
            Thread.Yield();
        });
        Assert.That(most, Is.EqualTo(500));
        Assert.That(budget.Taken, Is.Zero);
    }

    [Test]
    public void A_decoder_that_reads_on_behind_the_end_is_stopped()
    {
        using var stream = new BoundedStream([1, 2, 3]);
        stream.Seek(1000, SeekOrigin.Current);
        Assert.That((stream.Position, stream.Missing), Is.EqualTo((3L, 997)));
        Assert.Throws<EndOfStreamException>(() =>
        {
            while (true) stream.ReadByte();
        });
    }
}

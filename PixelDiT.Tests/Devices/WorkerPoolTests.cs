using System.Runtime.CompilerServices;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Tests.Devices;

/// <summary>The threads between launches.</summary>
internal sealed unsafe class WorkerPoolTests
{
    private const int Threads = 3;

    /// <summary>What a launch hands to its body.</summary>
    private struct Work
    {
        public int* Counts;
        public int FailAt;
    }

    private static void Count(void* context, int first, int end)
    {
        ref var work = ref Unsafe.AsRef<Work>(context);
        for (int i = first; i < end; i++)
        {
            if (i == work.FailAt) throw new OperationCanceledException($"item {i}");
            Interlocked.Increment(ref work.Counts[i]);
        }
    }

    private static int[] Run(WorkerPool pool, int items, int failAt = -1)
    {
        int[] counts = new int[Math.Max(1, items)];
        fixed (int* pointer = counts)
        {
            var work = new Work { Counts = pointer, FailAt = failAt };
            pool.Run(&Count, &work, items);
        }
        return counts;
    }

    [Test]
    public void Every_item_is_done_once([Values(1, 2, 3, 5, 16)] int threads, [Values(1, 2, 3, 7, 64, 1000, 100_003)] int items)
    {
        using var pool = new WorkerPool(threads);
        Assert.That(pool.Threads, Is.EqualTo(threads));
        for (int repeat = 0; repeat < 5; repeat++) Assert.That(Run(pool, items), Has.All.EqualTo(1));
    }

    [Test]
    public void Many_tiny_launches_are_complete()
    {
        using var pool = new WorkerPool(Threads);
        for (int launch = 0; launch < 50_000; launch++)
        {
            foreach (int count in Run(pool, 1 + (launch % 5)))
            {
                if (count != 1) Assert.Fail($"launch {launch}: an item was done {count} times");
            }
        }
    }

    [Test]
    public void Threads_that_fell_asleep_wake_for_the_next_launch()
    {
        using var pool = new WorkerPool(Threads);
        for (int launch = 0; launch < 20; launch++)
        {
            Thread.Sleep(5);
            Assert.That(Run(pool, 1000), Has.All.EqualTo(1));
        }
    }

    [Test]
    public void An_exception_reaches_the_caller_and_the_pool_lives_on([Values(1, Threads)] int threads, [Values(0, 500, 999)] int failAt)
    {
        using var pool = new WorkerPool(threads);
        for (int repeat = 0; repeat < 20; repeat++)
        {
            Assert.That(() => Run(pool, 1000, failAt), Throws.TypeOf<OperationCanceledException>().With.Message.EqualTo($"item {failAt}"));
            Assert.That(Run(pool, 1000), Has.All.EqualTo(1));
        }
    }

    [Test]
    public void Dispose_ends_busy_and_sleeping_threads()
    {
        for (int repeat = 0; repeat < 50; repeat++)
        {
            var pool = new WorkerPool(Threads);
            Run(pool, repeat + 1);
            pool.Dispose();
        }
    }
}

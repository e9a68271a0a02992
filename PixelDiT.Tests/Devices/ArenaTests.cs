using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine.Cpu;

namespace PixelDiT.Tests.Devices;

/// <summary>Device memory: where blocks lie, and that none is lost.</summary>
internal sealed class ArenaTests
{
    private const long Chunk = 16 << 20;

    /// <summary>A request: take so many bytes, or, where Bytes is 0, release the block at Choice.</summary>
    private sealed record Request(long Bytes, int Choice);

    private static readonly Gen<Request[]> s_requests = Gen.Select(
        Gen.Frequency((5, Gen.Long[1, 5000]), (2, Gen.Long[1, 3 << 20]), (6, Gen.Const(0L))), Gen.Int[0, 1000], (bytes, choice) => new Request(bytes, choice)).Array[1, 120];

    private Device _device = null!;

    private Arena Arena => _device.Arena;

    [SetUp]
    public void Open() => _device = Device.Open("cpu", 1);

    [TearDown]
    public void Close() => _device.Dispose();

    [Test]
    public unsafe void Blocks_begin_at_absolute_multiples_of_256()
    {
        foreach (long bytes in new long[] { 1, 255, 256, 257, 4096, Chunk, Chunk + 1 })
        {
            var block = Arena.Take(bytes);
            Assert.That((long)HostMemory.Pointer(block.View) % 256, Is.Zero);
            Assert.That(block.View.Length, Is.EqualTo(bytes));
        }
    }

    [TestCase(0, 1, 2), TestCase(0, 2, 1), TestCase(1, 0, 2), TestCase(1, 2, 0), TestCase(2, 0, 1), TestCase(2, 1, 0)]
    public void Neighbours_become_one_block_in_whatever_order_they_are_released(params int[] order)
    {
        ArenaBlock[] blocks = [Arena.Take(Chunk / 4), Arena.Take(Chunk / 4), Arena.Take(Chunk / 2)];
        foreach (int i in order) Arena.Release(blocks[i]);
        var whole = Arena.Take(Chunk);
        Assert.That((whole.Chunk, whole.Offset), Is.EqualTo((0, 0L)));
        Assert.That(Arena.BytesReserved, Is.EqualTo(Chunk));
    }

    [Test]
    public void The_first_gap_that_is_wide_enough_is_taken()
    {
        ArenaBlock[] blocks = [Arena.Take(1024), Arena.Take(256), Arena.Take(2048), Arena.Take(256)];
        Arena.Release(blocks[0]);
        Arena.Release(blocks[2]);
        Assert.That(Arena.Take(1500).Offset, Is.EqualTo(blocks[2].Offset));
        Assert.That(Arena.Take(100).Offset, Is.EqualTo(blocks[0].Offset));
    }

    [Test]
    public void A_block_is_released_once()
    {
        var block = Arena.Take(1000);
        Arena.Release(block);
        Assert.That(() => Arena.Release(block), Throws.InvalidOperationException.With.Message.Contains("not in use"));
        Assert.That(Arena.BytesInUse, Is.Zero);
    }

    [Test]
    public void Peak_is_the_most_since_it_was_reset()
    {
        var block = Arena.Take(1000);
        Arena.Release(block);
        Assert.That(Arena.PeakBytes, Is.EqualTo(1024));
        Arena.ResetPeak();
        Assert.That(Arena.PeakBytes, Is.Zero);
        Arena.Take(10);
        Assert.That(Arena.PeakBytes, Is.EqualTo(256));
    }

    [Test]
    public void Out_of_memory_says_what_was_asked_and_what_is_in_use()
    {
        Arena.Take(3 << 20);
        Assert.That(() => Arena.Take(1L << 55), Throws.TypeOf<DeviceMemoryException>().With.Message.Contains($"{1L << 35} MiB more")
            .And.Message.Contains("3 MiB are in use").And.Message.Contains("16 MiB reserved").And.Message.Match(@"reserved, [1-9]\d* MiB of the device's [1-9]\d* MiB free"));
        Assert.That(Arena.BytesInUse, Is.EqualTo(3 << 20), "a refused request takes nothing");
        Assert.That(Arena.Take(256).Chunk, Is.Zero, "the arena still works");
    }

    [Test]
    public void Random_sequences_keep_blocks_apart_and_lose_nothing() => s_requests.Sample(sequence =>
    {
        var live = Run(Arena, sequence, check: true, out _);
        Assert.That(Arena.BytesInUse, Is.EqualTo(live.Sum(block => Rounded(block.View.Length))));
        foreach (var block in live) Arena.Release(block);
        Assert.That(Arena.BytesInUse, Is.Zero);

        // All free again: the whole of the first chunk is one block.
        long reserved = Arena.BytesReserved;
        var whole = Arena.Take(Chunk);
        Assert.That((whole.Chunk, whole.Offset, Arena.BytesReserved), Is.EqualTo((0, 0L, Math.Max(reserved, Chunk))));
        Arena.Release(whole);
    }, iter: 200, threads: 1);

    [Test]
    public void The_same_requests_get_the_same_addresses() => s_requests.Sample(sequence =>
    {
        var live = Run(Arena, sequence, check: false, out var before);
        foreach (var block in live) Arena.Release(block);
        live = Run(Arena, sequence, check: false, out var after);
        foreach (var block in live) Arena.Release(block);
        // Chunks that the first run added are empty again, so the second run comes to need them at the same requests.
        Assert.That(after, Is.EqualTo(before));
    }, iter: 100, threads: 1);

    private static List<ArenaBlock> Run(Arena arena, Request[] sequence, bool check, out List<(int, long)> places)
    {
        var live = new List<ArenaBlock>();
        places = [];
        foreach (var (bytes, choice) in sequence)
        {
            if (bytes == 0)
            {
                if (live.Count == 0) continue;
                arena.Release(live[choice % live.Count]);
                live.RemoveAt(choice % live.Count);
                continue;
            }
            var block = arena.Take(bytes);
            if (check) Assert.That(live.Any(other => Overlap(other, block)), Is.False, "blocks overlap");
            live.Add(block);
            places.Add((block.Chunk, block.Offset));
        }
        return live;
    }

    private static bool Overlap(ArenaBlock a, ArenaBlock b)
        => a.Chunk == b.Chunk && a.Offset < b.Offset + Rounded(b.View.Length) && b.Offset < a.Offset + Rounded(a.View.Length);

    private static long Rounded(long bytes) => (bytes + 255) / 256 * 256;
}

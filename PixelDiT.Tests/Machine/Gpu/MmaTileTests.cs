using NUnit.Framework;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Tests.Machine.Gpu;

/// <summary>
/// Shared memory has 32 banks of 4 bytes; accesses of 16 bytes are served eight lanes at a time, and those eight must touch all banks. Pieces and steps change every
/// lane's place by the same exclusive or and addition of whole turns, so the first piece speaks for all.
/// </summary>
[TestFixture(typeof(BFloat16Format), typeof(KMajor)), TestFixture(typeof(BFloat16Format), typeof(MNMajor)), TestFixture(typeof(TensorFloat32Format), typeof(KMajor)), TestFixture(typeof(TensorFloat32Format), typeof(MNMajor))]
internal sealed class MmaTileTests<TFormat, TMajor> where TFormat : struct, IMmaFormat where TMajor : struct, IMajor
{
    private static int[] Places => [.. Enumerable.Range(0, MmaTile.Bytes / 16)
        .Select(i => MmaTile.SwizzledOffset<TFormat, TMajor>(i / MmaTile.LineChunks<TFormat, TMajor>(), i % MmaTile.LineChunks<TFormat, TMajor>()))];

    [Test]
    public void Chunks_fill_the_tile() => Assert.That(Places.Order(), Is.EqualTo(Enumerable.Range(0, MmaTile.Bytes / 16).Select(i => i * 16)));

    [Test]
    public void A_threads_second_chunk_lies_half_a_tile_behind_its_first()
        => Assert.That(Places.Skip(MmaTile.Threads), Is.EqualTo(Places.Take(MmaTile.Threads).Select(place => place + (MmaTile.Bytes / 2))));

    [Test]
    public void Writing_touches_every_bank_once() => AssertNoConflict(Places, 16);

    [Test]
    public void Reading_touches_every_bank_once([Values(0, 64)] int row, [Values(0, 32, 64, 96)] int column)
    {
        // Matrix loads read 16 bytes a lane; what no instruction transposes is read 4 bytes a lane, all 32 lanes at once.
        int bytes = typeof(TFormat) == typeof(TensorFloat32Format) && !TMajor.IsKMajor ? 4 : 16;
        AssertNoConflict([.. Enumerable.Range(0, 32).Select(lane => MmaTile.StartOfA<TFormat, TMajor>(row, lane))], bytes);
        AssertNoConflict([.. Enumerable.Range(0, 32).Select(lane => MmaTile.StartOfB<TFormat, TMajor>(column, lane))], bytes);
    }

    /// <summary>Products without tensor cores read so: neighbouring threads neighbouring lines of k, or neighbouring chunks of one k.</summary>
    [Test]
    public void Reading_neighbours_touches_every_bank_once([Values(0, 1, 2, 3)] int which)
        => AssertNoConflict([.. Enumerable.Range(0, 16).Select(i => TMajor.IsKMajor ? MmaTile.SwizzledOffset<SingleFormat, TMajor>(i, which) : MmaTile.SwizzledOffset<SingleFormat, TMajor>(which, i))], 16);

    private static void AssertNoConflict(int[] places, int bytes)
    {
        foreach (int[] together in places.Chunk(128 / bytes)) Assert.That(together.Select(place => place / bytes % (128 / bytes)), Is.Unique);
    }
}

using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;

namespace PixelDiT.Tests.Machine;

/// <summary>
/// Shared memory has 32 banks of 4 bytes; accesses of 16 bytes are served eight lanes at a time, and those eight must touch all banks. Pieces and steps change every
/// lane's place by the same exclusive or and addition of whole turns, so the first piece speaks for all.
/// </summary>
[TestFixture(typeof(BrainFormat), typeof(Along)), TestFixture(typeof(BrainFormat), typeof(Across)), TestFixture(typeof(TensorFloatFormat), typeof(Along)), TestFixture(typeof(TensorFloatFormat), typeof(Across))]
internal sealed class OperandTileTests<TFormat, TOrder> where TFormat : struct, ITensorFormat where TOrder : struct, IOrder
{
    private static int[] Places => [.. Enumerable.Range(0, OperandTile.Bytes / 16)
        .Select(i => OperandTile.Place<TFormat, TOrder>(i / OperandTile.LineChunks<TFormat, TOrder>(), i % OperandTile.LineChunks<TFormat, TOrder>()))];

    [Test]
    public void Chunks_fill_the_tile() => Assert.That(Places.Order(), Is.EqualTo(Enumerable.Range(0, OperandTile.Bytes / 16).Select(i => i * 16)));

    [Test]
    public void A_threads_second_chunk_lies_half_a_tile_behind_its_first()
        => Assert.That(Places.Skip(TensorProduct.Lanes), Is.EqualTo(Places.Take(TensorProduct.Lanes).Select(place => place + (OperandTile.Bytes / 2))));

    [Test]
    public void Writing_touches_every_bank_once() => AssertNoConflict(Places, 16);

    [Test]
    public void Reading_touches_every_bank_once([Values(0, 64)] int row, [Values(0, 32, 64, 96)] int column)
    {
        // Matrix loads read 16 bytes a lane; what no instruction transposes is read 4 bytes a lane, all 32 lanes at once.
        int bytes = typeof(TFormat) == typeof(TensorFloatFormat) && !TOrder.AlongDepth ? 4 : 16;
        AssertNoConflict([.. Enumerable.Range(0, 32).Select(lane => OperandTile.StartOfA<TFormat, TOrder>(row, lane))], bytes);
        AssertNoConflict([.. Enumerable.Range(0, 32).Select(lane => OperandTile.StartOfB<TFormat, TOrder>(column, lane))], bytes);
    }

    /// <summary>Products without tensor cores read so: neighbouring threads neighbouring lines of k, or neighbouring chunks of one k.</summary>
    [Test]
    public void Reading_neighbours_touches_every_bank_once([Values(0, 1, 2, 3)] int which)
        => AssertNoConflict([.. Enumerable.Range(0, 16).Select(i => TOrder.AlongDepth ? OperandTile.Place<SingleFormat, TOrder>(i, which) : OperandTile.Place<SingleFormat, TOrder>(which, i))], 16);

    private static void AssertNoConflict(int[] places, int bytes)
    {
        foreach (int[] together in places.Chunk(128 / bytes)) Assert.That(together.Select(place => place / bytes % (128 / bytes)), Is.Unique);
    }
}

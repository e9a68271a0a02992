using NUnit.Framework;
using PixelDiT.Kernels.Operations.Products;

namespace PixelDiT.Tests.Operations.Products;

/// <summary>Items and tiles of a product belong together one to one.</summary>
internal sealed class TileSchedulerTests
{
    [Test]
    public void Every_tile_of_every_slice_is_one_item([Values(1, 15, 16, 17, 50)] int rows, [Values(1, 3, 40)] int columns, [Values(1, 2, 5)] int slices)
    {
        var places = Enumerable.Range(0, rows * columns * slices).Select(item => TileScheduler.Of(item, rows, columns)).Select(place => (place.Slice, place.Row, place.Column));
        Assert.That(places.Order(), Is.EqualTo(
            from slice in Enumerable.Range(0, slices) from row in Enumerable.Range(0, rows) from column in Enumerable.Range(0, columns) select (slice, row, column)));
    }
}

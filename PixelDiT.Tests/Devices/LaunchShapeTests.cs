using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Tests.Devices;

/// <summary>How items are laid out on a GPU, and that whoever needs a group to itself has it.</summary>
internal sealed class LaunchShapeTests
{
    [TestCase(1, 2), TestCase(8, 2), TestCase(16, 2), TestCase(17, 4), TestCase(64, 8), TestCase(72, 16), TestCase(257, 32), TestCase(768, 32), TestCase(2048, 32), TestCase(2049, 64), TestCase(8192, 128), TestCase(100_000, 256)]
    public void A_row_has_a_lane_for_every_eight_and_then_up_to_eight_a_lane(int width, int lanes) => Assert.That(Elements.LanesFor(width), Is.EqualTo(lanes));

    [TestCase(512, 16, 256), TestCase(512, 1152, 256), TestCase(32, 16, 32), TestCase(32, 768, 64), TestCase(1, 1, 32), TestCase(int.MaxValue, int.MaxValue, 256)]
    public void Column_sums_have_a_lane_for_every_eight_columns_of_four_rows(int rows, int columns, int lanes) => Assert.That(Elements.LanesForColumns(rows, columns), Is.EqualTo(lanes));

    [TestCase(64, 2, 1), TestCase(65, 2, 2), TestCase(16, 8, 1), TestCase(5, 32, 2), TestCase(int.MaxValue, 2, 33554432)]
    public void Rows_of_few_lanes_fill_groups_of_128(int items, int lanes, int groups)
        => Assert.That(LaunchShape.Of(items, lanes, groupSize: 0, shared: true), Is.EqualTo(new LaunchShape(groups, 128, lanes)));

    [TestCase(3, 4), TestCase(20, 32)]
    public void Lanes_that_share_a_group_are_a_power_of_two(int asked, int lanes) => Assert.That(LaunchShape.Of(1, asked, groupSize: 0, shared: true).Lanes, Is.EqualTo(lanes));

    [Test]
    public void A_row_of_several_warps_has_a_group_to_itself([Values(64, 128, 256)] int lanes)
        => Assert.That(LaunchShape.Of(7, lanes, groupSize: 0, shared: true), Is.EqualTo(new LaunchShape(7, lanes, lanes)));

    [Test]
    public void Groups_of_a_fixed_size_hold_as_many_rows_as_fit()
    {
        Assert.That(LaunchShape.Of(7, 8, groupSize: 4, shared: true), Is.EqualTo(new LaunchShape(7, 4, 4)));
        Assert.That(LaunchShape.Of(7, 8, groupSize: 32, shared: true), Is.EqualTo(new LaunchShape(2, 32, 8)));
        Assert.That(LaunchShape.Of(7, 64, groupSize: 256, shared: true), Is.EqualTo(new LaunchShape(7, 256, 256)));
    }

    [Test]
    public void A_kernel_that_shares_no_groups_never_has_two_items_in_one([Values(1, 2, 32, 64, 256)] int lanes, [Values(0, 1, 2, 32, 64, 256)] int groupSize)
    {
        int threads = groupSize > 0 ? groupSize : lanes;
        Assert.That(LaunchShape.Of(7, lanes, groupSize, shared: false), Is.EqualTo(new LaunchShape(7, threads, threads)));
    }
}

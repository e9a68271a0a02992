using ILGPU;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Machine;

/// <content>The bodies that a GPU runs.</content>
public static partial class Elements
{
    private static void DeviceFor<TEach>(TEach each, long first, int count, int lane, int lanes) where TEach : struct, IEach
    {
        int whole = count & -DeviceEight.Count;
        for (int i = lane * DeviceEight.Count; i < whole; i += lanes * DeviceEight.Count) each.At<DeviceEight, Eight>(first + i);
        for (int i = whole + lane; i < count; i += lanes) each.At<DeviceLane, float>(first + i);
    }

    private static float DeviceSum<TTerm>(TTerm term, int count, int lane, int lanes) where TTerm : struct, ITerm
    {
        int whole = count & -DeviceEight.Count;
        Eight sums = DeviceEight.Set(0);
        for (int i = lane * DeviceEight.Count; i < whole; i += lanes * DeviceEight.Count) sums = DeviceEight.Add(sums, term.At<DeviceEight, Eight>(i));
        float sum = DeviceEight.Sum(sums);
        for (int i = whole + lane; i < count; i += lanes) sum += term.At<DeviceLane, float>(i);
        return ItemSum(sum, lane, lanes);
    }

    /// <summary>The sum of one value of each lane, in an order that depends on the lanes alone: the lanes of a warp by halves, then the warps one after the other.</summary>
    private static float ItemSum(float value, int lane, int lanes)
    {
        int inWarp = lanes < WarpExchange.Lanes ? lanes : WarpExchange.Lanes;
        for (int distance = inWarp >> 1; distance > 0; distance >>= 1) value += ItemShuffle.Across(value, distance, inWarp);
        if (lanes <= WarpExchange.Lanes) return value;
        var warps = SharedMemory.Allocate1D<float>(MaxLanes / WarpExchange.Lanes);
        if ((lane & (WarpExchange.Lanes - 1)) == 0) warps[lane / WarpExchange.Lanes] = value;
        Group.Barrier();
        float sum = warps[0];
        for (int warp = 1; warp < lanes / WarpExchange.Lanes; warp++) sum += warps[warp];
        // Before the next sum writes there again.
        Group.Barrier();
        return sum;
    }

    private static void DeviceSumColumns<TTerm>(
        TTerm term, int firstRow, int endRow, int firstColumn, int endColumn, DeviceView<float> output, long offset, int accumulate, int lane, int lanes)
        where TTerm : struct, IColumnTerm
    {
        for (int column = firstColumn + lane; column < endColumn; column += lanes)
        {
            SumColumn<TTerm, DeviceLane, float>(ref term, firstRow, endRow, column, output, offset, accumulate);
        }
    }
}

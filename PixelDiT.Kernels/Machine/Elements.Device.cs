using ILGPU;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Machine;

/// <content>The bodies that a GPU runs.</content>
public static partial class Elements
{
    private static void DeviceFor<TEach>(TEach each, long first, int count, int lane, int lanes) where TEach : struct, IEach
    {
        int whole = count & -8;
        for (int i = lane * 8; i < whole; i += lanes * 8) each.At<DeviceEight, Eight>(first + i);
        for (int i = whole + lane; i < count; i += lanes) each.At<DeviceLane, float>(first + i);
    }

    private static float DeviceSum<TTerm>(TTerm term, int count, int lane, int lanes) where TTerm : struct, ITerm
    {
        int whole = count & -8;
        Eight sums = DeviceEight.Set(0);
        for (int i = lane * 8; i < whole; i += lanes * 8) sums = DeviceEight.Add(sums, term.At<DeviceEight, Eight>(i));
        float sum = DeviceEight.Sum(sums);
        for (int i = whole + lane; i < count; i += lanes) sum += term.At<DeviceLane, float>(i);
        return GroupSum(sum, lane, lanes);
    }

    /// <summary>The sum of one value of each work item, as a tree of fixed shape.</summary>
    private static float GroupSum(float value, int lane, int lanes)
    {
        var shared = SharedMemory.Allocate1D<float>(MaxLanes);
        shared[lane] = value;
        Group.Barrier();
        int width = MaxLanes / 2;
        while (width > 0)
        {
            if (lane < width && lane + width < lanes) shared[lane] += shared[lane + width];
            Group.Barrier();
            width >>= 1;
        }
        float sum = shared[0];
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

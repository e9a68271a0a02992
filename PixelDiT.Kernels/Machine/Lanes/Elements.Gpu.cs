using ILGPU;
using PixelDiT.Kernels.Machine.Emulation;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Machine.Lanes;

/// <content>The bodies that a GPU runs.</content>
public static partial class Elements
{
    /// <summary>Lanes side by side that a column sum has at most in a row: 256 bytes of float32.</summary>
    private const int MaxAcross = 8;

    private static void DeviceFor<TEach>(TEach each, long first, int count, int lane, int lanes) where TEach : struct, IEach
    {
        int whole = count & -GpuLanes8.Count;
        for (int i = lane * GpuLanes8.Count; i < whole; i += lanes * GpuLanes8.Count) each.At<GpuLanes8, Float8>(first + i);
        for (int i = whole + lane; i < count; i += lanes) each.At<GpuLane, float>(first + i);
    }

    private static float DeviceSum<TTerm>(TTerm term, int count, int lane, int lanes) where TTerm : struct, ITerm
    {
        int whole = count & -GpuLanes8.Count;
        Float8 sums = GpuLanes8.Set(0);
        for (int i = lane * GpuLanes8.Count; i < whole; i += lanes * GpuLanes8.Count) sums = GpuLanes8.Add(sums, term.At<GpuLanes8, Float8>(i));
        float sum = GpuLanes8.Sum(sums);
        for (int i = whole + lane; i < count; i += lanes) sum += term.At<GpuLane, float>(i);
        return ItemSum(sum, lane, lanes);
    }

    /// <summary>The sum of one value of each lane, in an order that depends on the lanes alone: the lanes of a warp by halves, then the warps one after the other.</summary>
    private static float ItemSum(float value, int lane, int lanes)
    {
        int inWarp = lanes < WarpExchange.Lanes ? lanes : WarpExchange.Lanes;
        for (int distance = inWarp >> 1; distance > 0; distance >>= 1) value += SubwarpShuffle.ShuffleXor(value, distance, inWarp);
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
        int whole = firstColumn + ((endColumn - firstColumn) & -GpuLanes8.Count);
        SumDealtRows<TTerm, GpuLanes8, Float8>(ref term, firstRow, endRow, firstColumn, whole, output, offset, accumulate, lane, lanes);
        SumDealtRows<TTerm, GpuLane, float>(ref term, firstRow, endRow, whole, endColumn, output, offset, accumulate, lane, lanes);
    }

    /// <summary>
    /// Neighbouring lanes take neighbouring columns of a row, L.Count of them each, and the lanes after those the next row: rows are dealt out like cards. What a lane has summed is then
    /// added to the sums of the other lanes with its columns, in a warp by halves, then warp after warp.
    /// </summary>
    private static void SumDealtRows<TTerm, L, S>(
        ref TTerm term, int firstRow, int endRow, int firstColumn, int endColumn, DeviceView<float> output, long offset, int accumulate, int lane, int lanes)
        where TTerm : struct, IColumnTerm where L : struct, IGpuLanes<S> where S : unmanaged
    {
        int steps = (endColumn - firstColumn) / L.Count, across = 1, inWarp = lanes < WarpExchange.Lanes ? lanes : WarpExchange.Lanes;
        while (across < steps && across < inWarp && across < MaxAcross) across <<= 1;
        for (int start = 0; start < steps; start += across)
        {
            int step = start + (lane & (across - 1)), column = firstColumn + (step * L.Count);
            S sum = L.Set(0);
            if (step < steps)
            {
                for (int row = firstRow + (lane / across); row < endRow; row += lanes / across) sum = L.Add(sum, term.At<L, S>(row, column));
            }
            for (int distance = inWarp >> 1; distance >= across; distance >>= 1) sum = L.Add(sum, L.ShuffleXor(sum, distance, inWarp));
            if (lanes > WarpExchange.Lanes)
            {
                var warps = SharedMemory.Allocate1D<S>(MaxLanes / WarpExchange.Lanes * MaxAcross);
                int warp = lane / WarpExchange.Lanes, place = lane & (WarpExchange.Lanes - 1);
                if (place < across) warps[(warp * MaxAcross) + place] = sum;
                Group.Barrier();
                if (lane < across)
                {
                    for (int other = 1; other < lanes / WarpExchange.Lanes; other++) sum = L.Add(sum, warps[(other * MaxAcross) + lane]);
                }
                // Before the next columns are written there.
                Group.Barrier();
            }
            if (lane < across && step < steps) Write<L, S>(output, offset + column, sum, accumulate);
        }
    }
}

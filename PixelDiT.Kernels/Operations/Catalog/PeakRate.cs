using System.Diagnostics;
using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Catalog;

/// <summary>What a device can do at most: multiply-adds on registers alone, in the vectors that the kernels use, on all threads at once.</summary>
public static class PeakRate
{
    private const int Rounds = 256, Sums = 12;

    // Long enough for the system to give each busy thread a core of its own.
    private const double Seconds = 0.4;

    /// <summary>Float32 operations a second, in 1e9, a multiply-add counted as two: the best of several runs, for a rate that others interrupt is not a peak.</summary>
    public static double Measure(Device device)
    {
        // A card has room for some 500,000 elements at a time; several times that many keep all of it busy.
        int elements = device.Kind == DeviceKind.Cuda ? 1 << 22 : 1 << 18;
        using var values = device.Allocate([elements]);
        values.Clear();
        double best = double.PositiveInfinity;
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds;)
        {
            long began = Stopwatch.GetTimestamp();
            Map.Launch(device, new Each(values.View<float>()), elements);
            device.Synchronize();
            best = Math.Min(best, Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        return 2.0 * Rounds * Sums * elements / best / 1e9;
    }

    /// <summary>Twelve running sums hide the latency of a multiply-add; they converge, so nothing overflows.</summary>
    internal readonly struct Each(DeviceView<float> values) : IEach
    {
        private readonly DeviceView<float> _values = values;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
        {
            S half = L.Set(0.5f), start = L.Load(_values, i);
            S a = start, b = start, c = start, d = start, e = start, f = start, g = start, h = start, p = start, q = start, r = start, s = start;
            for (int round = 0; round < Rounds; round++)
            {
                a = L.MultiplyAdd(a, half, half);
                b = L.MultiplyAdd(b, half, half);
                c = L.MultiplyAdd(c, half, half);
                d = L.MultiplyAdd(d, half, half);
                e = L.MultiplyAdd(e, half, half);
                f = L.MultiplyAdd(f, half, half);
                g = L.MultiplyAdd(g, half, half);
                h = L.MultiplyAdd(h, half, half);
                p = L.MultiplyAdd(p, half, half);
                q = L.MultiplyAdd(q, half, half);
                r = L.MultiplyAdd(r, half, half);
                s = L.MultiplyAdd(s, half, half);
            }
            S first = L.Add(L.Add(L.Add(a, b), L.Add(c, d)), L.Add(e, f)), second = L.Add(L.Add(L.Add(g, h), L.Add(p, q)), L.Add(r, s));
            L.Store(_values, i, L.Add(first, second));
        }
    }
}

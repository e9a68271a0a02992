using System.Runtime.CompilerServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// The timestep's sines and cosines (SPEC §2). t [B], y [B, 256]: y_b = [cos(t_b·g_i) | sin(t_b·g_i)], g_i = exp(−ln 10·i/128). The maximum period is 10.
/// No gradient: t is given.
/// </summary>
public static class TimestepEmbedding
{
    /// <summary>Frequencies, half the embedding's width.</summary>
    public const int Frequencies = 128;

    /// <summary>The frequencies g as the authors compute them: the exponent in float32.</summary>
    public static float[] FrequencyTable()
    {
        var table = new float[Frequencies];
        float logPeriod = -(float)Math.Log(10);
        for (int i = 0; i < Frequencies; i++) table[i] = (float)Math.Exp(logPeriod * i / Frequencies);
        return table;
    }

    /// <summary>y [B, 256] from t [B] and the frequencies [128], float32.</summary>
    public static void Forward(Tensor t, Tensor frequencies, Tensor y)
    {
        frequencies.RequireCountOf("frequencies", Frequencies);
        y.RequireCountOf("a timestep embedding", t.Count * 2 * Frequencies);
        t.Device.Launch(new Kernel(t.View<float>(), frequencies.View<float>(), y.View<float>()), checked((int)t.Count), Elements.LanesFor(Frequencies));
    }

    internal readonly struct Kernel(DeviceView<float> t, DeviceView<float> frequencies, DeviceView<float> y) : IRowKernel
    {
        private readonly DeviceView<float> _t = t, _frequencies = frequencies, _y = y;

        public void Run(int image, int lane, int lanes)
            => Elements.For(new Each(_frequencies, _y, (long)image * 2 * Frequencies, Scalar.Read(_t, image)), 0, Frequencies, lane, lanes);

        private readonly struct Each(DeviceView<float> frequencies, DeviceView<float> y, long row, float t) : IEach
        {
            private readonly DeviceView<float> _frequencies = frequencies, _y = y;
            private readonly long _row = row;
            private readonly float _t = t;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public void At<L, S>(long i) where L : struct, ILanes<S> where S : unmanaged
            {
                S sine = Formulas.SinCos<L, S>(L.Multiply(L.Set(_t), L.Load(_frequencies, i)), out S cosine);
                L.Store(_y, _row + i, cosine);
                L.Store(_y, _row + Frequencies + i, sine);
            }
        }
    }
}

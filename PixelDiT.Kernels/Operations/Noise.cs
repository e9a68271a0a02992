using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations;

/// <summary>
/// Normal draws of training from a counter: Philox4x32 with 10 rounds (Salmon et al. 2011), then Box-Muller. Element i of draw (key, stream) is the same on every device up to the
/// rounding of logarithm, sine and cosine, whatever was drawn before; so a run's random state is two numbers.
/// </summary>
public static class Noise
{
    private const int Chunk = 256;

    /// <summary>Fills a float32 tensor with N(0, 1).</summary>
    /// <param name="target">Receives the draws.</param>
    /// <param name="key">The run's seed.</param>
    /// <param name="stream">Which draw of the run, such as the step.</param>
    /// <param name="first">Which of the draws is the target's first, so that a part of a tensor is filled as the whole would be.</param>
    public static void Fill(Tensor target, ulong key, ulong stream, long first = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        long before = first % 4;
        target.Device.Launch(new Kernel(target.View<float>(), target.Count, before, first / 4, key, stream), checked((int)((before + target.Count + (4 * Chunk) - 1) / (4 * Chunk))), Chunk);
    }

    /// <param name="target">Receives the draws.</param>
    /// <param name="count">How many.</param>
    /// <param name="before">Draws of the first four that lie before the target.</param>
    /// <param name="quads">Fours before these.</param>
    /// <param name="key">The run's seed.</param>
    /// <param name="stream">Which draw of the run.</param>
    internal readonly struct Kernel(DeviceView<float> target, long count, long before, long quads, ulong key, ulong stream) : IKernel
    {
        private readonly DeviceView<float> _target = target;
        private readonly long _count = count, _before = before, _quads = quads;
        private readonly ulong _key = key, _stream = stream;

        public void Run(int item, int lane, int lanes)
        {
            for (int i = lane; i < Chunk; i += lanes)
            {
                long quad = ((long)item * Chunk) + i;
                long place = (quad * 4) - _before;
                if (place < _count)
                {
                    Philox.Draw(_key, _stream, (ulong)(_quads + quad), out uint a, out uint b, out uint c, out uint d);
                    Pair(place, a, b);
                    Pair(place + 2, c, d);
                }
            }
        }

        private void Pair(long first, uint a, uint b)
        {
            // The radius takes a number in (0, 1]: its logarithm is finite, and not above 0.
            float radius = MathF.Sqrt(-2f * Formulas.Log(((a >> 8) + 1) * (1f / 16777216f)));
            float sine = Formulas.SinCos<GpuLane, float>((b >> 8) * (6.2831853f / 16777216f), out float cosine);
            if (first >= 0 && first < _count) Scalar.Write(_target, first, radius * cosine);
            if (first + 1 >= 0 && first + 1 < _count) Scalar.Write(_target, first + 1, radius * sine);
        }
    }
}

/// <summary>Philox4x32-10: four 32-bit words from a key, a stream and a counter.</summary>
public static class Philox
{
    /// <summary>The four words of one counter.</summary>
    public static void Draw(ulong key, ulong stream, ulong counter, out uint a, out uint b, out uint c, out uint d)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        (a, b, c, d) = ((uint)counter, (uint)(counter >> 32), (uint)stream, (uint)(stream >> 32));
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53UL * a, p1 = 0xCD9E8D57UL * c;
            uint next0 = (uint)(p1 >> 32) ^ b ^ k0, next2 = (uint)(p0 >> 32) ^ d ^ k1;
            b = (uint)p1;
            d = (uint)p0;
            a = next0;
            c = next2;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
    }

    /// <summary>A number in [0, 1) with 24 bits, on the host.</summary>
    public static float Uniform(ulong key, ulong stream, ulong counter)
    {
        Draw(key, stream, counter, out uint a, out _, out _, out _);
        return (a >> 8) * (1f / 16777216f);
    }

    /// <summary>A draw of N(0, 1), on the host.</summary>
    public static float Normal(ulong key, ulong stream, ulong counter)
    {
        Draw(key, stream, counter, out uint a, out uint b, out _, out _);
        double radius = Math.Sqrt(-2 * Math.Log(((a >> 8) + 1) * (1.0 / 16777216)));
        return (float)(radius * Math.Cos(2 * Math.PI * ((b >> 8) * (1.0 / 16777216))));
    }
}

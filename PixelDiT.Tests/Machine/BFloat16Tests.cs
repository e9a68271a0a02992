using System.Runtime.Intrinsics;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Lanes;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Machine;

/// <summary>bfloat16: every pattern read exactly, every tail rounded to nearest even.</summary>
internal sealed class BFloat16Tests
{
    private static readonly uint[] s_tails = [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF];

    [Test]
    public void Every_pattern_survives_a_round_trip()
    {
        for (uint bits = 0; bits <= ushort.MaxValue; bits++)
        {
            float value = BFloat16.ToSingle(new BFloat16 { Bits = (ushort)bits });
            Assert.That(BitConverter.SingleToUInt32Bits(value), Is.EqualTo(bits << 16));
            ushort back = BFloat16.FromSingle(value).Bits;
            if (float.IsNaN(value)) Assert.That(float.IsNaN(BFloat16.ToSingle(new BFloat16 { Bits = back })) && (back >> 15) == (bits >> 15));
            else Assert.That(back, Is.EqualTo(bits));
        }
    }

    [Test]
    public void Every_tail_is_rounded_to_nearest_even()
    {
        for (uint upper = 0; upper <= ushort.MaxValue; upper++)
        {
            foreach (uint tail in s_tails)
            {
                float value = BitConverter.UInt32BitsToSingle((upper << 16) | tail);
                float rounded = BFloat16.ToSingle(BFloat16.FromSingle(value));
                if (float.IsNaN(value)) Assert.That(rounded, Is.NaN);
                else if (float.IsInfinity(value)) Assert.That(rounded, Is.EqualTo(value));
                else Assert.That(BitConverter.SingleToUInt32Bits(rounded), Is.EqualTo(Nearest(upper, tail)), $"{upper:x4}{tail:x4}");
            }
        }
    }

    // The neighbour of larger magnitude is the next pattern, across exponents and into infinity too.
    private static uint Nearest(uint upper, uint tail) => (tail > 0x8000 || (tail == 0x8000 && upper % 2 == 1) ? upper + 1 : upper) << 16;

    [Test]
    public void Vectors_read_and_write_like_single_elements()
    {
        using var device = Device.Open("cpu", 1);
        float[] values = [.. Enumerable.Range(0, 1 << 16).SelectMany(upper => s_tails.Select(tail => BitConverter.UInt32BitsToSingle(((uint)upper << 16) | tail)))];
        using var from = device.Upload(values, [values.Length]);
        using var to = device.Allocate([values.Length], ElementType.BFloat16);
        using var back = device.Allocate([values.Length]);
        ushort[] expected = [.. values.Select(value => BFloat16.FromSingle(value).Bits)];

        Check<Lanes1, float>();
        Check<Lanes4, Vector128<float>>();
        if (Vector256.IsHardwareAccelerated) Check<Lanes8, Vector256<float>>();
        if (Vector512.IsHardwareAccelerated) Check<Lanes16, Vector512<float>>();

        void Check<L, S>() where L : struct, ILanes<S> where S : unmanaged
        {
            DeviceView<BFloat16> stored = to.View<BFloat16>();
            for (long i = 0; i < values.Length; i += L.Count)
            {
                L.Store(stored, i, L.Load(from.View<float>(), i));
                L.Store(back.View<float>(), i, L.Load(stored, i));
            }
            var bits = new BFloat16[values.Length];
            device.CopyToHost(to.Memory<BFloat16>(), bits.AsSpan());
            Assert.That(bits.Select(b => b.Bits), Is.EqualTo(expected), $"{L.Count} wide, written");
            Assert.That(back.ToArray().Select(BitConverter.SingleToUInt32Bits), Is.EqualTo(expected.Select(b => (uint)b << 16)), $"{L.Count} wide, read");
        }
    }
}

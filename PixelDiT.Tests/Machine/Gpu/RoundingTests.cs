using NUnit.Framework;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Tests.Operations;

namespace PixelDiT.Tests.Machine.Gpu;

/// <summary>Rounding of operands: by arithmetic, one by one, and by vectors, all the same.</summary>
internal sealed unsafe class RoundingTests
{
    private static readonly float[] s_values =
    [
        .. Enumerable.Range(0, 1 << 16).SelectMany(upper => ((uint[])[0, 1, 0x0FFF, 0x1000, 0x1001, 0x2FFF, 0x3000, 0x7FFF, 0x8000, 0x8001, 0xFFFF]).Select(tail => BitConverter.UInt32BitsToSingle(((uint)upper << 16) | tail)))
    ];

    [Test]
    public void TF32_keeps_10_bits_and_rounds_ties_away_from_zero()
    {
        foreach (float value in s_values.Where(float.IsNormal))
        {
            float rounded = BitConverter.UInt32BitsToSingle(Rounding.ToTensorFloat32(value));
            if (rounded != PrecisionTests.Rounded(value, Precision.TensorFloat32)) Assert.Fail($"{value:R} became {rounded:R}");
        }
    }

    [Test]
    public void TF32_keeps_infinity_and_NaN() => Assert.That(
        ((float[])[float.PositiveInfinity, float.NegativeInfinity, float.NaN]).Select(value => BitConverter.UInt32BitsToSingle(Rounding.ToTensorFloat32(value))),
        Is.EqualTo((float[])[float.PositiveInfinity, float.NegativeInfinity, float.NaN]));

    [Test]
    public void Two_bfloat16_share_a_register_the_first_below()
        => Assert.That(Rounding.ToBFloat16(1f, -2f), Is.EqualTo(0xC0003F80u));

    [Test]
    public void Vectors_round_as_single_values_do([Values] Precision precision)
    {
        // A length that no vector divides.
        float[] rounded = [.. s_values, 1.00390625f];
        uint[] expected = [.. rounded.Select(value => precision switch
        {
            Precision.BFloat16 => Rounding.ToBFloat16(value, 0f) << 16,
            Precision.TensorFloat32 => Rounding.ToTensorFloat32(value),
            _ => BitConverter.SingleToUInt32Bits(value)
        })];
        fixed (float* values = rounded) OperandRounding.Round(values, rounded.Length, precision);
        Assert.That(rounded.Select(BitConverter.SingleToUInt32Bits).SequenceEqual(expected));
    }
}

using System.Buffers.Binary;
using CsCheck;
using NUnit.Framework;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Tests.Formats;

/// <summary>Narrow floats: every bit pattern survives a round trip, and rounding picks the nearest neighbour, the even one of two.</summary>
public class ElementConversionTests
{
    private static ushort Encode(DataType type, float value)
    {
        Span<byte> stored = stackalloc byte[2];
        ElementConversion.Encode(type, [value], stored);
        return BinaryPrimitives.ReadUInt16LittleEndian(stored);
    }

    private static float Decode(DataType type, ushort bits)
    {
        Span<byte> stored = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(stored, bits);
        Span<float> value = [0];
        ElementConversion.Decode(type, stored, value);
        return value[0];
    }

    [TestCase(DataType.F16)]
    [TestCase(DataType.BF16)]
    public void Every_bit_pattern_survives(DataType type)
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            float value = Decode(type, (ushort)bits);
            ushort back = Encode(type, value);
            if (float.IsNaN(value) ? !float.IsNaN(Decode(type, back)) : back != bits) Assert.Fail($"{type} 0x{bits:x4} became 0x{back:x4}");
        }
    }

    [TestCase(DataType.F16, 0x7C00)]
    [TestCase(DataType.BF16, 0x7F80)]
    public void Rounding_picks_the_nearest_and_then_the_even(DataType type, int infinity)
    {
        // Below infinity, consecutive bit patterns are consecutive values, so the neighbours of any value are found by bisection.
        var magnitude = Gen.Select(Gen.Int[0, infinity - 2], Gen.Double[0, 1], Gen.Bool, (bits, part, half) =>
        {
            double low = Decode(type, (ushort)bits), high = Decode(type, (ushort)(bits + 1));
            return (float)(low + (high - low) * (half ? 0.5 : part));
        });
        magnitude.Sample(value =>
        {
            int low = 0, high = infinity;
            while (high - low > 1)
            {
                int middle = (low + high) / 2;
                if (Decode(type, (ushort)middle) <= value) low = middle;
                else high = middle;
            }
            double below = value - (double)Decode(type, (ushort)low), above = Decode(type, (ushort)high) - (double)value;
            int expected = below < above ? low : above < below ? high : low + (low & 1);
            return Encode(type, value) == expected && Encode(type, -value) == (expected | 0x8000);
        }, iter: 20_000, threads: 1);
    }

    [TestCase(DataType.F16, 65519.99f, 0x7BFF)]
    [TestCase(DataType.F16, 65520f, 0x7C00)]
    [TestCase(DataType.F16, float.NegativeInfinity, 0xFC00)]
    [TestCase(DataType.BF16, float.MaxValue, 0x7F80)]
    [TestCase(DataType.BF16, float.PositiveInfinity, 0x7F80)]
    [TestCase(DataType.BF16, -0f, 0x8000)]
    public void Edges_of_the_range(DataType type, float value, int bits) => Assert.That(Encode(type, value), Is.EqualTo(bits));

    [Test]
    public void A_NaN_with_low_bits_only_stays_NaN()
    {
        float signalling = BitConverter.UInt32BitsToSingle(0x7F800001), full = BitConverter.UInt32BitsToSingle(0xFFFFFFFF);
        Assert.That(Decode(DataType.BF16, Encode(DataType.BF16, signalling)), Is.NaN);
        Assert.That(Decode(DataType.BF16, Encode(DataType.BF16, full)), Is.NaN);
    }

    [Test]
    public void Safetensors_has_22_types_and_spells_each_as_its_name()
    {
        string[] names = ["BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64"];
        Assert.That(Enum.GetValues<DataType>().Where(type => type.IsOfSafetensors).Select(type => type.FormatName), Is.EquivalentTo(names));
        foreach (string name in names)
        {
            Assert.That(DataTypes.TryParse(name, out var parsed), Is.True, name);
            Assert.That(parsed.FormatName, Is.EqualTo(name));
        }
        foreach (string name in (string[])["Bool", "C128", "QInt8", "Other", "unknown", "f32"]) Assert.That(DataTypes.TryParse(name, out _), Is.False, name);
    }

    [Test]
    public void Every_readable_type_has_whole_bytes()
        => Assert.That(Enum.GetValues<DataType>().Where(type => type.IsReadable), Is.All.Matches<DataType>(type => type.ElementBytes * 8 == type.ElementBits && type.ElementBytes > 0));
}

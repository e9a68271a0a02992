using CsCheck;
using NUnit.Framework;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Tests.Formats;

/// <summary>The check sum of zip archives.</summary>
internal sealed class Crc32Tests
{
    [TestCase("", 0u)]
    [TestCase("123456789", 0xCBF43926u, Description = "the check value of the catalogues of CRCs")]
    [TestCase("The quick brown fox jumps over the lazy dog", 0x414FA339u)]
    public void Known_sums(string text, uint sum) => Assert.That(Crc32.Append(0, System.Text.Encoding.ASCII.GetBytes(text)), Is.EqualTo(sum));

    [Test]
    public void Eight_bytes_at_a_time_are_bit_after_bit() => Gen.Byte.Array[0, 100].Sample(bytes => Crc32.Append(0, bytes) == BitByBit(bytes));

    [Test]
    public void A_sum_goes_on_anywhere() =>
        Gen.Select(Gen.Byte.Array[0, 60], Gen.Int[0, 60]).Sample((bytes, cut) =>
        {
            int at = Math.Min(cut, bytes.Length);
            return Crc32.Append(Crc32.Append(0, bytes.AsSpan(0, at)), bytes.AsSpan(at)) == Crc32.Append(0, bytes);
        });

    private static uint BitByBit(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320;
        }
        return ~crc;
    }
}

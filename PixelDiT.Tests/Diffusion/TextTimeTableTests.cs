using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Diffusion;

/// <summary>The text trainer's noise levels, to the bit.</summary>
internal sealed class TextTimeTableTests
{
    [TestCase(1), TestCase(2), TestCase(3), TestCase(4)]
    public void The_table_equals_the_authors(int shift)
    {
        var golden = new GoldenFile("t2i_train/time_table");
        var table = new TextTimeTable(shift);
        Assert.That(table.Sigma.Select(BitConverter.SingleToUInt32Bits), Is.EqualTo(golden.Singles($"shift_{shift}.sigma").Select(BitConverter.SingleToUInt32Bits)));
        Assert.That(table.Alpha.Select(BitConverter.SingleToUInt32Bits), Is.EqualTo(golden.Singles($"shift_{shift}.alpha").Select(BitConverter.SingleToUInt32Bits)));
        Assert.That(table.Time, Is.EqualTo(golden.Integers($"shift_{shift}.time")));
    }

    /// <summary>Draws of the authors' runs, the ends among them, and some further out.</summary>
    [TestCase(0.33406210f, 582), TestCase(0.68337858f, 664), TestCase(-1.56489182f, 172), TestCase(-0.21263286f, 447), TestCase(-2.19168139f, 100), TestCase(1.61038208f, 833), TestCase(-1.38317227f, 200)]
    [TestCase(7.82364607f, 999), TestCase(-7.82364607f, 0), TestCase(40f, 999), TestCase(-200f, 0)]
    public void A_level_is_drawn_from_a_normal(float normal, int level) => Assert.That(TextTimeTable.LevelOf(normal), Is.EqualTo(level));

    [TestCase(0), TestCase(-1), TestCase(double.NaN), TestCase(101)]
    public void A_shift_out_of_range_is_refused(double shift) => Assert.That(Assert.Throws<ConfigurationException>(() => new TextTimeTable(shift))!.Message, Does.StartWith("time-shift is "));
}

using NUnit.Framework;
using PixelDiT.Reference.Oracle;

namespace PixelDiT.Tests.Oracle;

/// <summary>The numbers of SPEC §9 and of tables of mathematics.</summary>
internal sealed class ExactNumberTests
{
    /// <summary>SPEC §9 gives seven digits.</summary>
    private const double Printed = 5.1e-8;

    [TestCase(0, .8775826)]
    [TestCase(1, .8818213)]
    [TestCase(127, .9987045)]
    [TestCase(128, .4794255)]
    [TestCase(129, .4715838)]
    [TestCase(255, .0508856)]
    public void The_timestep_embedding_of_one_half(int index, double expected) =>
        Assert.That(Exact.TimestepEmbedding([0.5])[index], Is.EqualTo(expected).Within(Printed));

    [Test]
    public void Patchify_is_channel_major()
    {
        double[] image = [.. Enumerable.Range(0, 32).Select(i => (double)i)];
        double[] tokens = Exact.Patchify(image, channels: 2, height: 4, width: 4, patch: 2);
        Assert.That(tokens[..8], Is.EqualTo(new double[] { 0, 1, 4, 5, 16, 17, 20, 21 }));
        Assert.That(tokens[16..24], Is.EqualTo(new double[] { 8, 9, 12, 13, 24, 25, 28, 29 }));
    }

    [Test]
    public void Rope_of_the_second_token_on_a_grid_of_two_rows_and_three_columns()
    {
        double[] table = Exact.RopeTable(headWidth: 8, gridHeight: 2, gridWidth: 3);
        double[] expected = [-.1455000, .9893582, 1, 0, .9968017, .0799147, 1, 0];
        for (int i = 0; i < expected.Length; i++) Assert.That(table[8 + i], Is.EqualTo(expected[i]).Within(Printed));
    }

    [Test]
    public void Rope_of_a_single_row_or_column_is_at_position_zero()
    {
        double[] table = Exact.RopeTable(headWidth: 4, gridHeight: 1, gridWidth: 1);
        Assert.That(table, Is.EqualTo(new double[] { 1, 0, 1, 0 }));
    }

    [Test]
    public void Gelu_of_minus_one() => Assert.That(Exact.Gelu([-1])[0], Is.EqualTo(-.1586553).Within(Printed));

    [TestCase(2, 1 / 3.0)]
    [TestCase(3, 1 / 4.0)]
    [TestCase(4, 1 / 5.0)]
    public void The_time_shift_of_one_half(double shift, double expected)
    {
        Assert.That(Exact.TimeShift(0.5, shift), Is.EqualTo(expected).Within(1e-15));
        Assert.That(Exact.TrainingTimes([0], shift)[0], Is.EqualTo(expected).Within(1e-15));
    }

    [TestCase(0, 0, 1)]
    [TestCase(1e-10, 1.1283791670955126150e-10, 0.99999999988716208329)]
    [TestCase(0.1, 0.11246291601828489840, 0.88753708398171510160)]
    [TestCase(0.5, 0.52049987781304653768, 0.47950012218695346232)]
    [TestCase(1, 0.84270079294971486934, 0.15729920705028513066)]
    [TestCase(1.5, 0.96610514647531072707, 0.033894853524689272933)]
    [TestCase(1.9999, 0.99532019790702939169, 0.0046798020929706083079)]
    [TestCase(2, 0.99532226501895273416, 0.0046777349810472658379)]
    [TestCase(2.5, 0.99959304798255504106, 0.00040695201744495893956)]
    [TestCase(3, 0.99997790950300141456, 2.2090496998585441373e-5)]
    [TestCase(4, 0.99999998458274209972, 1.5417257900280018852e-8)]
    [TestCase(5, 0.99999999999846254021, 1.5374597944280348502e-12)]
    [TestCase(5.9, 0.99999999999999992810, 7.1904097835504777249e-17)]
    public void The_error_function(double x, double erf, double erfc)
    {
        Assert.That(Exact.Erf(x), Is.EqualTo(erf).Within(1e-15));
        Assert.That(Exact.Erf(-x), Is.EqualTo(-erf).Within(1e-15));
        Assert.That(Exact.Erfc(x), Is.EqualTo(erfc).Within(1e-15));
        Assert.That(Exact.Erfc(-x), Is.EqualTo(2 - erfc).Within(1e-15));
        if (x >= 2) Assert.That(Exact.Erfc(x), Is.EqualTo(erfc).Within(1e-14 * erfc));
    }

    [TestCase(40, 40)]
    [TestCase(-40, 0)]
    public void Gelu_far_out_is_the_identity_or_zero(double x, double expected) =>
        Assert.That(Exact.Gelu([x])[0], Is.EqualTo(expected).Within(1e-15));
}

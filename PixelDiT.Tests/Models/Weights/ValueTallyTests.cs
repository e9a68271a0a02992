using CsCheck;
using NUnit.Framework;
using PixelDiT.Reference.Models.Weights;

namespace PixelDiT.Tests.Models.Weights;

/// <summary>Values that are no numbers are counted wherever they stand.</summary>
internal sealed class ValueTallyTests
{
    private static readonly float[] s_edges = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon, -0f, BitConverter.UInt32BitsToSingle(0xFF80_0001)];

    [Test]
    public void Every_value_that_is_not_finite_counts_once()
        => Gen.OneOf(Gen.Single, Gen.Int[0, s_edges.Length - 1].Select(i => s_edges[i])).Array[0, 100]
            .Sample(values => ValueTally.CountNotFinite(values) == values.Count(value => !float.IsFinite(value)));

    [Test]
    public void Tensors_are_named_in_the_order_in_which_they_were_met()
    {
        var tally = new ValueTally();
        tally.AddNotFinite("b", [float.NaN, 1]);
        tally.AddNotFinite("a", [1, 2]);
        tally.AddNotFinite("c", [float.NaN, float.PositiveInfinity]);
        tally.AddNotFinite("b", [float.NaN]);
        Assert.That((tally.Total, $"{tally}"), Is.EqualTo((4L, "b (2), c (2)")));
    }
}

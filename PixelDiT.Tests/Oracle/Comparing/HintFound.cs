using NUnit.Framework;
using PixelDiT.Reference.Oracle.Comparing.Hints;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>What every test of a hint checks.</summary>
internal static class HintFound
{
    /// <summary>That the first difference of b is the named tensor, and that it is explained by one hint that contains a text.</summary>
    public static void Found(MemoryTrace b, string first, string hint, StageModel? model = null, MemoryTrace? a = null)
    {
        var difference = GoldenTraces.Compare(a ?? GoldenTraces.Right(), b, model).First;
        Assert.That(difference?.Tensor.Name, Is.EqualTo(first));
        Assert.That(difference!.Hints, Has.Count.EqualTo(1), string.Join("; ", difference.Hints));
        Assert.That(difference.Hints[0], Does.Contain(hint));
    }
}

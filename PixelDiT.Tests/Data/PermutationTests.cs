using CsCheck;
using NUnit.Framework;
using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Data;

public sealed class PermutationTests
{
    [Test]
    public void Every_number_comes_once()
    {
        Gen.Select(Gen.Int[1, 3000], Gen.ULong).Sample((count, key) =>
        {
            var order = new Permutation(count, key);
            return Enumerable.Range(0, count).Select(i => order[i]).Order().SequenceEqual(Enumerable.Range(0, count).Select(i => (long)i));
        }, iter: 50, threads: 1);
    }

    [Test]
    public void Keys_give_different_orders()
    {
        var (first, second) = (new Permutation(1000, 1), new Permutation(1000, 2));
        int same = Enumerable.Range(0, 1000).Count(i => first[i] == second[i]);
        Assert.That(same, Is.LessThan(10));
    }

    [Test]
    public void Places_are_evenly_used()
    {
        // What comes first over many keys: 60 expected each, a standard deviation of 7.7.
        var counts = new int[100];
        for (ulong key = 0; key < 6000; key++) counts[new Permutation(100, key)[0]]++;
        Assert.That(counts, Is.All.InRange(25, 100));
    }

    [Test]
    public void A_huge_count_needs_no_memory()
    {
        var order = new Permutation(Shapes.ImagesInPart, 7);
        long[] places = [.. Enumerable.Range(0, 1000).Select(i => order[i])];
        Assert.That(places, Is.Unique.And.All.InRange(0, Shapes.ImagesInPart - 1));
        Assert.That(places.Average(), Is.EqualTo(Shapes.ImagesInPart / 2.0).Within(Shapes.ImagesInPart * 0.05));
    }
}

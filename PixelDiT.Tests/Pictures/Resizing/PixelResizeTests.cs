using CsCheck;
using NUnit.Framework;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Tests.Pictures.Resizing;

public sealed class PixelResizeTests
{
    [Test]
    public void A_plane_of_one_value_keeps_it()
    {
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 40], Gen.Byte).Sample((fromHeight, fromWidth, toHeight, toWidth, value) =>
        {
            byte[] from = [.. Enumerable.Repeat(value, fromHeight * fromWidth)], to = new byte[toHeight * toWidth];
            new PixelResize(fromHeight, fromWidth, toHeight, toWidth).Apply(from, to);
            return to.All(v => v == value);
        }, threads: 1);
    }

    [Test]
    public void Shrinking_keeps_the_mean()
    {
        Gen.Select(Gen.Int[2, 30], Gen.Int[1, 30], Gen.Int[0, 1000]).Where((from, to, _) => to <= from).Sample((from, to, seed) =>
        {
            byte[] plane = new byte[from * from], smaller = new byte[to * to];
            new Random(seed).NextBytes(plane);
            new PixelResize(from, from, to, to).Apply(plane, smaller);
            return Math.Abs(plane.Average(v => v) - smaller.Average(v => v)) <= 0.51;
        }, threads: 1);
    }

    [Test]
    public void Growing_interpolates_between_pixel_centres()
    {
        byte[] to = new byte[4];
        new PixelResize(1, 2, 1, 4).Apply([0, 100], to);
        Assert.That(to, Is.EqualTo(new byte[] { 0, 25, 75, 100 }));
    }

    [Test]
    public void A_third_more_is_averaged_by_area()
    {
        byte[] to = new byte[2];
        new PixelResize(1, 3, 1, 2).Apply([0, 90, 240], to);
        Assert.That(to, Is.EqualTo(new byte[] { 30, 190 }));
    }
}

using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Data;

public sealed class ShapesTests
{
    [Test]
    public void Classes_are_named_figure_by_figure()
    {
        Assert.That(new Shapes(16).ClassNames, Is.EqualTo(new[]
        {
            "red disc", "green disc", "blue disc", "red square", "green square", "blue square", "red triangle", "green triangle", "blue triangle"
        }));
        Assert.That(new Shapes(16, 1).ClassNames, Is.EqualTo(new[] { "disc", "square", "triangle" }));
    }

    [Test]
    public void An_index_always_gives_the_same_image()
    {
        Gen.Select(Gen.Long[0, Shapes.ImagesInPart - 1], Gen.Int[8, 40]).Sample((index, side) =>
        {
            var (first, second) = (Image(new Shapes(side), index), Image(new Shapes(side), index));
            return first.Label == second.Label && first.Values.SequenceEqual(second.Values) && first.Label == (int)(index % 9);
        }, iter: 100, threads: 1);
    }

    [Test]
    public void Values_are_those_of_bytes()
    {
        Gen.Select(Gen.Long[0, 100_000], Gen.OneOf(Gen.Const(1), Gen.Const(3))).Sample((index, channels) => Image(new Shapes(12, channels), index).Values.All(value =>
        {
            float v = MathF.Round((value + 1) * 127.5f);
            return v is >= 0 and <= 255 && value == (v / 255f - 0.5f) / 0.5f;
        }), iter: 100, threads: 1);
    }

    [Test]
    public void Bits_of_one_image_stay_as_they_are()
    {
        // A change of these numbers changes the data set that published runs were trained on.
        var (values, label) = Image(new Shapes(8), 12345);
        ulong hash = values.Aggregate(14695981039346656037UL, (hash, value) => (hash ^ BitConverter.SingleToUInt32Bits(value)) * 1099511628211UL);
        Assert.That((label, hash), Is.EqualTo((6, 12339391873125349949UL)));
    }

    [Test]
    public void Training_and_held_out_share_no_image()
    {
        var training = Enumerable.Range(0, 300).Select(i => Key(Image(new Shapes(8), i))).ToHashSet();
        var heldOut = Enumerable.Range(0, 300).Select(i => Key(Image(new Shapes(8, 3, ImagePart.HeldOut), i)));
        Assert.That(training, Has.Count.EqualTo(300));
        Assert.That(heldOut.Any(training.Contains), Is.False);
    }

    [Test]
    public void Figures_are_whole_and_in_their_colour()
    {
        const int Side = 32;
        for (int index = 0; index < 450; index++)
        {
            var (values, label) = Image(new Shapes(Side), index);
            int colour = label % 3, inside = 0;
            for (int y = 0; y < Side; y++)
            {
                for (int x = 0; x < Side; x++)
                {
                    float Channel(int c) => values[(c % 3 * Side + y) * Side + x];
                    bool painted = Channel(colour) - Math.Max(Channel(colour + 1), Channel(colour + 2)) > 0.5f;
                    if (painted) inside++;
                    Assert.That(painted && (x is 0 or Side - 1 || y is 0 or Side - 1), Is.False, $"image {index} touches the border");
                }
            }
            Assert.That(inside, Is.InRange(0.08 * Side * Side, 0.45 * Side * Side), $"image {index}");
        }
    }

    [Test]
    public void Reads_from_many_threads_agree()
    {
        var source = new Shapes(16);
        var alone = Enumerable.Range(0, 64).Select(i => Key(Image(source, i))).ToArray();
        var together = new string[64];
        Parallel.For(0, 64, i => together[i] = Key(Image(source, i)));
        Assert.That(together, Is.EqualTo(alone));
    }

    [Test]
    public void An_index_out_of_range_is_refused()
    {
        Assert.That(() => Image(new Shapes(8), -1), Throws.TypeOf<DataException>().With.Message.Contains("image -1"));
        Assert.That(() => Image(new Shapes(8), Shapes.ImagesInPart), Throws.TypeOf<DataException>());
    }

    [Test]
    public void An_array_of_another_length_is_refused() =>
        Assert.That(() => new Shapes(8).Read(0, new float[5]), Throws.TypeOf<ShapeException>().With.Message.Contains("192"));

    [Test]
    public void A_resolution_below_8_is_refused() => Assert.That(() => new Shapes(7), Throws.TypeOf<DataException>().With.Message.Contains("7"));

    [Test]
    public void Two_channels_are_refused() => Assert.That(() => new Shapes(8, 2), Throws.TypeOf<DataException>().With.Message.Contains("2 channels"));

    internal static (float[] Values, int Label) Image(IImageSource source, long index)
    {
        var values = new float[source.Channels * source.Height * source.Width];
        return (values, source.Read(index, values));
    }

    private static string Key((float[] Values, int Label) image) => $"{image.Label}: {string.Join(' ', image.Values)}";
}

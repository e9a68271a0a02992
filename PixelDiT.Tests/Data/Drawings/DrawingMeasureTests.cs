using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Drawings;

namespace PixelDiT.Tests.Data.Drawings;

/// <summary>The measure agrees with real drawings, blurred and noisy ones too, and with nothing that is wrong in one attribute.</summary>
internal sealed class DrawingMeasureTests
{
    private const int Side = 32, Area = Side * Side, Length = 3 * Area, Count = 300;

    private static readonly CaptionedShapes s_heldOut = new(Side, ImagePart.HeldOut);
    private static readonly DrawingMeasure s_measure = new(Side);
    private static readonly Prompt[] s_prompts = [.. Enumerable.Range(0, Count).Select(i => Prompt.Of(s_heldOut.SceneOf(i)))];

    [Test]
    public void Real_drawings_agree([Values(16, 24, 32, 64)] int side)
    {
        // At 16 pixels the corners of the smallest figures are lost.
        var (images, prompts) = (new float[Count * 3 * side * side], s_prompts);
        for (int i = 0; i < Count; i++) s_heldOut.SceneOf(i).Draw(side, images.AsSpan(i * 3 * side * side, 3 * side * side));
        Assert.That(new DrawingMeasure(side).Agreement(images, prompts), Is.AtLeast(side == 16 ? 0.5 : 0.97));
    }

    [Test]
    public void Readings_are_the_scenes_own()
    {
        for (int i = 0; i < Count; i++)
        {
            var scene = s_heldOut.SceneOf(i);
            var reading = s_measure.Read(CaptionedShapesTests.Drawn(scene));
            Assert.That(reading.Ground, Is.EqualTo(scene.Ground));
            Assert.That(reading.Figures, Is.EquivalentTo(Enumerable.Range(0, scene.Count).Select(figure => CaptionedShapesTests.Described(scene[figure]))));
        }
    }

    [Test]
    public void Slight_noise_and_blur_do_no_harm() => Assert.That(Changed((image, i) => Noisy(Blurred(image), i, 0.1f)), Is.AtLeast(0.95));

    [Test]
    public void One_wrong_attribute_is_enough_to_disagree()
    {
        var scene = s_heldOut.SceneOf(0);
        Assert.That(s_measure.Agrees(CaptionedShapesTests.Drawn(scene), Prompt.Of(scene)), Is.True);
        foreach (var other in Enumerable.Range(0, Count).Select(i => s_heldOut.SceneOf(i)).Where(other => other.Count == 1))
        {
            float[] image = CaptionedShapesTests.Drawn(other);
            Scene[] wrong =
            [
                other.Change(0, figure: Next(other.First.Figure)), other.Change(0, colour: Next(other.First.Colour)), other.Change(0, size: Next(other.First.Size)),
                other.Change(0, place: Next(other.First.Place)), other with { Ground = Next(other.Ground) }
            ];
            foreach (var claim in wrong) Assert.That(s_measure.Agrees(image, Prompt.Of(claim)), Is.False, $"{Prompt.Of(other)} taken for {Prompt.Of(claim)}");
            Assert.That(s_measure.Agrees(image, Prompt.Of(other) with { Ground = null }), Is.True);
        }
    }

    [Test]
    public void A_figure_too_many_or_too_few_disagrees()
    {
        foreach (var pair in Enumerable.Range(0, Count).Select(i => s_heldOut.SceneOf(i)).Where(scene => scene.Count == 2))
        {
            float[] both = CaptionedShapesTests.Drawn(pair), one = CaptionedShapesTests.Drawn(pair with { Second = null });
            var (first, all) = (Prompt.Of(pair) with { Second = null }, Prompt.Of(pair));
            Assert.That((s_measure.Agrees(both, all), s_measure.Agrees(both, first), s_measure.Agrees(one, all), s_measure.Agrees(one, first)), Is.EqualTo((true, false, false, true)));
            Assert.That(s_measure.Agrees(both, all with { First = all.Second!.Value, Second = all.First }), Is.True, "the order of two figures says nothing");
        }
    }

    [Test]
    public void A_figure_of_which_half_is_missing_disagrees() => Assert.That(Changed((image, i) =>
    {
        var (scene, mask) = (s_heldOut.SceneOf(i), new float[Area]);
        scene.Mask(0, Side, mask);
        int[] columns = [.. Enumerable.Range(0, Area).Where(pixel => mask[pixel] > 0.5f).Select(pixel => pixel % Side)];
        int middle = (columns.Min() + columns.Max() + 1) / 2;
        for (int pixel = 0; pixel < Area; pixel++)
        {
            for (int c = 0; mask[pixel] > 0 && pixel % Side < middle && c < 3; c++) image[c * Area + pixel] = image[c * Area];
        }
        return image;
    }), Is.LessThan(0.02));

    [Test]
    public void A_figure_of_two_colours_disagrees() => Assert.That(Changed((image, i) =>
    {
        var scene = s_heldOut.SceneOf(i);
        float[] other = CaptionedShapesTests.Drawn(scene.Change(0, colour: Next(scene.First.Colour)));
        var mask = new float[Area];
        scene.Mask(0, Side, mask);
        int[] rows = [.. Enumerable.Range(0, Area).Where(pixel => mask[pixel] > 0.5f).Select(pixel => pixel / Side)];
        int middle = (rows.Min() + rows.Max() + 1) / 2;
        for (int k = 0; k < Length; k++)
        {
            if (k % Area / Side < middle) image[k] = other[k];
        }
        return image;
    }), Is.LessThan(0.02));

    [Test]
    public void A_mixture_of_two_colours_disagrees() => Assert.That(Changed((image, i) =>
    {
        var scene = s_heldOut.SceneOf(i);
        return [.. image.Zip(CaptionedShapesTests.Drawn(scene.Change(0, colour: Next(scene.First.Colour))), (one, other) => (one + other) / 2)];
    }), Is.LessThan(0.1));

    [Test]
    public void Fog_noise_and_what_is_no_number_disagree()
    {
        Assert.That(Changed((_, _) => new float[Length]), Is.Zero);
        Assert.That(Changed((_, i) => Noisy(new float[Length], i, 0.5f)), Is.Zero);
        Assert.That(Changed((image, _) => [.. image.Select(_ => float.NaN)]), Is.Zero);
        Assert.That(Changed((image, _) => [.. image.Select(value => value / 4)]), Is.Zero);
        // Ten passes spread a point by a standard deviation of 2.2 pixels, half the radius of a small figure.
        Assert.That(Changed((image, _) => Enumerable.Range(0, 10).Aggregate(image, (blurred, _) => Blurred(blurred))), Is.LessThan(0.25));
    }

    [Test]
    public void Chance_is_what_pictures_of_other_prompts_reach()
    {
        // Three prompts of one figure: the second is true of half of what the third draws (the sizes), the third of all that the second draws; the first agrees with neither. A pair alone has no other of its kind.
        Prompt red = new(new(Figure.Disc, Colour.Red)), small = new(new(Figure.Disc, Colour.Blue, FigureSize.Small)), blue = new(new(Figure.Disc, Colour.Blue)), pair = new(new(Figure.Disc), new(Figure.Square));
        Assert.That(DrawingMeasure.Chance([red, small, blue, pair]), Is.EqualTo((0 + 0.5 / 2 + 1.0 / 2 + 0) / 4).Within(1e-12));
        Assert.That(() => DrawingMeasure.Chance([]), Throws.TypeOf<DataException>());

        // Measured: the pictures of a list, each judged by the prompt of its neighbour among those with as many figures. 5 standard deviations of 2000 pictures at 1 %.
        Prompt[] asked = [.. Enumerable.Range(0, 2000).Select(i => s_heldOut.PromptOf(i, 1)).Where(prompt => prompt.Count == 1)];
        int agreed = asked.Index().AsParallel().Count(item => s_measure.Agrees(CaptionedShapesTests.Drawn(CaptionedShapes.HeldOut(asked[(item.Index + 1) % asked.Length], (ulong)item.Index)), item.Item));
        Assert.That((double)agreed / asked.Length, Is.EqualTo(DrawingMeasure.Chance(asked)).Within(0.011));
    }

    [Test]
    public void Spread_tells_variety_from_repetition()
    {
        Prompt[] prompts = [.. Enumerable.Range(0, 40).Select(i => Prompt.Of(s_heldOut.SceneOf(i % 4)))];
        float[] varied = [.. prompts.SelectMany((prompt, i) => CaptionedShapesTests.Drawn(CaptionedShapes.HeldOut(prompt, 1000 + (ulong)i)))], same = [.. prompts.SelectMany(prompt => CaptionedShapesTests.Drawn(CaptionedShapes.HeldOut(prompt, 5)))];
        Assert.That(s_measure.Spread(varied, prompts), Is.EqualTo(1).Within(0.15));
        Assert.That(s_measure.Spread(same, prompts), Is.Zero);
    }

    [Test]
    public void Sizes_that_do_not_fit_are_refused()
    {
        Assert.That(() => new DrawingMeasure(8), Throws.TypeOf<ShapeException>());
        Assert.That(() => s_measure.Read(new float[7]), Throws.TypeOf<ShapeException>().With.Message.EqualTo("a drawing has 3072 values; 7 were given"));
        Assert.That(() => s_measure.Agreement(new float[Length], [s_prompts[0], s_prompts[1]]), Throws.TypeOf<ShapeException>());
    }

    private static double Changed(Func<float[], int, float[]> change) => s_measure.Agreement([.. Enumerable.Range(0, Count).SelectMany(i => change(CaptionedShapesTests.Drawn(s_heldOut.SceneOf(i)), i))], s_prompts);

    private static T Next<T>(T value) where T : struct, Enum => Enum.GetValues<T>() is var all ? all[(Array.IndexOf(all, value) + 1) % all.Length] : value;

    private static float[] Noisy(float[] image, int seed, float deviation)
    {
        var random = new Random(seed);
        return [.. image.Select(value => value + deviation * (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }

    /// <summary>Binomial (1 2 1)/4 in both directions, the border repeated.</summary>
    private static float[] Blurred(float[] image)
    {
        var blurred = new float[Length];
        float At(int c, int y, int x) => image[c * Area + Math.Clamp(y, 0, Side - 1) * Side + Math.Clamp(x, 0, Side - 1)];
        for (int k = 0; k < Length; k++)
        {
            var (c, y, x) = (k / Area, k % Area / Side, k % Side);
            for (int dy = -1; dy <= 1; dy++)
            {
                for (int dx = -1; dx <= 1; dx++) blurred[k] += At(c, y + dy, x + dx) * (2 - Math.Abs(dy)) * (2 - Math.Abs(dx)) / 16;
            }
        }
        return blurred;
    }
}

using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Drawings;

namespace PixelDiT.Tests.Data.Drawings;

internal sealed class CaptionedShapesTests
{
    private const int Side = 32;

    private static readonly Scene s_square = new(7, Ground.Dark, new(Figure.Square, Colour.Red, FigureSize.Small, Place.Left));
    private static readonly Scene s_two = new(7, Ground.Light, new(Figure.Triangle, Colour.Red, FigureSize.Small, Place.Left), new(Figure.Disc, Colour.Blue, FigureSize.Small, Place.Right));

    [Test]
    public void Captions_say_all_or_leave_things_out()
    {
        Assert.That(Prompt.Of(s_square).ToString(), Is.EqualTo("a small red square at the left on a dark ground"));
        Assert.That(Prompt.Of(s_two).ToString(), Is.EqualTo("a red triangle at the left and a blue disc at the right on a light ground"));
        Assert.That(new Prompt(new(Figure.Square, Colour.Red)).ToString(), Is.EqualTo("a red square"));
        Assert.That(new Prompt(new(Place: Place.Centre)).ToString(), Is.EqualTo("a figure at the centre"));
    }

    [Test]
    public void An_index_and_a_draw_decide_image_and_caption()
    {
        Gen.Select(Gen.Long[0, CaptionedShapes.ImagesInPart - 1], Gen.ULong, Gen.Int[16, 40]).Sample((index, draw, side) =>
        {
            var (first, second) = (Image(new CaptionedShapes(side), index, draw), Image(new CaptionedShapes(side), index, draw));
            return first.Caption == second.Caption && first.Values.SequenceEqual(second.Values) && first.Values.SequenceEqual(Image(new CaptionedShapes(side), index, draw + 1).Values);
        }, iter: 50, threads: 1);
    }

    [Test]
    public void Bits_of_one_image_stay_as_they_are()
    {
        // A change of these numbers changes the data set that published runs were trained on.
        var (values, caption) = Image(new CaptionedShapes(16), 12345, 6);
        ulong hash = values.Aggregate(14695981039346656037UL, (hash, value) => (hash ^ BitConverter.SingleToUInt32Bits(value)) * 1099511628211UL);
        Assert.That((caption, hash), Is.EqualTo(("a small red disc on a dark ground", 5018849309961063507UL)));
    }

    [Test]
    public void Captions_are_true_and_half_of_them_say_everything()
    {
        var shapes = new CaptionedShapes(Side);
        int whole = 0, pairs = 0;
        var texts = new HashSet<string>();
        for (int index = 0; index < 4000; index++)
        {
            var (scene, prompt) = (shapes.SceneOf(index), shapes.PromptOf(index, 3));
            Assert.That(prompt.Fits(scene.Ground, [.. Enumerable.Range(0, scene.Count).Select(i => Described(scene[i]))]), Is.True, $"{prompt}");
            Assert.That((prompt.First.Figure, prompt.First.Colour), Is.EqualTo(((Figure?)scene.First.Figure, (Colour?)scene.First.Colour)));
            if (prompt.Count == 1 && prompt == Prompt.Of(scene)) whole++;
            if (prompt.Count == 2) pairs++;
            texts.Add(prompt.ToString());
        }
        // Five standard deviations of 4000 draws; a caption of a draw that leaves out may happen to leave out nothing.
        Assert.That(pairs, Is.EqualTo(4000 / 3.0).Within(150));
        Assert.That(whole, Is.EqualTo((4000 - pairs) * 9 / 16.0).Within(130));
        Assert.That(texts, Is.SubsetOf(shapes.Captions));
        Assert.That(shapes.Captions, Is.Unique);
        // 48 combinations or, without place, 12, with 3 words for the size and 3 for the ground; 181 pairs with 3 for the ground.
        Assert.That(shapes.Captions.Count(), Is.EqualTo((48 + 12) * 9 + 181 * 3));
    }

    [Test]
    public void A_fifth_of_all_combinations_is_never_shown_and_every_two_attributes_are_shown_together()
    {
        Assert.That(Combination.NeverShown, Has.Count.EqualTo(Combination.All.Count / 5));
        Assert.That(CombinationPair.NeverShown, Has.Count.AtLeast(CombinationPair.All.Count / 5));
        Assert.That(CombinationPair.NeverShown.Concat(CombinationPair.Shown), Is.EquivalentTo(CombinationPair.All));
        Assert.That(Combination.Shown.Select(one => (one.Figure, one.Colour)).Distinct().Count(), Is.EqualTo(3 * 4));
        Assert.That(Combination.Shown.Select(one => (one.Figure, one.Place)).Distinct().Count(), Is.EqualTo(3 * 5));
        Assert.That(Combination.Shown.Select(one => (one.Colour, one.Place)).Distinct().Count(), Is.EqualTo(4 * 5));
        Assert.That(CombinationPair.Shown.Select(pair => (pair.First.Figure, pair.Second.Colour, pair.First.Place)).Distinct().Count(), Is.EqualTo(3 * 4 * 2));
    }

    [Test]
    public void Training_keeps_to_what_is_shown_and_covers_it()
    {
        var shapes = new CaptionedShapes(Side);
        var seen = new HashSet<Combination>();
        for (int index = 0; index < 6000; index++)
        {
            var scene = shapes.SceneOf(index);
            for (int i = 0; i < scene.Count; i++) seen.Add(scene[i].Combination);
        }
        Assert.That(seen, Is.EquivalentTo(Combination.Shown));
        var heldOut = new CaptionedShapes(Side, ImagePart.HeldOut);
        Assert.That(Enumerable.Range(0, 6000).Select(index => heldOut.SceneOf(index).First.Combination).Distinct(), Is.EquivalentTo(Combination.All));
    }

    [Test]
    public void Training_and_held_out_share_no_image()
    {
        var training = Enumerable.Range(0, 300).Select(i => string.Join(' ', Image(new CaptionedShapes(16), i, 0).Values)).ToHashSet();
        Assert.That(training, Has.Count.EqualTo(300));
        Assert.That(Enumerable.Range(0, 300).Any(i => training.Contains(string.Join(' ', Image(new CaptionedShapes(16, ImagePart.HeldOut), i, 0).Values))), Is.False);
        Assert.That(new CaptionedShapes(16).ListingHash, Is.Not.EqualTo(new CaptionedShapes(16, ImagePart.HeldOut).ListingHash).And.Length.EqualTo(64));
    }

    [Test]
    public void Another_colour_changes_the_figure_and_nothing_else()
    {
        var green = s_two.Change(1, colour: Colour.Green);
        float[] before = Drawn(s_two), after = Drawn(green), mask = new float[Side * Side], other = new float[Side * Side];
        s_two.Mask(1, Side, mask);
        s_two.Mask(0, Side, other);
        for (int i = 0; i < mask.Length; i++)
        {
            bool same = Enumerable.Range(0, 3).All(c => before[c * mask.Length + i] == after[c * mask.Length + i]);
            Assert.That(same, Is.EqualTo(mask[i] == 0), $"pixel {i}");
        }
        Assert.That(mask.Zip(other).Any(pair => pair.First > 0 && pair.Second > 0), Is.False);
        Assert.That((green.First, green.Second, green.Key), Is.EqualTo((s_two.First, (PlacedFigure?)(s_two[1] with { Colour = Colour.Green }), s_two.Key)));
        Assert.That(() => s_square.Change(1, colour: Colour.Green), Throws.TypeOf<DataException>().With.Message.EqualTo("figure 1 was asked for; there are 1"));
    }

    [Test]
    public void A_prompt_draws_what_it_says_and_all_that_it_leaves_free()
    {
        var prompt = new Prompt(new(Figure.Triangle, Colour.Yellow));
        var scenes = Enumerable.Range(0, 400).Select(i => CaptionedShapes.HeldOut(prompt, (ulong)i)).ToArray();
        Assert.That(scenes.All(scene => prompt.Fits(scene.Ground, [Described(scene.First)])), Is.True);
        Assert.That(scenes.Select(scene => (scene.Ground, scene.First.Size, scene.First.Place)).Distinct().Count(), Is.EqualTo(20));
        var reversed = new Prompt(new(Figure.Disc, Colour.Red, Place: Place.Bottom), new(Figure.Disc, Colour.Blue));
        Assert.That(CaptionedShapes.HeldOut(reversed, 0).Second!.Value.Place, Is.EqualTo(Place.Top));
        var impossible = new Prompt(new(Figure.Disc, Colour.Red, Place: Place.Left), new(Figure.Disc, Colour.Blue, Place: Place.Top));
        Assert.That(() => CaptionedShapes.HeldOut(impossible, 0), Throws.TypeOf<DataException>().With.Message.StartsWith("there is no drawing of a red disc at the left and a blue disc at the top;"));
    }

    [Test]
    public void Figures_stay_inside_and_off_each_other([Values(16, 32, 64)] int side)
    {
        float[] mask = new float[side * side], other = new float[side * side];
        foreach (var figure in Enum.GetValues<Figure>())
        {
            foreach (var place in Enum.GetValues<Place>())
            {
                for (ulong key = 0; key < 60; key++)
                {
                    new Scene(key, Ground.Dark, new(figure, Colour.Red, FigureSize.Large, place)).Mask(0, side, mask);
                    Assert.That(mask.Where((covered, i) => covered > 0.9f && (i % side is 0 || i % side == side - 1 || i / side is 0 || i / side == side - 1)), Is.Empty);
                }
            }
            foreach (var (first, second) in CombinationPair.Places)
            {
                for (ulong key = 0; key < 60; key++)
                {
                    var scene = new Scene(key, Ground.Dark, new(figure, Colour.Red, FigureSize.Small, first), new(Figure.Triangle, Colour.Red, FigureSize.Small, second));
                    scene.Mask(0, side, mask);
                    scene.Mask(1, side, other);
                    Assert.That(mask.Zip(other).Any(pair => pair.First > 0 && pair.Second > 0), Is.False);
                }
            }
        }
    }

    [Test]
    public void Sizes_and_indices_that_cannot_be_are_refused()
    {
        Assert.That(() => new CaptionedShapes(15), Throws.TypeOf<DataException>().With.Message.EqualTo("shapes: the resolution is 15; with captions it must be at least 16"));
        var shapes = new CaptionedShapes(16);
        Assert.That(() => shapes.SizeOf(-1), Throws.TypeOf<DataException>().With.Message.StartsWith("shapes: image -1 was asked for"));
        Assert.That(() => shapes.Read(CaptionedShapes.ImagesInPart, 0, new float[768]), Throws.TypeOf<DataException>());
        Assert.That(() => shapes.Read(0, 0, new float[767]), Throws.TypeOf<ShapeException>().With.Message.EqualTo("shapes: image 0 has 3·16·16 = 768 values; the array given has 767"));
        Assert.That(() => s_square.Draw(8, new float[192]), Throws.TypeOf<ShapeException>());
        Assert.That(() => s_square.Mask(0, 16, new float[255]), Throws.TypeOf<ShapeException>());
    }

    internal static FigureDescription Described(PlacedFigure figure) => new(figure.Figure, figure.Colour, figure.Size, figure.Place);

    internal static float[] Drawn(Scene scene)
    {
        var image = new float[3 * Side * Side];
        scene.Draw(Side, image);
        return image;
    }

    private static (float[] Values, string Caption) Image(CaptionedShapes shapes, long index, ulong draw)
    {
        var values = new float[3 * shapes.Sizes[0].Height * shapes.Sizes[0].Width];
        string caption = shapes.Read(index, draw, values);
        return (values, caption);
    }
}

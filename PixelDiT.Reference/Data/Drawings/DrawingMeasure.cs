using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Drawings;

/// <summary>What is read of a picture.</summary>
/// <param name="Ground">The ground; null if it is neither dark nor light, or not gray.</param>
/// <param name="Figures">What stands out from it; attributes that cannot be told are null.</param>
internal sealed record DrawingReading(Ground? Ground, IReadOnlyList<FigureDescription> Figures);

/// <summary>
/// Tells how many generated pictures show what their prompt says: reads the attributes back from the pixels alone. The ground is the border's gray, figures are what stands out from it, a colour is the nearest hue, a place
/// the nearest to the figure's middle, and figure and size are those of the drawing that covers it best. A picture agrees if it has as many figures as the prompt names and every attribute named is right; figures cut in
/// half, of two colours, between two places or of no known form agree with nothing. Slight noise and blur do no harm.
/// </summary>
/// <param name="resolution">H = W of the pictures, in pixels; at least <see cref="Scene.LeastResolution"/>.</param>
internal sealed class DrawingMeasure(int resolution)
{
    private const float DarkestLight = 0.7f, LightestDark = 0.35f, MostTint = 0.15f;
    private const float LeastChroma = 0.35f, MostHueError = 25;
    private const double LeastOverlap = 0.78, LeastLead = 0.01, MostOdd = 0.15;

    // Half of the way from one place to the next.
    private const float MostPlaceError = AttributeLooks.PlaceOffset / 2;
    private const float LeastSize = 0.12f, BetweenSizes = 0.172f, MostSize = 0.25f;

    private readonly int _imageLength = resolution >= Scene.LeastResolution
        ? 3 * resolution * resolution
        : throw new ShapeException($"drawings of {resolution} × {resolution} pixels were to be measured; at least {Scene.LeastResolution} × {Scene.LeastResolution} was expected");

    /// <summary>Reads a picture.</summary>
    /// <param name="image">[3, H, W], −1 … 1.</param>
    /// <exception cref="ShapeException">The image is of another size.</exception>
    public DrawingReading Read(ReadOnlySpan<float> image)
    {
        var finder = Find(image);
        return new(ReadGround(finder.GroundColour), [.. finder.Figures().Select(ReadFigure)]);
    }

    /// <summary>Whether a picture shows what a prompt says.</summary>
    /// <param name="image">[3, H, W], −1 … 1.</param>
    /// <param name="prompt">The prompt.</param>
    /// <exception cref="ShapeException">The image is of another size.</exception>
    public bool Agrees(ReadOnlySpan<float> image, Prompt prompt)
    {
        var finder = Find(image);
        // A ground that is none is wrong even if the prompt does not name it.
        if (ReadGround(finder.GroundColour) is not { } ground) return false;
        var figures = finder.Figures();
        return figures.Count == prompt.Count && prompt.Fits(ground, [.. figures.Select(ReadFigure)]);
    }

    /// <summary>The share of pictures, 0 … 1, that show what their prompts say.</summary>
    /// <param name="images">[N, 3, H, W], −1 … 1.</param>
    /// <param name="prompts">[N].</param>
    /// <exception cref="ShapeException">There is no picture, or pictures and prompts do not fit.</exception>
    public double Agreement(ReadOnlySpan<float> images, IReadOnlyList<Prompt> prompts)
    {
        ClassAgreement.CheckBatch(images.Length, prompts.Count, _imageLength);
        float[] copy = images.ToArray();
        int agreed = 0;
        Parallel.For(0, prompts.Count, i =>
        {
            if (Agrees(copy.AsSpan(i * _imageLength, _imageLength), prompts[i])) Interlocked.Increment(ref agreed);
        });
        return (double)agreed / prompts.Count;
    }

    /// <summary>
    /// The agreement that pictures would have if each were a faultless one of another prompt of the list, with the same number of figures: what a model reaches that draws well and does not read. A share of 0 … 1; prompts
    /// that stand alone with their number of figures count as 0.
    /// </summary>
    /// <param name="prompts">The prompts asked for; free attributes of those drawn take all values alike.</param>
    /// <exception cref="DataException">There are no prompts.</exception>
    public static double Chance(IReadOnlyList<Prompt> prompts)
    {
        if (prompts.Count == 0) throw new DataException("the chance of no prompts was asked for; at least one was expected");
        var drawn = prompts.Select(prompt => prompt.Scenes().Select(Describe).ToArray()).ToArray();
        double sum = 0;
        for (int asked = 0; asked < prompts.Count; asked++)
        {
            int[] others = [.. Enumerable.Range(0, prompts.Count).Where(other => other != asked && prompts[other].Count == prompts[asked].Count && drawn[other].Length > 0)];
            if (others.Length > 0) sum += others.Average(other => drawn[other].Count(scene => prompts[asked].Fits(scene.Ground, scene.Figures)) / (double)drawn[other].Length);
        }
        return sum / prompts.Count;
    }

    /// <summary>
    /// The mean L2 distance between two pictures of one prompt, over that between two real drawings of it: 1 for the variety of drawings, 0 for a model that draws every prompt always alike.
    /// </summary>
    /// <param name="images">[N, 3, H, W], −1 … 1.</param>
    /// <param name="prompts">[N].</param>
    /// <exception cref="ShapeException">There is no picture, or pictures and prompts do not fit.</exception>
    /// <exception cref="DataException">No prompt occurs twice, or there is no drawing of one.</exception>
    public double Spread(ReadOnlySpan<float> images, IReadOnlyList<Prompt> prompts)
    {
        string[] texts = [.. prompts.Select(prompt => prompt.ToString())];
        int[] labels = [.. texts.Select(text => Array.IndexOf(texts, text))];
        double spread = ClassAgreement.MeanPairDistance(images, labels, _imageLength, "generated");
        var real = new float[prompts.Count * _imageLength];
        for (int i = 0; i < prompts.Count; i++) CaptionedShapes.HeldOut(prompts[i], (ulong)i).Draw(resolution, real.AsSpan(i * _imageLength, _imageLength));
        return spread / ClassAgreement.MeanPairDistance(real, labels, _imageLength, "real");
    }

    private FigureFinder Find(ReadOnlySpan<float> image) => image.Length == _imageLength
        ? new FigureFinder(image, resolution)
        : throw new ShapeException($"a drawing has {_imageLength} values; {image.Length} were given");

    private static DrawingReading Describe(Scene scene) => new(scene.Ground, [.. Enumerable.Range(0, scene.Count).Select(index => scene[index]).Select(figure => new FigureDescription(figure.Figure, figure.Colour, figure.Size, figure.Place))]);

    private static Ground? ReadGround(float[] colour)
    {
        float gray = colour.Average();
        if (colour.Max() - colour.Min() > MostTint) return null;
        return gray < LightestDark ? Ground.Dark : gray > DarkestLight ? Ground.Light : null;
    }

    private FigureDescription ReadFigure(FoundFigure found)
    {
        var fit = FigureFit.Of(found.Coverage, resolution);
        bool isKnown = fit.Overlap >= LeastOverlap && fit.Overlap - fit.Second >= LeastLead;
        float size = fit.Outline.Size;
        return new(
            isKnown ? fit.Outline.Figure : null,
            found.OddShare <= MostOdd ? ReadColour(found.Paint) : null,
            !isKnown || size is < LeastSize or > MostSize ? null : size < BetweenSizes ? FigureSize.Small : FigureSize.Large,
            ReadPlace(fit.Outline.X, fit.Outline.Y));
    }

    private static Place? ReadPlace(float x, float y)
    {
        var (place, error) = Enum.GetValues<Place>().Select(place => (place, Error(AttributeLooks.Middle(place)))).MinBy(pair => pair.Item2);
        return error <= MostPlaceError ? place : null;

        float Error((float X, float Y) middle) => MathF.Max(MathF.Abs(x - middle.X), MathF.Abs(y - middle.Y));
    }

    private static Colour? ReadColour(float[] paint)
    {
        if (paint.Max() - paint.Min() < LeastChroma) return null;
        float hue = Hue(paint);
        var (colour, error) = Enum.GetValues<Colour>().Select(colour => (colour, Error(Hue(AttributeLooks.Paint(colour))))).MinBy(pair => pair.Item2);
        return error <= MostHueError ? colour : null;

        float Error(float nominal) => MathF.Abs(hue - nominal) is var apart ? MathF.Min(apart, 360 - apart) : 0;
    }

    /// <summary>The hue in degrees, 0 … 360, of a colour that is not gray.</summary>
    private static float Hue(ReadOnlySpan<float> paint)
    {
        float red = paint[0], green = paint[1], blue = paint[2], most = MathF.Max(red, MathF.Max(green, blue)), chroma = most - MathF.Min(red, MathF.Min(green, blue));
        float sixths = most == red ? (green - blue) / chroma : most == green ? 2 + (blue - red) / chroma : 4 + (red - green) / chroma;
        return sixths < 0 ? 60 * (sixths + 6) : 60 * sixths;
    }
}

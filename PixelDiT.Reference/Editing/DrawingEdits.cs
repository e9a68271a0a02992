using PixelDiT.Reference.Data.Drawings;
using PixelDiT.Reference.Measuring;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;
using Prompt = PixelDiT.Reference.Data.Drawings.Prompt;

namespace PixelDiT.Reference.Editing;

/// <summary>One edit of a drawing.</summary>
/// <param name="Source">What the drawing shows.</param>
/// <param name="Target">What it shall show.</param>
/// <param name="Before">The drawing.</param>
/// <param name="After">The edited picture.</param>
/// <param name="Measure">What was changed outside and inside the figure that was to change.</param>
/// <param name="Jpeg">What JPEG of quality 75 changes of the drawing.</param>
/// <param name="IsRight">Whether the figure has its new colour, and its form, place and size, the other figure and the ground are read as they were.</param>
/// <param name="HasNewColour">Whether a figure of the new colour is where the old one was.</param>
internal sealed record DrawingEdit(Prompt Source, Prompt Target, Picture Before, Picture After, EditMeasure Measure, EditMeasure Jpeg, bool IsRight, bool HasNewColour);

/// <summary>
/// Edits of drawings by a small text model: "red" becomes "blue" on held-out drawings of one and two figures, some of which show, or shall show, what training never has. The figure's own pixels are inside, all others outside.
/// </summary>
internal static class DrawingEdits
{
    private const int PerKind = 32, AtATime = 16, Side = 32;

    /// <summary>The settings.</summary>
    public static FlowEditConfig Settings { get; } = new() { Steps = 32, MaxSteps = 24, SourceGuidance = 2, Guidance = 2, TimeShift = 2 };

    /// <summary>How many edits there are.</summary>
    public static int Count => 2 * PerKind;

    /// <summary>Makes all edits.</summary>
    /// <param name="model">A model of captioned drawings at 32×32.</param>
    /// <param name="encoder">Its encoder.</param>
    /// <param name="report">Is told how many are done, shares of those in hand included.</param>
    /// <param name="cancel">Stops them.</param>
    public static IReadOnlyList<DrawingEdit> Make(TextToImageModel model, ITextEncoder encoder, Action<double>? report = null, CancellationToken cancel = default)
    {
        const int size = 3 * Side * Side;
        float[] empty = encoder.Encode([new Text.Prompt("", Negative: true)])[0];
        var measure = new DrawingMeasure(Side);
        var edits = new List<DrawingEdit>();
        foreach (var some in Scenes().Chunk(AtATime))
        {
            var images = new float[some.Length * size];
            foreach (var (i, edit) in some.Index()) edit.Source.Draw(Side, images.AsSpan(i * size, size));
            IReadOnlyList<float[]> States(Func<(Scene Source, Scene Target, int Figure), Scene> of) => encoder.Encode([.. some.Select(edit => new Text.Prompt(Prompt.Of(of(edit)).ToString()))]);
            int made = 0;
            float[] edited = ImageEditor.ByTexts(
                model, Settings, images, Side, States(edit => edit.Source), States(edit => edit.Target), [.. some.Select(_ => empty)], [.. some.Select((_, i) => (ulong)(edits.Count + i))],
                _ => report?.Invoke(edits.Count + (some.Length * (double)++made / Settings.StepsMade)), cancel);
            foreach (var (i, (source, target, figure)) in some.Index())
            {
                var (before, after) = (Picture.FromImage(images.AsSpan(i * size, size), 3, Side, Side), Picture.FromImage(edited.AsSpan(i * size, size), 3, Side, Side));
                var mask = new float[Side * Side];
                source.Mask(figure, Side, mask);
                bool[] inside = Array.ConvertAll(mask, covered => covered > 0);
                var asked = Prompt.Of(target);
                var values = edited.AsSpan(i * size, size);
                bool hasColour = measure.Read(values).Figures.Any(read => read.Colour == target[figure].Colour && read.Place == target[figure].Place);
                edits.Add(new(Prompt.Of(source), asked, before, after, EditMeasure.Of(before, after, inside), EditMeasure.OfJpeg(before, inside, EditRecord.Qualities[0]), measure.Agrees(values, asked), hasColour));
            }
        }
        return edits;
    }

    /// <summary>What the sheet carries beside its pixels.</summary>
    /// <param name="model">The model that makes the edits.</param>
    /// <param name="encoder">Its encoder.</param>
    public static IReadOnlyList<PngText> Texts(TextToImageModel model, ITextEncoder encoder)
    {
        string weights = WeightHash.Of(model);
        return PictureRecord.Texts(
            PictureRecord.Parameters(["edits of drawings: another colour for a figure"], null,
                [("Steps", Settings.Steps), ("CFG scale", Settings.Guidance), ("Seed", 0), ("Size", $"{Side}x{Side}"), ("Model hash", PictureRecord.ShortHash(weights)), ("Version", PictureRecord.Program)]),
            [
                (PictureRecord.PictureKey, EditOutput.DemoSheet), ("edits", Count), ("steps", Settings.Steps), ("n_max", Settings.MaxSteps), ("n_min", Settings.MinSteps), ("n_avg", Settings.Draws),
                ("source_guidance", Settings.SourceGuidance), ("guidance", Settings.Guidance), ("time_shift", Settings.TimeShift), ("encoder", encoder.Name), ("encoder_identity", encoder.Identity), ("weights_sha256", weights),
                .. PictureRecord.OriginFields(model.Device)
            ]);
    }

    /// <summary>Draws edits, the drawing above and what became of it below, each with its caption.</summary>
    /// <param name="edits">At least one.</param>
    public static Picture Sheet(IReadOnlyList<DrawingEdit> edits)
    {
        const int columns = 8;
        // Half of one figure, half of two.
        DrawingEdit[] some = [.. edits.Take(columns), .. edits.Skip(edits.Count / 2).Take(columns)];
        var (pictures, captions) = (new List<Picture>(), new List<string>());
        foreach (var row in some.Chunk(columns))
        {
            pictures.AddRange([.. row.Select(edit => edit.Before), .. row.Select(edit => edit.After)]);
            captions.AddRange([.. row.Select(edit => edit.Source.ToString()), .. row.Select(edit => edit.Target.ToString())]);
        }
        return CaptionedSheet.Compose(pictures, captions, columns);
    }

    private static IEnumerable<(Scene Source, Scene Target, int Figure)> Scenes()
    {
        for (int i = 0; i < PerKind; i++)
        {
            var one = Combination.All[i * Combination.All.Count / PerKind];
            yield return Recolour(new Scene(0, (Ground)(i / 2 % 2), new PlacedFigure(one.Figure, one.Colour, (FigureSize)(i % 2), one.Place)), i, 0);
        }
        for (int i = 0; i < PerKind; i++)
        {
            var pair = CombinationPair.All[(int)((i + 0.5) * CombinationPair.All.Count / PerKind)];
            PlacedFigure Small(Combination figure) => new(figure.Figure, figure.Colour, FigureSize.Small, figure.Place);
            yield return Recolour(new Scene(0, (Ground)(i % 2), Small(pair.First), Small(pair.Second)), i, i / 2 % 2);
        }
    }

    /// <summary>A held-out drawing of a scene, and the same one with another colour of one figure: the next one, or the one after it.</summary>
    private static (Scene, Scene, int) Recolour(Scene content, int number, int figure)
    {
        int colours = Enum.GetValues<Colour>().Length;
        var source = CaptionedShapes.HeldOut(Prompt.Of(content), (ulong)(1000 + number));
        return (source, source.Change(figure, colour: (Colour)(((int)source[figure].Colour + 1 + (number % (colours - 1))) % colours)), figure);
    }
}

using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Drawings;

/// <summary>A figure with all its attributes.</summary>
/// <param name="Figure">What it is.</param>
/// <param name="Colour">Its colour.</param>
/// <param name="Size">How large it is.</param>
/// <param name="Place">Where it lies.</param>
internal readonly record struct PlacedFigure(Figure Figure, Colour Colour, FigureSize Size, Place Place)
{
    /// <summary>The combination that training may or may not show.</summary>
    public Combination Combination => new(Figure, Colour, Place);
}

/// <summary>
/// A picture of one or two figures: what a caption can say of it, and a key for what it cannot (shades, and where exactly in its place a figure lies). The key decides that independently of the attributes, so a scene with
/// one attribute changed is the same picture but for what was changed. Drawn with + − × ÷ √ only, so it is equal on every machine.
/// </summary>
/// <param name="Key">The key of a counter-based hash.</param>
/// <param name="Ground">The ground.</param>
/// <param name="First">The figure that captions name first.</param>
/// <param name="Second">The other one; null for a scene of one figure. The two lie left and right, or above one another.</param>
internal sealed record Scene(ulong Key, Ground Ground, PlacedFigure First, PlacedFigure? Second = null)
{
    /// <summary>The least side of a picture, in pixels; in smaller ones a square is a disc.</summary>
    public const int LeastResolution = 16;

    private const float Jitter = 0.025f;

    /// <summary>1 or 2.</summary>
    public int Count => Second is null ? 1 : 2;

    /// <summary>A figure.</summary>
    /// <param name="index">0 or, where there are two, 1.</param>
    /// <exception cref="DataException">There is no such figure.</exception>
    public PlacedFigure this[int index] => (index, Second) switch
    {
        (0, _) => First,
        (1, { } second) => second,
        _ => throw new DataException($"figure {index} was asked for; there are {Count}")
    };

    /// <summary>The same scene with attributes of one figure changed.</summary>
    /// <param name="index">0 or, where there are two, 1.</param>
    /// <param name="figure">What it becomes; null for what it is.</param>
    /// <param name="colour">Its colour; null for the one it has.</param>
    /// <param name="size">Its size; null for the one it has.</param>
    /// <param name="place">Its place; null for the one it has.</param>
    /// <exception cref="DataException">There is no such figure.</exception>
    public Scene Change(int index, Figure? figure = null, Colour? colour = null, FigureSize? size = null, Place? place = null)
    {
        var old = this[index];
        var changed = new PlacedFigure(figure ?? old.Figure, colour ?? old.Colour, size ?? old.Size, place ?? old.Place);
        return index == 0 ? this with { First = changed } : this with { Second = changed };
    }

    /// <summary>Draws the scene.</summary>
    /// <param name="resolution">H = W, in pixels; at least <see cref="LeastResolution"/>.</param>
    /// <param name="image">[3, H, W], −1 … 1, on the grid of bytes; exactly so long.</param>
    /// <exception cref="ShapeException">The resolution is too small, or the array has another length.</exception>
    public void Draw(int resolution, Span<float> image)
    {
        Check(resolution, image.Length, 3);
        Span<float> paints = stackalloc float[2 * 3];
        for (int figure = 0; figure < Count; figure++) MixPaint(figure, paints[(3 * figure)..]);
        float gray = Between(0, AttributeLooks.Grays(Ground)), slopeX = Between(1, (-0.03f, 0.03f)), slopeY = Between(2, (-0.03f, 0.03f));
        Span<float> tint = [Between(3, (-0.02f, 0.02f)), Between(4, (-0.02f, 0.02f)), Between(5, (-0.02f, 0.02f))];
        FigureOutline first = Outline(0), second = Second is null ? default : Outline(1);

        float pixel = 1f / resolution;
        for (int y = 0; y < resolution; y++)
        {
            for (int x = 0; x < resolution; x++)
            {
                float slope = slopeX * ((x + 0.5f) * pixel - 0.5f) + slopeY * ((y + 0.5f) * pixel - 0.5f);
                float covered = first.Coverage(x, y, resolution), coveredToo = Second is null ? 0 : second.Coverage(x, y, resolution);
                for (int c = 0; c < 3; c++)
                {
                    float value = gray + tint[c] + slope;
                    value += covered * (paints[c] - value);
                    value += coveredToo * (paints[3 + c] - value);
                    image[(c * resolution + y) * resolution + x] = PixelScale.ToValue((byte)(Math.Clamp(value, 0f, 1f) * 255f + 0.5f));
                }
            }
        }
    }

    /// <summary>Where a figure is.</summary>
    /// <param name="index">0 or, where there are two, 1.</param>
    /// <param name="resolution">H = W, in pixels; at least <see cref="LeastResolution"/>.</param>
    /// <param name="mask">[H, W], the share of each pixel that the figure covers; exactly so long.</param>
    /// <exception cref="DataException">There is no such figure.</exception>
    /// <exception cref="ShapeException">The resolution is too small, or the array has another length.</exception>
    public void Mask(int index, int resolution, Span<float> mask)
    {
        Check(resolution, mask.Length, 1);
        var outline = Outline(index);
        for (int i = 0; i < mask.Length; i++) mask[i] = outline.Coverage(i % resolution, i / resolution, resolution);
    }

    private static void Check(int resolution, int length, int channels)
    {
        if (resolution < LeastResolution) throw new ShapeException($"a drawing of {resolution} × {resolution} pixels was asked for; at least {LeastResolution} × {LeastResolution} was expected");
        if (length != (long)channels * resolution * resolution) throw new ShapeException($"a drawing of {channels}·{resolution}·{resolution} values was asked for; the array given has {length}");
    }

    private FigureOutline Outline(int index)
    {
        var figure = this[index];
        var (x, y) = AttributeLooks.Middle(figure.Place);
        ulong draws = FirstDraw(index);
        return new(figure.Figure, x + Between(draws, (-Jitter, Jitter)), y + Between(draws + 1, (-Jitter, Jitter)), Between(draws + 2, AttributeLooks.Sizes(figure.Size)));
    }

    private void MixPaint(int index, Span<float> paint)
    {
        ulong draws = FirstDraw(index) + 3;
        float shade = Between(draws, (0.94f, 1.05f));
        var nominal = AttributeLooks.Paint(this[index].Colour);
        for (int c = 0; c < 3; c++) paint[c] = shade * nominal[c] + Between(draws + 1 + (ulong)c, (-0.03f, 0.03f));
    }

    private static ulong FirstDraw(int figure) => 8 + 8 * (ulong)figure;

    private float Between(ulong draw, (float Low, float High) range) => range.Low + (range.High - range.Low) * CounterHash.Uniform(Key, draw);
}

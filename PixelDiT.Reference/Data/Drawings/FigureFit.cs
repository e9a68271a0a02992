namespace PixelDiT.Reference.Data.Drawings;

/// <summary>Which figure, of which size and where, covers a picture as something found does: all figures are drawn about its centre of gravity and of its area, and what overlaps best is taken.</summary>
/// <param name="Outline">The best of all.</param>
/// <param name="Overlap">Σ min / Σ max of the two coverages, 1 if they are equal.</param>
/// <param name="Second">The overlap of the best other figure.</param>
internal readonly record struct FigureFit(FigureOutline Outline, double Overlap, double Second)
{
    private static readonly float[] s_scales = [0.88f, 0.94f, 1f, 1.06f, 1.12f], s_shifts = [-0.5f, 0, 0.5f];

    /// <summary>Fits all figures.</summary>
    /// <param name="coverage">[H, W].</param>
    /// <param name="resolution">H = W.</param>
    public static FigureFit Of(float[] coverage, int resolution)
    {
        double area = 0, sumX = 0, sumY = 0;
        int left = resolution, right = 0, top = resolution, bottom = 0;
        for (int pixel = 0; pixel < coverage.Length; pixel++)
        {
            if (coverage[pixel] <= 0) continue;
            int x = pixel % resolution, y = pixel / resolution;
            (area, sumX, sumY) = (area + coverage[pixel], sumX + coverage[pixel] * (x + 0.5), sumY + coverage[pixel] * (y + 0.5));
            (left, right, top, bottom) = (Math.Min(left, x), Math.Max(right, x), Math.Min(top, y), Math.Max(bottom, y));
        }
        if (area <= 0) return default;
        float gravityX = (float)(sumX / area / resolution), gravityY = (float)(sumY / area / resolution);
        const int Around = 3;
        var window = (Left: Math.Max(0, left - Around), Right: Math.Min(resolution - 1, right + Around), Top: Math.Max(0, top - Around), Bottom: Math.Min(resolution - 1, bottom + Around));

        var best = new List<(FigureOutline Outline, double Overlap)>();
        foreach (var figure in Enum.GetValues<Figure>())
        {
            float size = MathF.Sqrt((float)area / FigureOutline.UnitArea(figure)) / resolution;
            (FigureOutline Outline, double Overlap) most = default;
            foreach (float scale in s_scales)
            {
                foreach (float across in s_shifts)
                {
                    foreach (float down in s_shifts)
                    {
                        var outline = new FigureOutline(figure, gravityX + across / resolution, gravityY - FigureOutline.CentroidBelow(figure) * scale * size + down / resolution, scale * size);
                        double overlap = Overlapping(outline);
                        if (overlap > most.Overlap) most = (outline, overlap);
                    }
                }
            }
            best.Add(most);
        }
        best.Sort((a, b) => b.Overlap.CompareTo(a.Overlap));
        return new(best[0].Outline, best[0].Overlap, best[1].Overlap);

        double Overlapping(FigureOutline outline)
        {
            double least = 0, most = 0;
            for (int y = window.Top; y <= window.Bottom; y++)
            {
                for (int x = window.Left; x <= window.Right; x++)
                {
                    float drawn = outline.Coverage(x, y, resolution), found = coverage[y * resolution + x];
                    (least, most) = (least + Math.Min(drawn, found), most + Math.Max(drawn, found));
                }
            }
            return least / most;
        }
    }
}

namespace PixelDiT.Reference.Oracle.Comparing.Hints;

/// <summary>
/// One modulation for all pixels of a patch, where each shall have its own (SPEC §1, pixel-wise AdaLN). Seen in a pixel block's <c>modulation</c>, which is then constant over the
/// pixels; in <c>modulated1</c> or <c>modulated2</c>, which is then one straight line of the norm for all pixels of a patch and a channel; or by computing the block again.
/// </summary>
internal sealed class BroadcastHint : IHint
{
    private const string Fault = "gives all pixels of a patch the same modulation; the model's adaLN makes one for each pixel";

    // Below three pixels every patch lies on a line.
    private const int LeastPixels = 3;

    /// <inheritdoc/>
    public string? Explain(Suspect suspect)
    {
        if (suspect.Geometry is not { } g || g.PatchPixels < LeastPixels || suspect.Activation is not { } stage || StageName.Block(stage) is not ("pixel_blocks", var block, var step)) return null;
        if (suspect.Reference.Shape(suspect.Name) is not [.., > 0 and var width] || suspect.A.Length % ((long)g.PatchPixels * width) != 0) return null;
        bool found = step switch
        {
            "modulation" => suspect.SameCount ? IsConstant(suspect.B, g.PatchPixels, width, suspect.Tolerance) : suspect.A.Length == (long)suspect.B.Length * g.PatchPixels,
            "modulated1" or "modulated2" => suspect.SameCount && IsOneLine(suspect, $"act.pixel_blocks.{block}.norm{step[^1]}", g.PatchPixels, width),
            "" => suspect.Matches(suspect.Model?.Compute(suspect, new StageVariant { OneModulationForAPatch = true })),
            _ => false
        };
        return found ? Fault : null;
    }

    /// <summary>Whether [R, P, width] is the same for all P, and not a constant for all R.</summary>
    private static bool IsConstant(double[] values, int pixels, int width, double tolerance)
    {
        double largest = values.Max(Math.Abs);
        for (int i = 0; i < values.Length; i++)
        {
            int first = (i / (pixels * width) * pixels * width) + (i % width);
            if (!(Math.Abs(values[i] - values[first]) <= tolerance * largest)) return false;
        }
        return largest > 0;
    }

    /// <summary>Whether B is, for each row and channel, a·norm + b over the pixels, while A is not.</summary>
    private static bool IsOneLine(Suspect suspect, string norm, int pixels, int width)
        => suspect.AgreesOn(norm) && suspect.Reference.Read(norm) is var x
        && suspect.Matches(Lines(x, suspect.B, pixels, width)) && !(suspect with { B = suspect.A }).Matches(Lines(x, suspect.A, pixels, width));

    /// <summary>The straight lines of least squares through the points (x, y) of each row and channel [R, ·, width].</summary>
    private static double[] Lines(double[] x, double[] y, int pixels, int width)
    {
        double[] fitted = new double[y.Length];
        for (int row = 0; row < y.Length; row += pixels * width)
        {
            for (int channel = 0; channel < width; channel++)
            {
                int[] points = [.. Enumerable.Range(0, pixels).Select(pixel => row + (pixel * width) + channel)];
                double meanX = points.Average(i => x[i]), meanY = points.Average(i => y[i]);
                double slope = points.Sum(i => (x[i] - meanX) * (y[i] - meanY)) / points.Sum(i => (x[i] - meanX) * (x[i] - meanX));
                foreach (int i in points) fitted[i] = meanY + (slope * (x[i] - meanX));
            }
        }
        return fitted;
    }
}

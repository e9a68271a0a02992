namespace PixelDiT.Reference.Reports;

/// <summary>A line of a plot.</summary>
/// <param name="Name">What it is called in the legend.</param>
/// <param name="Values">A number a row of the run; NaN where there is none.</param>
/// <param name="Smoothing">Steps over which its mean runs; 1 draws the numbers themselves.</param>
/// <param name="ShowsRange">Whether the range of the numbers behind the mean is drawn too.</param>
internal sealed record Curve(string Name, IReadOnlyList<double> Values, int Smoothing = 1, bool ShowsRange = false)
{
    /// <summary>The running mean of the numbers: an exponential one, corrected for its beginning, so that the first number counts no more than others.</summary>
    public double[] Smoothed()
    {
        var smoothed = new double[Values.Count];
        double weight = 2.0 / (Smoothing + 1), mean = 0, sum = 0;
        for (int i = 0; i < smoothed.Length; i++)
        {
            if (double.IsFinite(Values[i])) (mean, sum) = (((1 - weight) * mean) + (weight * Values[i]), ((1 - weight) * sum) + weight);
            smoothed[i] = sum > 0 ? mean / sum : double.NaN;
        }
        return smoothed;
    }
}

/// <summary>A plot over the steps of a run.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Unit">Of the numbers; empty for none.</param>
/// <param name="Curves">At least one.</param>
internal sealed record Plot(string Title, string Unit, IReadOnlyList<Curve> Curves)
{
    /// <summary>A level to compare with, and its name; null for none.</summary>
    public (string Name, double Value)? Level { get; init; }

    /// <summary>Whether the axis may be logarithmic.</summary>
    public bool MayBeLogarithmic { get; init; }
}

/// <summary>What happened to a run, marked in all plots.</summary>
/// <param name="Skipped">Steps that updated nothing.</param>
/// <param name="Resumed">First steps of a process that went on with the run.</param>
internal sealed record PlotMarks(IReadOnlyList<long> Skipped, IReadOnlyList<long> Resumed);

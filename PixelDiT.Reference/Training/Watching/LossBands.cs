namespace PixelDiT.Reference.Training.Watching;

/// <summary>The loss by how much of an image is noise: t in [0, 1] in bands of equal width, 0 is noise and 1 is data. A model may learn one and unlearn another while their mean stays.</summary>
public static class LossBands
{
    /// <summary>How many there are: few enough that each has an image in most steps.</summary>
    public const int Count = 4;

    /// <summary>The bands as people write them: "0.00 to 0.25" and so on.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enumerable.Range(0, Count).Select(band => FormattableString.Invariant($"{(double)band / Count:F2} to {(double)(band + 1) / Count:F2}"))];

    /// <summary>The mean loss of each band's images; NaN for a band without images.</summary>
    /// <param name="losses">[B], the loss of each image.</param>
    /// <param name="timeOf">t of an image.</param>
    public static double[] Of(ReadOnlySpan<float> losses, Func<int, float> timeOf)
    {
        Span<double> sums = stackalloc double[Count];
        Span<int> images = stackalloc int[Count];
        sums.Clear();
        images.Clear();
        for (int b = 0; b < losses.Length; b++)
        {
            int band = Math.Clamp((int)(timeOf(b) * Count), 0, Count - 1);
            sums[band] += losses[b];
            images[band]++;
        }
        var means = new double[Count];
        for (int band = 0; band < Count; band++) means[band] = images[band] == 0 ? double.NaN : sums[band] / images[band];
        return means;
    }
}

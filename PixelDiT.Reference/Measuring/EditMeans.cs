namespace PixelDiT.Reference.Measuring;

/// <summary>Means over edits.</summary>
internal static class EditMeans
{
    /// <summary>
    /// The means of several edits and of JPEG: of the mean squared error and of SSIM every picture counts alike, those that lack a region or a window not; PSNR is that of the mean squared error; the largest difference is that of all.
    /// </summary>
    /// <param name="edits">At least one.</param>
    public static (EditMeasure Measure, IReadOnlyList<EditMeasure> Baselines) Of(IReadOnlyList<(EditMeasure Measure, IReadOnlyList<EditMeasure> Baselines)> edits) => (
        Mean([.. edits.Select(edit => edit.Measure)]),
        [.. Enumerable.Range(0, edits[0].Baselines.Count).Select(i => Mean([.. edits.Select(edit => edit.Baselines[i])]))]);

    private static EditMeasure Mean(IReadOnlyList<EditMeasure> all) => new(Mean([.. all.Select(one => one.Overall)])!, Mean([.. all.Select(one => one.Outside).OfType<PictureDifference>()]), Mean([.. all.Select(one => one.Inside).OfType<PictureDifference>()]));

    private static PictureDifference? Mean(IReadOnlyList<PictureDifference> all)
    {
        if (all.Count == 0) return null;
        double[] similar = [.. all.Select(one => one.Similarity).OfType<double>()];
        return new(all.Sum(one => one.Pixels), all.Average(one => one.MeanSquaredError), similar.Length == 0 ? null : similar.Average(), all.Max(one => one.Largest));
    }
}

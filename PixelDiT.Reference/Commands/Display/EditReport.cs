using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Measuring;
using static System.FormattableString;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Says what an edit changed, beside what JPEG does to the untouched picture.</summary>
internal static class EditReport
{
    /// <summary>Prints a line for each region, and for each quality of JPEG.</summary>
    /// <param name="name">What the edit is called; null where it is the only one.</param>
    /// <param name="measure">What it changed.</param>
    /// <param name="baselines">What JPEG does.</param>
    public static void Show(string? name, EditMeasure measure, IReadOnlyList<EditMeasure> baselines)
    {
        if (name is not null) Terminal.WriteLine($"{name}:");
        if (measure.Outside is { } outside) Line("outside the mask", outside);
        if (measure.Inside is { } inside) Line("inside the mask", inside);
        Line("overall", measure.Overall);
        foreach (var (quality, baseline) in EditRecord.Qualities.Zip(baselines)) Line(Invariant($"JPEG of quality {quality} {(baseline.Outside is null ? "overall" : "outside")}"), baseline.Outside ?? baseline.Overall);
    }

    private static void Line(string region, PictureDifference part)
    {
        string peak = part.PeakSignalToNoise is { } decibels ? Invariant($"{decibels:F2} dB") : "infinite", similarity = part.Similarity is { } ssim ? Invariant($"{ssim:F4}") : "–";
        Terminal.WriteLine(Invariant($"  {region,-29} MSE {part.MeanSquaredError:0.000000}, PSNR {peak}, SSIM {similarity}, largest difference {part.Largest} of 255"));
    }
}

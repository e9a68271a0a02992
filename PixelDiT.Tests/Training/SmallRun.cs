using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Drawings;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Training;

/// <summary>What a run of a small model gave.</summary>
/// <param name="Losses">Of the steps that it made.</param>
/// <param name="Model">The bytes of its model file.</param>
/// <param name="Peak">The most device memory, in bytes.</param>
internal sealed record SmallRun(float[] Losses, byte[] Model, long Peak)
{
    /// <summary>A class model of the drawings.</summary>
    public static ModelConfig Classes { get; } = new() { Hidden = 32, Heads = 2, Patch = 4, PatchDepth = 2, PixelDepth = 1, PixelHidden = 8, Classes = 9 };

    /// <summary>A text model of the captioned drawings.</summary>
    public static ModelConfig Texts { get; } = Presets.Get("micro-text") with { TextWidth = 12, TextTokens = 10 };

    /// <summary>Drawings of 16×16 for either model.</summary>
    /// <param name="sizes">The model.</param>
    /// <param name="source">Other images with captions than the drawings.</param>
    public static TrainingData Data(ModelConfig sizes, ICaptionedSource? source = null)
        => sizes.IsText ? new CaptionedData(source ?? new CaptionedShapes(16), new WordsEncoder(sizes.TextWidth, sizes.TextTokens)) : new ClassData(new Shapes(16));

    /// <summary>Trains in a folder, to the end or until a step, and sees that all device memory comes back.</summary>
    public static SmallRun Train(
        string folder, TrainingData data, ModelConfig sizes, TrainingConfig config, int threads, string device = "cpu", ExistingRun existing = ExistingRun.Refuse, int checkpointEvery = 3, long stopAfter = long.MaxValue)
    {
        using var opened = Device.Open(device, threads);
        var losses = new List<float>();
        long peak;
        using (var run = TrainingRun.Create(folder, opened, data, sizes, config, existing))
        {
            using var stop = new CancellationTokenSource();
            run.Run(checkpointEvery, report =>
            {
                losses.Add(report.Loss);
                if (report.Step == stopAfter) stop.Cancel();
            }, stop.Token);
            peak = opened.Arena.PeakBytes;
        }
        Assert.That(opened.Arena.BytesInUse, Is.Zero, "all device memory is back");
        return new([.. losses], File.ReadAllBytes(Path.Combine(folder, Checkpoint.ModelFile)), peak);
    }
}

using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training.HeldOut;

namespace PixelDiT.Reference.Training;

/// <summary>What the demonstration measured.</summary>
/// <param name="Agreement">The share of generated images whose nearest class is the one asked for.</param>
/// <param name="RealAgreement">The same share for real images that neither training nor the measure has seen.</param>
/// <param name="Spread">The mean distance between generated images of a class over that between real ones: near 0 when a class is always the same picture.</param>
/// <param name="Images">Generated images.</param>
internal sealed record DemoResult(double Agreement, double RealAgreement, double Spread, int Images);

/// <summary>The main job in small: trains on <c>shapes</c> for a few minutes on a CPU, draws a row of pictures for each class and measures them.</summary>
internal static class Demo
{
    private const int Side = 32, PerClass = 16, ReferenceImages = 2000, RealImages = 900;

    /// <summary>
    /// The model: between <c>micro</c> and <c>tiny</c>, with patches of 8×8. Sixteen patch tokens find out where a figure is sooner than sixty-four.
    /// </summary>
    public static ModelConfig Sizes { get; } = new() { Hidden = 96, Heads = 4, Patch = 8, PatchDepth = 3, PixelDepth = 1, PixelHidden = 8, Classes = 9 };

    /// <summary>
    /// The training settings. Figures are so large that their place and outline are decided while most of the picture is still noise; the time shift
    /// sends more of the training there.
    /// </summary>
    public static TrainingConfig Training { get; } = new()
    {
        Batch = 16,
        Steps = 6500,
        Size = Side,
        Warmup = 100,
        Decay = LearningRateDecay.Cosine,
        TimeShift = 2,
        Seed = 1,
        Optimizer = new OptimizerConfig { LearningRate = 3e-3, Beta2 = 0.99, EmaDecay = 0.998 }
    };

    /// <summary>How many images are drawn.</summary>
    public static int Images => Sizes.Classes * PerClass;

    /// <summary>The sampler's settings.</summary>
    public static SamplingConfig Sampling { get; } = new() { Steps = 30, Guidance = 1.5, TimeShift = 2 };

    /// <summary>A run of the demonstration in a folder.</summary>
    /// <inheritdoc cref="TrainingRun.Create" path="/exception"/>
    public static TrainingRun Create(string folder, Device device, ExistingRun existing) => TrainingRun.Create(folder, device, new ClassData(new Shapes(Side)), Sizes, Training, existing);

    /// <summary>Draws samples.png (a row a class) and trajectory.png, and measures the images.</summary>
    /// <param name="run">The run, trained to its end.</param>
    /// <param name="report">Is told after every step of the sampler how many images are done, shares of those in hand included, and of how many.</param>
    /// <param name="cancel">Stops the drawing.</param>
    /// <param name="metadata">Whether the pictures carry what made them.</param>
    public static DemoResult Draw(TrainingRun run, Action<double, int>? report = null, CancellationToken cancel = default, bool metadata = true)
    {
        var source = new Shapes(Side, part: ImagePart.HeldOut);
        using var averaged = run.Averaged();
        var plan = new ClassPlan
        {
            Sampling = Sampling,
            Size = Side,
            Classes = [.. Enumerable.Range(0, source.Classes)],
            ClassNames = source.ClassNames,
            NullClass = averaged.Config.NullClass,
            PerRow = PerClass,
            Seed = Training.Seed,
            Weights = WeightHash.Of(averaged)
        };
        var (drawing, sheet) = (new SampleDrawing((PixelDiTModel)averaged, plan), new SampleSheet(plan, source.Channels));
        int[] labels = [.. Enumerable.Range(0, Images).Select(k => plan.LabelOf(k))];
        var images = new List<float>();
        foreach (long[] batch in plan.Batches(0, PerClass))
        {
            float[] values = drawing.DrawValues(batch, (step, state) =>
            {
                sheet.Observe(batch, step, state);
                report?.Invoke(batch[0] + (PerClass * (double)step / Sampling.Steps), labels.Length);
            }, cancel);
            sheet.Add(batch, Picture.FromBatch(values, source.Channels, Side, Side));
            images.AddRange(values);
        }
        float[] all = [.. images];
        sheet.Write(run.Folder, metadata ? drawing.Record : null);

        var measure = ClassAgreement.Fit(source, 0, ReferenceImages);
        var (real, realLabels) = HeldOutMeasure.Read(source, ReferenceImages, RealImages);
        return new DemoResult(
            measure.NearestAgreement(all, labels), measure.NearestAgreement(real, realLabels), measure.SpreadWithinClasses(all, labels, real, realLabels), labels.Length);
    }
}

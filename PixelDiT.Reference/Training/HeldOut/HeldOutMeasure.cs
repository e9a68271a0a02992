using PixelDiT.Kernels;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Training.HeldOut;

/// <summary>What a class model is worth on images that training has not seen.</summary>
/// <param name="Loss">mean (v_θ − v)² over held-out images, each at one time with one noise, with its class.</param>
/// <param name="Agreement">The share of generated images whose nearest class is the one asked for.</param>
/// <param name="RealAgreement">The same share for real images that neither training nor the measure has seen.</param>
/// <param name="Spread">The mean distance between generated images of a class over that between real ones: near 0 when a class is always the same picture.</param>
/// <param name="Images">Generated images.</param>
internal sealed record HeldOutResult(double Loss, double Agreement, double RealAgreement, double Spread, int Images);

/// <summary>Measures a class model on the held-out part of a source. All draws are functions of an image's number alone, so that models are compared on the same numbers.</summary>
internal static class HeldOutMeasure
{
    // The measure of classes learns from the first images; the loss and the real images' agreement are of those after them.
    private const int ReferenceImages = 2000, LossImages = 2000, RealImages = 900, Batch = 16, SamplesPerClass = 32;
    private const ulong Seed = 1;

    // Of held-out images; no run draws from it, whatever its seed.
    internal const ulong Stream = 1UL << 39;

    /// <summary>How many images are drawn for a source.</summary>
    /// <param name="source">The source.</param>
    public static int ImagesOf(IImageSource source) => source.Classes * SamplesPerClass;

    /// <summary>Measures a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="source">Held-out images that fit it.</param>
    /// <param name="sampling">How images are drawn.</param>
    /// <param name="report">Is told how many images are drawn, shares of those in hand included, and of how many.</param>
    /// <param name="cancel">Stops the measuring.</param>
    /// <exception cref="DataException">The source has too few images.</exception>
    public static HeldOutResult Of(PixelDiTModel model, IImageSource source, SamplingConfig sampling, Action<double, int>? report = null, CancellationToken cancel = default)
    {
        const int needed = ReferenceImages + LossImages;
        if (source.Count < needed) throw new DataException($"{source.Name}: has {source.Count} held-out images; {needed} are needed to measure with");
        var measure = ClassAgreement.Fit(source, 0, ReferenceImages);
        var (real, realLabels) = Read(source, ReferenceImages, RealImages);
        double loss = Loss(model, source, ReferenceImages, LossImages, Batch, timeShift: 1, cancel);
        int[] labels = [.. Enumerable.Range(0, ImagesOf(source)).Select(i => i / SamplesPerClass)];
        float[] images = new ClassSampler(model, sampling).Sample(
            labels, source.Height, source.Width, Seed, SamplesPerClass, (first, step, _) => report?.Invoke(first + (SamplesPerClass * (double)step / sampling.Steps), labels.Length), cancel);
        return new HeldOutResult(
            loss, measure.NearestAgreement(images, labels), measure.NearestAgreement(real, realLabels), measure.SpreadWithinClasses(images, labels, real, realLabels), labels.Length);
    }

    /// <summary>
    /// The mean of (v_θ − v)² over images of a source, each at one time and with one noise that neither a run's seed nor its step changes, and none without its class. So two evaluations differ by the weights alone.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="source">Images that fit it.</param>
    /// <param name="first">The first image.</param>
    /// <param name="count">How many follow it.</param>
    /// <param name="atATime">Images of a forward; the noise depends on it.</param>
    /// <param name="timeShift">s of the time shift.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static double Loss(PixelDiTModel model, IImageSource source, long first, long count, int atATime, double timeShift, CancellationToken cancel = default)
    {
        var device = model.Device;
        double sum = 0;
        using var loss = device.Allocate([1]);
        for (long at = first; at < first + count; at += atATime)
        {
            cancel.ThrowIfCancellationRequested();
            int batch = (int)Math.Min(atATime, first + count - at);
            var (images, labels) = Read(source, at, batch);
            float[] times = [.. Enumerable.Range(0, batch).Select(b => FlowTime.LogitNormal(TimeDraw(at + b), (float)timeShift))];
            Shape shape = [batch, source.Channels, source.Height, source.Width];
            using Tensor x = device.Upload(images, shape), noise = device.Allocate(shape), xt = device.Allocate(shape), target = device.Allocate(shape);
            using Tensor t = device.Upload(times, [batch]), y = device.Upload(labels, [batch]);
            Noise.Fill(noise, 0, Stream + 1 + (ulong)at);
            FlowPath.Forward(x, noise, t, xt, target);
            using var tape = new Tape(device, recording: false);
            MeanSquaredError.Forward(model.Forward(tape, tape.Input(xt), t, y).Value, target, loss);
            sum += (double)batch * loss.ToArray()[0];
        }
        return sum / count;
    }

    /// <summary>The normal draw behind the time of a held-out image.</summary>
    internal static float TimeDraw(long image) => Philox.Normal(0, Stream, (ulong)image);

    /// <summary>Images of a source, one after the other, and their labels.</summary>
    internal static (float[] Images, int[] Labels) Read(IImageSource source, long first, int count)
    {
        int size = source.Channels * source.Height * source.Width;
        var images = new float[count * size];
        var labels = new int[count];
        for (int i = 0; i < count; i++) labels[i] = source.Read(first + i, images.AsSpan(i * size, size));
        return (images, labels);
    }
}

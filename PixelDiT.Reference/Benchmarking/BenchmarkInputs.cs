using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>Random inputs of a model, with times spread evenly and one class after the other, and the training step on them.</summary>
internal sealed class BenchmarkInputs : IDisposable
{
    /// <summary>Draws them.</summary>
    /// <param name="config">The model.</param>
    /// <param name="device">Where.</param>
    /// <param name="images">B.</param>
    /// <param name="size">The size of the images.</param>
    public BenchmarkInputs(ModelConfig config, Device device, int images, ImageSize size)
    {
        Shape shape = [images, config.Channels, size.Height, size.Width];
        (X, Noise) = (device.Allocate(shape), device.Allocate(shape));
        Kernels.Operations.Noise.Fill(X, 2, 0);
        Kernels.Operations.Noise.Fill(Noise, 2, 1);
        float[] shares = [.. Enumerable.Range(0, images).Select(b => (b + 0.5f) / images)];
        Times = device.Upload(Array.ConvertAll(shares, share => config.IsText ? 1000 * share : share), [images]);
        Levels = device.Upload([.. shares.Select(share => 1 - share), .. shares, .. shares.Select(share => 1000 * share)], [TextTrainingStep.LevelRows, images]);
        Condition = config.IsText ? device.Allocate([images, config.TextTokens, config.TextWidth]) : device.Upload([.. Enumerable.Range(0, images).Select(b => b % config.Classes)], [images]);
        if (config.IsText) Kernels.Operations.Noise.Fill(Condition, 2, 2);
        Figures = new Readback(device, TrainingStep.Figures);
    }

    /// <summary>[B, C, H, W].</summary>
    public Tensor X { get; }

    /// <summary>[B, C, H, W]; also what a forward is compared with.</summary>
    public Tensor Noise { get; }

    /// <summary>The model's time of each image, [B].</summary>
    public Tensor Times { get; }

    /// <summary>α, σ and the time of each image, as a text model's step takes them.</summary>
    public Tensor Levels { get; }

    /// <summary>Labels [B], or the states of captions [B, n, width].</summary>
    public Tensor Condition { get; }

    /// <summary>Where a step puts its figures.</summary>
    public Readback Figures { get; }

    /// <summary>A whole training step.</summary>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">Its optimiser.</param>
    /// <param name="gradients">Where gradients of parts or ranks are summed, or null.</param>
    public void Step(PixelTransformer model, IOptimizer optimizer, GradientSum? gradients = null)
    {
        if (model is TextToImageModel text) new TextTrainingStep(text, optimizer, gradients).Queue(X, Noise, Levels, Condition, Figures);
        else new TrainingStep((PixelDiTModel)model, optimizer, gradients).Queue(X, Noise, Times, Condition, Figures);
    }

    /// <summary>Frees them.</summary>
    public void Dispose()
    {
        X.Dispose();
        Noise.Dispose();
        Times.Dispose();
        Levels.Dispose();
        Condition.Dispose();
        Figures.Dispose();
    }
}

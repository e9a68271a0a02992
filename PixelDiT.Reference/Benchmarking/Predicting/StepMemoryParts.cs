using System.Globalization;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Benchmarking.Predicting;

/// <summary>
/// What a training step takes of a card's memory, by part. What belongs to parameters follows from their number; what an image takes, from dry runs of models that are as wide and one or two blocks deep, because it is linear
/// in blocks and images.
/// </summary>
/// <param name="Parameters">Weights, gradients, two moments and an average: 20 bytes for each number, and in bf16 two more for a copy.</param>
/// <param name="PatchBlocks">Activations that the patch blocks keep for an image until the backward.</param>
/// <param name="PixelBlocks">The same of the pixel blocks.</param>
/// <param name="Rest">What else an image takes: embeddings, the largest block's temporary tensors, the loss.</param>
internal sealed record StepMemoryParts(double Parameters, double PatchBlocks, double PixelBlocks, double Rest)
{
    /// <summary>Bytes that an image takes.</summary>
    public double Image => PatchBlocks + PixelBlocks + Rest;

    /// <summary>Bytes of a step.</summary>
    /// <param name="batch">Images.</param>
    public double Of(int batch) => Parameters + (batch * Image);

    /// <summary>The parts of a model's step.</summary>
    /// <param name="config">The model.</param>
    /// <param name="resolution">The side of an image, in pixels.</param>
    /// <param name="precision">What products round to, and how activations are stored.</param>
    public static StepMemoryParts For(ModelConfig config, int resolution, Precision precision)
    {
        double one = Image(1, 1), patch = Image(2, 1) - one, pixel = Image(1, 2) - one;
        return new(
            ModelCost.Parameters(config) * (precision == Precision.BFloat16 ? 22.0 : 20.0), config.PatchDepth * patch, config.PixelDepth * pixel, one - patch - pixel);

        // An image more: what does not depend on their number is on both sides.
        double Image(int patchDepth, int pixelDepth)
        {
            var sizes = config with { PatchDepth = patchDepth, PixelDepth = pixelDepth };
            return (Bytes(sizes, 6) - Bytes(sizes, 2)) / 4.0;
        }

        // Images that wait on the host are no memory of a card.
        long Bytes(ModelConfig sizes, int batch) => StepMemory.OfTraining(sizes, new TrainingConfig { Batch = batch, Size = resolution, Precision = precision }, resolution, resolution, asCard: true)
            - (3L * batch * ((sizes.Channels * resolution * resolution) + (sizes.IsText ? sizes.TextTokens * sizes.TextWidth : 0)) * sizeof(float));
    }

    /// <summary>A line of docs/predictions.md.</summary>
    /// <param name="name">The model and its size.</param>
    /// <param name="batch">Images.</param>
    public string Line(string name, int batch) => string.Create(CultureInfo.InvariantCulture,
        $"| {name} | {batch} | {Parameters / 1e9:0.0} | {batch * PatchBlocks / 1e9:0.0} | {batch * PixelBlocks / 1e9:0.0} | {batch * Rest / 1e9:0.0} | {Of(batch) / 1e9:0.0} |");
}

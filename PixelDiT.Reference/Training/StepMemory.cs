using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training.Alignment;

namespace PixelDiT.Reference.Training;

/// <summary>
/// What work will take of a device's memory, counted by a dry run: the very code allocates what it allocates, and computes nothing. So a batch that cannot fit is refused before
/// the first step, and not ended by the system in the middle.
/// </summary>
internal static class StepMemory
{
    // The batch in hand and those that are read ahead, in float32 on the host; the tensor they go to is counted in the run.
    private const int HostBatches = 3;

    /// <summary>The bytes of a training run: parameters, gradients, moments, average, activations of a step, and the batches that wait on the host.</summary>
    /// <param name="sizes">The model.</param>
    /// <param name="config">The settings; batch and precision matter.</param>
    /// <param name="height">H, a multiple of the patch.</param>
    /// <param name="width">W, a multiple of the patch.</param>
    /// <param name="teacher">A teacher of the alignment; null for none.</param>
    /// <param name="asCard">Whether it runs on a card with tensor cores, whose fused forms keep less.</param>
    /// <exception cref="ConfigurationException">The sizes do not fit each other.</exception>
    /// <exception cref="ShapeException">The image does not divide.</exception>
    /// <exception cref="DeviceMemoryException">It is more than can even be asked for.</exception>
    public static long OfTraining(ModelConfig sizes, TrainingConfig config, int height, int width, ITeacher? teacher = null, bool asCard = false) => OfRun(sizes, config, height, width, teacher, null, asCard).Training;

    /// <summary>The sheet of pictures that a run draws, beside what it trains with.</summary>
    /// <param name="Sampling">How.</param>
    /// <param name="Pictures">How many.</param>
    /// <param name="AtATime">How many at a time.</param>
    /// <param name="Height">H.</param>
    /// <param name="Width">W.</param>
    internal sealed record Sheet(SamplingConfig Sampling, int Pictures, int AtATime, int Height, int Width);

    /// <summary>The bytes of a training run as <see cref="OfTraining"/> counts them, and those that it takes while it draws a sheet.</summary>
    internal static (long Training, long Drawing) OfRun(ModelConfig sizes, TrainingConfig config, int height, int width, ITeacher? teacher, Sheet? sheet, bool asCard = false)
    {
        using var device = Device.OpenDry(asCard);
        using var model = PixelTransformer.Create(sizes, device, config.ProjectorOf(sizes, teacher?.Width));
        (model.Precision, model.Checkpoints) = (config.Validate().Precision, config.CheckpointActivations);
        model.RequireDivides(height, width);
        Shape images = [config.Batch, sizes.Channels, height, width];
        RequireCountable(images);
        using IOptimizer optimizer = config.CreateOptimizer(model.Parameters);
        using Tensor x = device.Allocate(images), noise = device.Allocate(images);
        using var figures = new Readback(device, TrainingStep.Figures + config.Batch);
        using var condition = sizes.IsText ? device.Allocate([config.Batch, sizes.TextTokens, sizes.TextWidth]) : device.Allocate([config.Batch], ElementType.Int32);
        using var times = device.Allocate(sizes.IsText ? [TextTrainingStep.LevelRows, config.Batch] : [config.Batch]);
        using var sum = GradientSum.Create(model.Parameters, config);
        using var frozen = FrozenParameters.Create(model.Parameters, config);
        using var alignment = config.Alignment is null ? null : new TokenAlignment(device, sizes.IsText, config.Alignment.Weight);
        int students = height / sizes.Patch * (width / sizes.Patch), teachers = teacher?.TokensOf(height, width) ?? 0;
        using var tokens = alignment is null || TokenAlignment.ProblemOf(students, teachers, sizes.IsText) is not null ? null : device.Allocate([config.Batch, teachers, teacher!.Width]);
        // The second step has the packed weights of the first.
        for (int i = 0; i < 2; i++)
        {
            if (model is TextToImageModel text) new TextTrainingStep(text, optimizer, sum, frozen, alignment).Queue(x, noise, times, condition, figures, teacher: tokens);
            else new TrainingStep((PixelDiTModel)model, optimizer, sum, frozen, alignment).Queue(x, noise, times, condition, figures, teacher: tokens);
        }
        long host = (HostBatches * images.Count * sizeof(float)) + (teacher?.BytesOf(config.Batch, height, width) ?? 0), training = device.Arena.PeakBytes + host;
        if (sheet is null) return (training, 0);
        device.Arena.ResetPeak();
        using var averaged = PixelTransformer.Create(sizes, device);
        averaged.Precision = model.Precision;
        long drawn = Sample(device, averaged, sheet.Sampling, sheet.AtATime, sheet.Height, sheet.Width, batchedGuidance: false);
        // The numbers of all pictures and of those in hand, and as bytes, enlarged or not.
        long pixels = (long)sheet.Pictures * sizes.Channels * sheet.Height * sheet.Width;
        return (training, device.Arena.PeakBytes + host + drawn + (pixels * 2 * sizeof(float)));
    }

    /// <summary>The bytes of sampling: parameters, activations of a pass, the sampler's state, a text model's states of the batch, and the images on the host.</summary>
    /// <param name="sizes">The model.</param>
    /// <param name="precision">What products round to.</param>
    /// <param name="sampling">The sampler's settings.</param>
    /// <param name="batch">Images at a time.</param>
    /// <param name="height">H, a multiple of the patch.</param>
    /// <param name="width">W, a multiple of the patch.</param>
    /// <param name="batchedGuidance">Whether a text model evaluates both sides of guidance in one pass.</param>
    /// <inheritdoc cref="OfTraining" path="/exception"/>
    public static long OfSampling(ModelConfig sizes, Precision precision, SamplingConfig sampling, int batch, int height, int width, bool batchedGuidance = false)
    {
        using var device = Device.OpenDry();
        using var model = PixelTransformer.Create(sizes, device);
        model.Precision = precision;
        long host = Sample(device, model, sampling, batch, height, width, batchedGuidance);
        return device.Arena.PeakBytes + host;
    }

    /// <summary>Samples a batch on a dry device.</summary>
    /// <returns>The bytes that it takes on the host beside.</returns>
    private static long Sample(Device device, PixelTransformer model, SamplingConfig sampling, int batch, int height, int width, bool batchedGuidance)
    {
        var sizes = model.Config;
        model.RequireDivides(height, width);
        Shape images = [batch, sizes.Channels, height, width];
        RequireCountable(images);
        using var x = device.Allocate(images);
        // Samplers keep a velocity from one step to the next, so the second step is the fullest.
        var few = sampling with { Steps = Math.Min(sampling.Steps, 3) };
        long host = 2 * images.Count;
        if (model is TextToImageModel text)
        {
            Shape states = [batch, sizes.TextTokens, sizes.TextWidth];
            RequireCountable(states);
            host += 2 * states.Count;
            using var prompts = device.Allocate(states);
            using var negatives = sampling.Guidance == 1 ? null : device.Allocate(states);
            // Of so few steps none may lie in a narrow interval of guidance.
            new TextSampler(text, few with { Interval = (0, 1) }) { BatchedGuidance = batchedGuidance }.Run(x, prompts, negatives);
        }
        else
        {
            new ClassSampler((PixelDiTModel)model, few).Run(x, new int[batch]);
        }
        return host * sizeof(float);
    }

    /// <summary>Checks that a training step fits into what is free.</summary>
    /// <exception cref="DeviceMemoryException">It does not; the message says what it takes and what is free.</exception>
    /// <param name="device">Where.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="config">The settings.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="encoder">Bytes of a text encoder that is kept beside the model.</param>
    /// <param name="teacher">A teacher of the alignment; null for none.</param>
    /// <param name="sheet">The pictures that are drawn beside the training; null for none.</param>
    /// <param name="ranks">How many processes share a batch.</param>
    internal static void RequireTraining(Device device, ModelConfig sizes, TrainingConfig config, int height, int width, long encoder = 0, ITeacher? teacher = null, Sheet? sheet = null, int ranks = 1)
    {
        bool hasEncoder = encoder > 0;
        // A rank has its share of the images, and besides what it receives of gradients, and its part of their sum.
        if (ranks > 1) config = config with { Batch = config.Batch / ranks, Accumulate = Math.Max(1, config.Accumulate / ranks) };
        if (ranks > 1) encoder += ModelCost.Parameters(sizes) * sizeof(float);
        // Of two moments and an average it keeps its part.
        if (ranks > 1 && config.ShardOptimizer) encoder -= 3 * ModelCost.Parameters(sizes) * sizeof(float) * (ranks - 1) / ranks;
        (long Training, long Drawing)? counted = null;
        long Count(bool drawing)
        {
            counted ??= OfRun(sizes, config, height, width, teacher, sheet);
            return (drawing ? counted.Value.Drawing : counted.Value.Training) + encoder;
        }
        string beside = hasEncoder ? " beside a text encoder" : "";
        Require(device, () => Count(drawing: false), $"training with {config.Batch} images of {height}×{width} a step{beside}");
        if (sheet is not null) Require(device, () => Count(drawing: true), $"drawing {sheet.AtATime} of the sheet's pictures at a time{beside}, which --sample-steps 0 leaves out,");
    }

    /// <summary>Checks that the images of a batch can be sampled in what is free, the model included, which is not there yet.</summary>
    /// <exception cref="DeviceMemoryException">They cannot.</exception>
    /// <param name="device">Where.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="precision">What products round to.</param>
    /// <param name="sampling">The sampler's settings.</param>
    /// <param name="batch">Images at a time.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="batchedGuidance">Whether a text model evaluates both sides of guidance in one pass.</param>
    /// <param name="texts">Texts of a text model whose states are kept on the host.</param>
    public static void RequireSampling(Device device, ModelConfig sizes, Precision precision, SamplingConfig sampling, int batch, int height, int width, bool batchedGuidance = false, long texts = 0)
        => Require(
            device, () => OfSampling(sizes, precision, sampling, batch, height, width, batchedGuidance) + (texts * sizes.TextTokens * sizes.TextWidth * sizeof(float)),
            $"sampling {batch} images of {height}×{width} at a time{(texts > 0 ? $", with the states of {texts} texts," : "")}");

    /// <summary>Checks that a pass of a model that is not there yet fits into what is free.</summary>
    /// <exception cref="DeviceMemoryException">It does not.</exception>
    /// <param name="device">Where.</param>
    /// <param name="sizes">The model's sizes.</param>
    /// <param name="precision">Of its products and activations.</param>
    /// <param name="batch">B.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    public static void RequireForward(Device device, ModelConfig sizes, Precision precision, int batch, int height, int width)
        => Require(device, () => OfSampling(sizes, precision, new SamplingConfig { Sampler = Sampler.Euler, Steps = 1, Guidance = 1 }, batch, height, width), $"a pass of {batch} images of {height}×{width}");

    private static void Require(Device device, Func<long> count, string work)
    {
        // A card counts its own memory, and says itself when it is full; what else its kernels keep, a dry run of a CPU does not know.
        if (device.Kind == DeviceKind.Cuda) return;
        long bytes, free = device.FreeMemory;
        try
        {
            bytes = count();
        }
        catch (DeviceMemoryException error) when (error.InnerException is not null)
        {
            throw new DeviceMemoryException($"{work} takes more memory than the system would promise to any program; {Mebibytes(free):N0} MiB of the machine's are free", error);
        }
        if (bytes > free) throw new DeviceMemoryException($"{work} takes {Mebibytes(bytes):N0} MiB; {Mebibytes(free):N0} MiB of the machine's memory are free");
    }

    private static void RequireCountable(Shape batch)
    {
        string what = batch.Rank == 4 ? $"images of {batch[2]}×{batch[3]}" : $"texts of {batch[1]} states";
        if (batch.Count > Array.MaxLength) throw new DeviceMemoryException($"{batch[0]} {what} are {batch.Count} numbers; at most {Array.MaxLength} fit into one array");
    }

    private static long Mebibytes(long bytes) => (bytes + (1 << 20) - 1) >> 20;
}

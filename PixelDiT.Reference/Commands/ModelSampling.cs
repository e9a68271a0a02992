using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary>What the verbs that draw images have in common.</summary>
internal static class ModelSampling
{
    /// <summary>The most images at a time that may be asked for, and how many there usually are.</summary>
    public const int LargestBatch = 65536, UsualBatch = 32;

    // As many images of text models as have the pixels of one of 1024².
    private const long UsualPixels = 1 << 20;

    /// <summary>Images at a time.</summary>
    public static Option<int> Batch() => new("--batch") { Description = $"Images at a time; they do not depend on it. [default: {UsualBatch}, of text models at most as many as have 1024² pixels together]", HelpName = "N" };

    /// <summary>Images at a time where nothing is said.</summary>
    public static int UsualBatchOf(SamplePlan plan) => plan is TextPlan ? (int)Math.Clamp(UsualPixels / plan.Sizes.Max(size => size.Area), 1, UsualBatch) : UsualBatch;

    /// <summary>Checks the fullest batch: of the size whose images have the most pixels together.</summary>
    /// <exception cref="DeviceMemoryException">It would not fit into memory.</exception>
    public static void RequireMemory(Device device, ModelConfig sizes, SamplePlan plan, int batch, bool isOnePass)
    {
        var (size, images) = plan.Sizes.Count == 1 ? (plan.Sizes[0], Math.Min(batch, plan.Count))
            : plan.Batches(0, batch).Select(images => (Size: plan.SizeOf(images[0]), Images: images.LongLength)).MaxBy(entry => entry.Size.Area * entry.Images);
        StepMemory.RequireSampling(device, sizes, plan.Precision, plan.Sampling, (int)images, size.Height, size.Width, isOnePass, plan is TextPlan texts ? TextStates.TextsOf(texts).Count : 0);
    }

    /// <summary>Encodes a plan's texts under a display.</summary>
    public static TextStates Encode(TextPlan plan, ITextEncoder encoder, ModelConfig model, CancellationToken cancel)
        => ProgressDisplay.Show("encoding", 1, show =>
        {
            var states = TextStates.Encode(plan, encoder, model, (done, what) => show(done, what), cancel);
            show(1, $"{Counted.Of(TextStates.TextsOf(plan).Count, "text")} encoded");
            return states;
        });

    /// <summary>Images at a time, where that is said.</summary>
    /// <exception cref="ConfigurationException">The number is out of range.</exception>
    public static int? BatchOf(ParseResult parsed, Option<int> batch)
    {
        if (!Cli.IsGiven(parsed, batch)) return null;
        return parsed.GetValue(batch) is >= 1 and <= LargestBatch and var given ? given : throw new ConfigurationException($"batch is {parsed.GetValue(batch)}; it must be from 1 to {LargestBatch}");
    }
}

using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Benchmarking.Predicting;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Benchmarking.Predicting;

/// <summary>What an image takes of memory by arithmetic is what the interpreted card's allocator hands out.</summary>
internal sealed class StepMemoryPartsTests
{
    private static readonly ModelConfig s_sizes = new() { Hidden = 64, Heads = 4, Patch = 4, PatchDepth = 1, PixelDepth = 1, PixelHidden = 8, Classes = 9 };

    /// <summary>Small tensors have places of their own, and partial sums of slices differ a little: 5 %.</summary>
    [Test]
    public void An_image_takes_what_was_counted()
    {
        if (!TestedDevices.OnCard) Assert.Ignore("runs on the interpreted card, by KernelsOnCardTests");
        const int side = 16;
        double counted = StepMemoryParts.For(s_sizes, side, Precision.BFloat16).Image, taken = (Peak(6) - Peak(2)) / 4.0;
        TestContext.Out.WriteLine($"{counted / 1024:0.0} KiB counted, {taken / 1024:0.0} KiB taken");
        Assert.That(taken / counted, Is.EqualTo(1).Within(0.05));

        long Peak(int batch)
        {
            using var device = Device.Open("cuda");
            using var model = new PixelDiTModel(s_sizes, device) { Precision = Precision.BFloat16 };
            Initialization.Draw(model, 0);
            using var trainer = new ClassTrainer(model, new Shapes(side), new TrainingConfig { Batch = batch, Size = side, Steps = 2, Precision = Precision.BFloat16 });
            trainer.Run(_ => { });
            return device.Arena.PeakBytes;
        }
    }
}

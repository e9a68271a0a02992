using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Docs;

/// <summary>The lines of the README for a program that uses the library.</summary>
public sealed class LibraryBlockTests
{
    private static void TrainAndDraw(string folder, int steps)
    {
        using var device = Device.Open("cpu");
        var settings = new TrainingConfig { Steps = steps, Size = 32, Batch = 16, TimeShift = 2, Optimizer = new() { LearningRate = 3e-3, EmaDecay = 0.99 } };
        using var run = TrainingRun.Create(folder, device, new ClassData(new Shapes(32)), Presets.Get("micro") with { Classes = 9 }, settings, ExistingRun.Refuse);
        run.Run(checkpointEvery: 0, step => Console.WriteLine($"{step.Step} {step.Loss:F4}"));
        using var model = (PixelDiTModel)run.Averaged();
        var plan = new ClassPlan { Size = 32, Classes = [0, 4, 8], PerRow = 4, Sampling = new() { Steps = 10, Guidance = 1.5, TimeShift = 2 }, Weights = WeightHash.Of(model) };
        new SampleRun(model, plan, SampleFolder.Open(Path.Combine(folder, "drawn"), plan, overwrite: false)).Draw();
    }

    [Test]
    public void The_lines_train_and_draw()
    {
        using var folder = new TemporaryFolder();
        TrainAndDraw(Path.Combine(folder.Path, "run"), 2);
        Assert.That(Directory.GetFiles(Path.Combine(folder.Path, "run", "drawn")).Select(Path.GetFileName), Is.EquivalentTo((string[])["samples.json", "samples.png", "trajectory.png"]));
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Training;

/// <summary>A dry run counts what the run itself takes.</summary>
public sealed class StepMemoryTests
{
    private static readonly ModelConfig s_sizes = new() { Hidden = 64, Heads = 4, Patch = 4, PatchDepth = 3, PixelDepth = 2, PixelHidden = 8, Classes = 9 };

    [TestCase(1, 16, Precision.Single)]
    [TestCase(7, 32, Precision.Single)]
    [TestCase(5, 32, Precision.BFloat16)]
    public void Training_takes_what_was_counted(int batch, int resolution, Precision precision)
    {
        var config = new TrainingConfig { Batch = batch, Size = resolution, Steps = 3, Precision = precision };
        using var device = Device.Open("cpu", 2);
        using var model = new PixelDiTModel(s_sizes, device) { Precision = precision };
        Initialization.Draw(model, 0);
        using var trainer = new ClassTrainer(model, new Shapes(resolution), config);
        trainer.Run(_ => { });
        long images = 3L * batch * 3 * resolution * resolution * sizeof(float);
        Assert.That((StepMemory.OfTraining(s_sizes, config, resolution, resolution) - images) / (double)device.Arena.PeakBytes, Is.EqualTo(1).Within(0.005), "small tensors have places of their own");
    }

    [Test]
    public void Training_without_parts_of_the_pixel_level_takes_what_was_counted([Values(PixelLevelKind.PatchAdaLN, PixelLevelKind.NoCompaction, PixelLevelKind.None)] PixelLevelKind kind, [Values(Precision.Single, Precision.BFloat16)] Precision precision)
    {
        const int batch = 5, side = 16;
        var config = new TrainingConfig { Batch = batch, Size = side, Steps = 3, Precision = precision };
        using var device = Device.Open("cpu", 2);
        using var model = new PixelDiTModel(s_sizes.With(kind), device) { Precision = precision };
        Initialization.Draw(model, 0);
        using var trainer = new ClassTrainer(model, new Shapes(side), config);
        trainer.Run(_ => { });
        long images = 3L * batch * 3 * side * side * sizeof(float);
        Assert.That((StepMemory.OfTraining(s_sizes.With(kind), config, side, side) - images) / (double)device.Arena.PeakBytes, Is.EqualTo(1).Within(0.005));
    }

    [Test]
    public void XL_without_compaction_does_not_fit()
    {
        using var device = Device.Open("cpu", 1);
        Assert.That(() => StepMemory.RequireTraining(device, Presets.Get("XL").With(PixelLevelKind.NoCompaction), new TrainingConfig { Batch = 64 }, 256, 256), Throws.TypeOf<DeviceMemoryException>().With.Message.Contains("256×256"));
    }

    [TestCase("flow-dpm"), TestCase("heun"), TestCase("heun-exact"), TestCase("euler")]
    public void Sampling_takes_what_was_counted(string sampler)
    {
        const int batch = 6, side = 32;
        var sampling = new SamplingConfig { Sampler = Sampler.Parse(sampler), Steps = 5, Guidance = 2 };
        using var device = Device.Open("cpu", 1);
        using var model = new PixelDiTModel(s_sizes, device);
        Initialization.Draw(model, 0);
        new ClassSampler(model, sampling).Sample([.. Enumerable.Range(0, batch)], [.. Enumerable.Range(0, batch).Select(k => (ulong)k)], side, side);
        long images = 2L * batch * 3 * side * side * sizeof(float);
        Assert.That((StepMemory.OfSampling(s_sizes, Precision.Single, sampling, batch, side, side) - images) / (double)device.Arena.PeakBytes, Is.EqualTo(1).Within(0.005));
    }

    [TestCase("dpm-solver++", false, 2.5), TestCase("dpm-solver++", true, 2.5), TestCase("euler", false, 1), TestCase("heun", true, 2.5)]
    public void Sampling_of_texts_takes_what_was_counted(string sampler, bool onePass, double guidance)
    {
        const int batch = 6, side = 32;
        var sizes = Presets.Get("micro-text");
        var sampling = new SamplingConfig { Sampler = Sampler.Parse(sampler), Steps = 5, Guidance = guidance };
        using var device = Device.Open("cpu", 1);
        using var model = new TextToImageModel(sizes, device);
        Initialization.Draw(model, 0);
        float[] states = new float[sizes.TextTokens * sizes.TextWidth];
        new TextSampler(model, sampling) { BatchedGuidance = onePass }.Sample([.. Enumerable.Repeat(states, batch)], guidance == 1 ? null : states, new ulong[batch], side, side);
        long host = 2L * batch * ((3 * side * side) + states.Length) * sizeof(float);
        Assert.That((StepMemory.OfSampling(sizes, Precision.Single, sampling, batch, side, side, onePass) - host) / (double)device.Arena.PeakBytes, Is.EqualTo(1).Within(0.005));
    }

    [Test]
    public void Counting_takes_hardly_any_memory_itself()
    {
        long before = Environment.WorkingSet, counted = StepMemory.OfTraining(Presets.Get("XL"), new TrainingConfig { Batch = 64 }, 256, 256);
        Assert.That(counted, Is.GreaterThan(60L << 30), "more than the machine has, as like as not");
        Assert.That(Environment.WorkingSet - before, Is.LessThan(1L << 30));
    }

    [Test]
    public void A_batch_that_cannot_fit_is_refused_before_anything_is_made()
    {
        string folder = Path.Combine(Path.GetTempPath(), $"pixeldit-{Guid.NewGuid():N}");
        using var device = Device.Open("cpu", 1);
        var error = Assert.Throws<DeviceMemoryException>(() => TrainingRun.Create(folder, device, new ClassData(new Shapes(256)), Presets.Get("B") with { Classes = 9 }, new TrainingConfig { Batch = 4096, Size = 256 }, ExistingRun.Refuse));
        Assert.That(error!.Message, Does.StartWith("training with 4096 images of 256×256 a step takes ").And.Contain("free"));
        Assert.That(Directory.Exists(folder), Is.False);
        Assert.That(device.Arena.BytesInUse, Is.Zero);
    }
}

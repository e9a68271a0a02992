using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>A trainer in the hands of a program: step by step, its averaged weights, its file.</summary>
public sealed class TrainerTests
{
    private static readonly TrainingConfig s_config = new() { Batch = 4, Steps = 5, Seed = 3, Optimizer = new() { LearningRate = 1e-2, EmaDecay = 0.5 } };

    private TemporaryFolder _folder = null!;
    private Device _device = null!;
    private PixelDiTModel _model = null!;
    private ClassTrainer _trainer = null!;

    [SetUp]
    public void Make()
    {
        _folder = new TemporaryFolder();
        _device = Device.Open("cpu", threads: 1);
        (_model, _trainer) = New();
    }

    [TearDown]
    public void Remove()
    {
        _trainer.Dispose();
        _model.Dispose();
        Assert.That(_device.Arena.BytesInUse, Is.Zero, "all device memory is back");
        _device.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void Steps_one_by_one_are_those_of_a_run()
    {
        var losses = new List<float>();
        var (other, run) = New();
        run.Run(step => losses.Add(step.Loss));
        var steps = Enumerable.Range(0, 5).Select(_ => _trainer.Step()).ToList();
        Assert.That(steps.Select(step => step.Loss), Is.EqualTo(losses));
        Assert.That(steps.Select(step => step.Step), Is.EqualTo((long[])[1, 2, 3, 4, 5]));
        Assert.That(_model.Parameters.Values!.ToArray(), Is.EqualTo(other.Parameters.Values!.ToArray()));
        run.Dispose();
        other.Dispose();
    }

    [Test]
    public void A_run_goes_on_behind_steps_and_steps_behind_a_run()
    {
        var (other, whole) = New();
        whole.Run(_ => { });
        _trainer.Step();
        using var stop = new CancellationTokenSource();
        _trainer.Run(step =>
        {
            if (step.Step == 3) stop.Cancel();
        }, stop.Token);
        _trainer.Step();
        _trainer.Step();
        Assert.That(_model.Parameters.Values!.ToArray(), Is.EqualTo(other.Parameters.Values!.ToArray()));
        whole.Dispose();
        other.Dispose();
    }

    [Test]
    public void No_step_follows_the_last()
    {
        for (int i = 0; i < 5; i++) _trainer.Step();
        Assert.That(() => _trainer.Step(), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo("steps is 5, and all of them are taken; a larger number was expected"));
    }

    [Test]
    public void The_averaged_model_has_the_average_and_training_goes_on_beside_it()
    {
        _trainer.Step();
        _trainer.Step();
        using var averaged = _trainer.Averaged();
        float[] average = _trainer.Optimizer.Average!.ToArray();
        Assert.That(averaged.Parameters.Values!.ToArray(), Is.EqualTo(average).And.Not.EqualTo(_model.Parameters.Values!.ToArray()));
        _trainer.Step();
        Assert.That(averaged.Parameters.Values!.ToArray(), Is.EqualTo(average));
    }

    [Test]
    public void What_is_saved_is_loaded_saved_again_and_the_same()
    {
        string first = Path.Combine(_folder.Path, "a", "model.safetensors"), second = Path.Combine(_folder.Path, "again.safetensors"), third = Path.Combine(_folder.Path, "bare.safetensors");
        Directory.CreateDirectory(Path.GetDirectoryName(first)!);
        _trainer.Step();
        string hash = _trainer.Save(first);
        using var averaged = _trainer.Averaged();
        using var loaded = Checkpoint.LoadModel(first, _device);
        Assert.That(loaded.Model.Parameters.Values!.ToArray(), Is.EqualTo(averaged.Parameters.Values!.ToArray()));
        Assert.That((loaded.Info.Step, loaded.Info.Size!.Value.Width, loaded.Info.ClassNames[8]), Is.EqualTo((1, 16, "blue triangle")));
        Assert.That(loaded.Save(second), Is.EqualTo(hash));
        Assert.That(File.ReadAllBytes(second), Is.EqualTo(File.ReadAllBytes(first)));
        Checkpoint.SaveModel(third, averaged);
        using var bare = StoredModel.Open(third);
        Assert.That((bare.Info.Config, bare.Info.ClassNames.Count), Is.EqualTo((_model.Config, 0)));
    }

    private (PixelDiTModel Model, ClassTrainer Trainer) New()
    {
        var model = new PixelDiTModel(SmallRun.Classes, _device);
        Initialization.Draw(model, seed: 1);
        return (model, new ClassTrainer(model, new Shapes(16), s_config));
    }
}

using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Checkpoints;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>Checkpoints that are written beside training.</summary>
internal sealed class BackgroundSavingTests
{
    private TemporaryFolder _folder = null!;
    private Device _device = null!;
    private Tensor _values = null!;

    [SetUp]
    public void MakeFolder()
    {
        (_folder, _device) = (new TemporaryFolder(), Device.Open("cpu", 1));
        _values = _device.Upload([1f, 2f, 3f, 4f], [4]);
    }

    [TearDown]
    public void RemoveFolder()
    {
        _values.Dispose();
        _device.Dispose();
        _folder.Dispose();
    }

    private string At(string file) => Path.Combine(_folder.Path, file);

    // Two tensors of one memory: the state has it, and the model too.
    private CheckpointContent Content(string step) => new([(new TensorSpec("x", DataType.F32, [4]), _values)], new Dictionary<string, string> { ["step"] = step });

    [Test]
    public void What_is_written_is_what_was_there_when_it_began()
    {
        using var reached = new ManualResetEventSlim();
        using var gone = new ManualResetEventSlim();
        var store = new CheckpointStore(_folder.Path, new CheckpointPolicy { Instant = _ => { reached.Set(); gone.Wait(); } });
        using var saving = new BackgroundSaving(store, () => long.MaxValue);
        Assert.That(saving.Begin(7, Content("7"), Content("7")), Is.Null);
        reached.Wait();
        Assert.That(saving.Finished(), Is.Null, "it is being written");
        Combine.Forward(10, _values, 0, _values, _values);
        gone.Set();
        Assert.That(saving.Wait(), Is.EqualTo(7));
        foreach (string file in (string[])[Checkpoint.StateFile, Checkpoint.ModelFile])
        {
            using var written = SafetensorsReader.Open(At(file));
            Assert.That(written.ReadSingles("x"), Is.EqualTo((float[])[1, 2, 3, 4]), file);
        }
        Assert.That(TensorSnapshot.BytesOf(Content("7"), Content("7")), Is.EqualTo(16), "one copy for both files");
    }

    [Test]
    public void The_next_waits_for_the_one_before()
    {
        var instants = new List<string>();
        var store = new CheckpointStore(_folder.Path, new CheckpointPolicy { Instant = instant => { lock (instants) instants.Add(instant); } });
        using var saving = new BackgroundSaving(store, () => long.MaxValue);
        for (int step = 1; step <= 3; step++) Assert.That(saving.Begin(step, Content($"{step}"), Content($"{step}")), Is.Null);
        Assert.That(saving.Wait(), Is.EqualTo(3));
        Assert.That(instants.Count(instant => instant == "pruned"), Is.EqualTo(3));
        Assert.That(instants.IndexOf("pruned"), Is.LessThan(instants.FindIndex(1, instant => instant == instants[0])), "one after the other");
    }

    [Test]
    public void Without_memory_for_a_copy_training_waits_and_says_so()
    {
        using var saving = new BackgroundSaving(new CheckpointStore(_folder.Path, new CheckpointPolicy()), () => 1 << 20);
        Assert.That(saving.Begin(1, Content("1"), Content("1")), Is.EqualTo("a copy of the checkpoint takes 1 MiB and 1 MiB are free, so that training waits while it is written"));
        Assert.That(At(CheckpointMarker.FileName), Does.Exist);
        Assert.That(saving.Wait(), Is.Null);
    }

    [Test]
    public void A_failure_is_told_of_once_and_the_next_checkpoint_is_written()
    {
        Directory.CreateDirectory(At(Checkpoint.StateFile));
        using var saving = new BackgroundSaving(new CheckpointStore(_folder.Path, new CheckpointPolicy()), () => long.MaxValue);
        saving.Begin(1, Content("1"), Content("1"));
        Assert.That(() => saving.Wait(), Throws.TypeOf<FileFormatException>());
        Assert.That(saving.Step, Is.EqualTo(1));
        Directory.Delete(At(Checkpoint.StateFile));
        saving.Begin(2, Content("2"), Content("2"));
        Assert.That(saving.Wait(), Is.EqualTo(2));
    }
}

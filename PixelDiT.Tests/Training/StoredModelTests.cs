using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Training;

/// <summary>Model files are written and converted in parts, and read as they were stored, whatever the type of each tensor.</summary>
internal sealed class StoredModelTests
{
    private static readonly ModelConfig s_small = new() { Hidden = 24, Heads = 2, Patch = 2, PatchDepth = 2, PixelDepth = 1, PixelHidden = 4, Classes = 3 };

    private string _folder = "", _path = "";

    [SetUp]
    public void MakeFolder() => _path = Path.Combine(_folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName, "model.safetensors");

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private static float[] Values(StoredModel file, string name)
    {
        float[] values = new float[file.Shapes[name].Aggregate(1L, (product, size) => product * size)];
        file.ReadSingles(name, 0, values);
        return values;
    }

    [Test]
    public void A_new_model_holds_what_training_begins_with()
    {
        StoredModel.WriteNew(_path, s_small, 5, nonzero: false, DataType.F32);
        using var device = Device.Open("cpu", 1);
        var (model, info) = Checkpoint.LoadModel(_path, device);
        using var drawn = new PixelDiTModel(s_small, device);
        Initialization.Draw(drawn, 5);
        using (model)
        {
            Assert.That(info.Config, Is.EqualTo(s_small));
            foreach (var parameter in drawn.Parameters.All) Assert.That(model.Parameters[parameter.Name].Value.ToArray(), Is.EqualTo(parameter.Value.ToArray()), parameter.Name);
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Names_are_listed_in_the_order_in_which_a_model_declares_them(bool post)
    {
        using var device = Device.Open("cpu", 1);
        using var model = new PixelDiTModel(s_small with { PostModulation = post }, device);
        Assert.That(ModelCost.Shapes(model.Config).Keys, Is.EqualTo(model.Parameters.All.Select(parameter => parameter.Name)));
    }

    [Test]
    public void A_model_without_zeros_has_none_and_keeps_the_variance_of_a_layer()
    {
        StoredModel.WriteNew(_path, Presets.Get("micro"), 5, nonzero: true, DataType.F32);
        using var file = StoredModel.Open(_path);
        foreach (string name in file.Shapes.Keys)
        {
            float[] values = Values(file, name);
            Assert.That(values.Distinct().Count(), Is.GreaterThan(values.Length / 2), name);
            double mean = values.Average(), deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
            if (values.Length < 1000) continue;
            bool isTable = name.StartsWith("y_embedder", StringComparison.Ordinal);
            double expected = name.EndsWith(".bias", StringComparison.Ordinal) ? 0.5 / Math.Sqrt(3) : isTable ? 1 : 1 / Math.Sqrt(file.Shapes[name][1]);
            // Five standard errors of a deviation, at most 1/√(2n) of it.
            Assert.That(deviation, Is.EqualTo(expected).Within(5 * expected / Math.Sqrt(2.0 * values.Length)), name);
        }
    }

    [Test]
    public void Mixed_types_load_and_convert()
    {
        DataType[] types = [DataType.F64, DataType.F32, DataType.F16, DataType.BF16];
        var specs = ModelCost.Shapes(s_small).Select((entry, i) => new TensorSpec("core." + entry.Key, types[i % types.Length], entry.Value)).ToList();
        // Whole numbers below 256 are the same in every type.
        static float Number(string name, long i) => ((i * 7) + name.Length) % 256;
        SafetensorsWriter.Write(_path, specs, null, (name, first, chunk) =>
        {
            for (int i = 0; i < chunk.Length; i++) chunk[i] = Number(name, first + i);
        });
        using var device = Device.Open("cpu", 1);
        var (model, info) = Checkpoint.LoadModel(_path, device);
        using (model)
        {
            Assert.That(info.Config, Is.EqualTo(s_small));
            foreach (var parameter in model.Parameters.All)
                Assert.That(parameter.Value.ToArray(), Is.EqualTo(Enumerable.Range(0, (int)parameter.Shape.Count).Select(i => Number("core." + parameter.Name, i))), parameter.Name);
        }
        string converted = Path.Combine(_folder, "converted.safetensors");
        using (var file = StoredModel.Open(_path)) file.WriteTo(converted, DataType.BF16);
        using var read = StoredModel.Open(converted);
        foreach (string name in read.Shapes.Keys)
        {
            float[] values = Values(read, name);
            Assert.That(values, Is.EqualTo(values.Select((_, i) => Number("core." + name, i))), name);
            Assert.That(read.ReadWidened(name), Is.EqualTo(values.Select(value => (double)value)), name);
        }
    }

    [Test]
    public void Writing_and_converting_take_no_memory_that_grows_with_the_model()
    {
        var config = s_small with { Hidden = 384 };
        long before = GC.GetAllocatedBytesForCurrentThread();
        StoredModel.WriteNew(_path, config, 1, nonzero: true, DataType.F32);
        using (var file = StoredModel.Open(_path)) file.WriteTo(Path.Combine(_folder, "converted.safetensors"), DataType.F16);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(new FileInfo(_path).Length, Is.GreaterThan(16 << 20));
        Assert.That(allocated, Is.LessThan(2 << 20));
    }

    [Test]
    public void A_cancelled_write_leaves_what_was_there()
    {
        File.WriteAllText(_path, "old");
        Assert.That(() => StoredModel.WriteNew(_path, s_small, 1, false, DataType.F32, new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.GetFiles(_folder), Is.EqualTo(new[] { _path }));
        Assert.That(File.ReadAllText(_path), Is.EqualTo("old"));
    }

    [Test]
    public void A_model_too_large_to_be_built_is_not_written()
    {
        Assert.That(() => StoredModel.WriteNew(_path, s_small with { Hidden = 1 << 20, Heads = 1 }, 1, false, DataType.F32), Throws.TypeOf<ConfigurationException>().With.Message.Contains("parameters"));
        Assert.That(File.Exists(_path), Is.False);
    }
}

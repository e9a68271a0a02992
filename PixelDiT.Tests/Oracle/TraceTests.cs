using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Models.Weights;

namespace PixelDiT.Tests.Oracle;

/// <summary>Traces of the golden models against the golden tensors, through files as a port would use them.</summary>
public sealed class TraceTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string Extract(string golden)
    {
        string path = Path.Combine(_folder, golden.Replace('/', '_') + ".safetensors");
        using var resource = typeof(ExactModel).Assembly.GetManifestResourceStream($"golden/{golden}.safetensors")!;
        using var file = File.Create(path);
        resource.CopyTo(file);
        return path;
    }

    private string Trace(string name, string? stages = null, bool backward = false, bool exact = false)
    {
        using var device = Device.Open("cpu", 1);
        string weights = Extract($"{name}/weights"), path = Path.Combine(_folder, "trace.safetensors");
        using var inputs = SafetensorsReader.Open(Extract($"{name}/forward_backward"));
        using var stored = StoredModel.Open(weights);
        var given = TraceInputs.Read(inputs, stored.Info.Config);
        using var model = stored.Load(device);
        SafetensorsWriter.Write(path, exact ? Reference.Oracle.Trace.RunExact(stored.Info.Config, stored.ReadWidened, given, stages) : Reference.Oracle.Trace.Run(model, given, stages, backward));
        return path;
    }

    // The foundation's tolerances, whose reasons stand beside the conformance cases.
    [TestCase("c2i")]
    [TestCase("c2i_rect_post")]
    [TestCase("t2i")]
    [TestCase("t2i_options")]
    public void A_trace_with_gradients_agrees_with_the_golden_tensors(string name)
    {
        using var trace = SafetensorsReader.Open(Trace(name, backward: true));
        using var golden = ConformanceFiles.Shipped().Open($"{name}/forward_backward");
        var comparison = new Comparison(name, golden);
        string[] expected = [.. golden.Tensors.Select(tensor => tensor.Name).Where(tensor => tensor == "out" || tensor == "loss" || tensor.StartsWith("in.") || tensor == "target.v" || tensor.StartsWith("act.") || tensor.StartsWith("grad"))];
        Assert.That(trace.Tensors.Select(tensor => tensor.Name), Is.SupersetOf(expected));
        double largest = comparison.LargestOf("grad.param.");
        var (activation, gradient) = name.StartsWith("t2i") ? (1e-4, 2.5e-4) : (1e-5, 2e-5);
        foreach (string tensor in expected)
            comparison.Tensor(tensor, trace.ReadSingles(tensor), tensor.StartsWith("in.") || tensor == "target.v" ? 0 : tensor == "grad_norm" ? 5e-5 : tensor.StartsWith("grad") ? gradient : activation, largest);
        var result = comparison.Result();
        Assert.That(result.Status, Is.EqualTo(CaseStatus.Pass), $"{result.Worst} {result.Error}");
    }

    [TestCase("c2i")]
    [TestCase("c2i_rect_post")]
    [TestCase("t2i")]
    [TestCase("t2i_options")]
    public void An_exact_trace_has_the_shapes_of_the_golden_stages_and_their_values(string name)
    {
        using var trace = SafetensorsReader.Open(Trace(name, exact: true));
        using var golden = ConformanceFiles.Shipped().Open($"{name}/forward_backward");
        var comparison = new Comparison(name, golden);
        foreach (var tensor in golden.Tensors.Where(tensor => tensor.Name == "out" || tensor.Name.StartsWith("act.")))
        {
            Assert.That(trace[tensor.Name].Shape, Is.EqualTo(tensor.Shape), tensor.Name);
            comparison.Tensor(tensor.Name, trace.ReadSingles(tensor.Name), name.StartsWith("t2i") ? 5e-5 : 5e-6);
        }
        Assert.That(comparison.Result().Status, Is.EqualTo(CaseStatus.Pass));
    }

    [Test]
    public void Finer_steps_are_traced_where_asked_for_and_the_stages_stay_equal()
    {
        using var coarse = SafetensorsReader.Open(Trace("c2i"));
        float[] whole = coarse.ReadSingles("act.patch_blocks.1");
        using var fine = SafetensorsReader.Open(Trace("c2i", "patch_blocks.*"));
        Assert.That(fine.Tensors.Select(tensor => tensor.Name), Is.SupersetOf((string[])
            ["act.patch_blocks.0.norm1", "act.patch_blocks.0.modulated1", "act.patch_blocks.0.attn.q", "act.patch_blocks.0.attn.k", "act.patch_blocks.1.attn.out", "act.patch_blocks.1.mlp", "act.patch_blocks.1", "out"]));
        Assert.That(fine.Tensors.Any(tensor => tensor.Name.Contains("pixel")), Is.False);
        // The two paths round in other places: a few units in the last place of the largest element.
        double largest = whole.Max(Math.Abs);
        Assert.That(fine.ReadSingles("act.patch_blocks.1").Zip(whole, (a, b) => Math.Abs(a - b)).Max(), Is.LessThan(2e-6 * largest));
    }

    [Test]
    public void Drawn_inputs_can_be_drawn_by_a_port_and_given_back()
    {
        var config = new ModelConfig { Hidden = 32, Heads = 4, Patch = 4, PatchDepth = 1, PixelDepth = 1, PixelHidden = 8, Classes = 10 };
        var drawn = TraceInputs.Draw(config, batch: 3, images: 8, seed: 40);
        var random = new TorchRandom(41);
        Assert.That(drawn.X[192..384], Is.EqualTo(random.Normal(192)), "image 1 of seed 40 is image 0 of seed 41");
        Assert.That(drawn.Target![192..384], Is.EqualTo(random.Normal(192)));
        Assert.That(drawn.T, Is.All.InRange(0, 1));
        Assert.That(drawn.T, Is.Unique);
        Assert.That(drawn.Labels, Is.All.InRange(0, config.NullClass));

        string path = Path.Combine(_folder, "inputs.safetensors");
        SafetensorsWriter.Write(path, [.. drawn.Tensors()]);
        using var file = SafetensorsReader.Open(path);
        var read = TraceInputs.Read(file, config);
        Assert.That((read.Shape, read.X, read.T, read.Labels, read.Target), Is.EqualTo((drawn.Shape, drawn.X, drawn.T, drawn.Labels, drawn.Target)));
    }

    [TestCase(0, 8, "batch is 0")]
    [TestCase(1, 0, "resolution is 0")]
    [TestCase(60, 4096, "batch is 60")]
    public void Inputs_out_of_range_are_not_drawn(int batch, int side, string message)
        => Assert.That(() => TraceInputs.Draw(Presets.Get("micro"), batch, side, 0), Throws.TypeOf<ConfigurationException>().With.Message.Contains(message));

    [Test]
    public void A_trace_holds_its_inputs()
    {
        using var trace = SafetensorsReader.Open(Trace("c2i"));
        using var golden = ConformanceFiles.Shipped().Open("c2i/forward_backward");
        foreach (string name in (string[])["in.x", "in.t", "in.y", "target.v"])
        {
            Assert.That(trace[name].Shape, Is.EqualTo(golden[name].Shape), name);
            Assert.That(trace.ReadDoubles(name), Is.EqualTo(golden.ReadDoubles(name)), name);
        }
    }

    [Test]
    public void Gradients_without_a_target_are_refused()
    {
        string path = Path.Combine(_folder, "inputs.safetensors");
        SafetensorsWriter.Write(path, [new TensorData("in.x", [1, 3, 16, 16], new float[768]), new TensorData("in.t", [1], new float[1]), new TensorData("in.y", [1], new long[1])]);
        using var device = Device.Open("cpu", 1);
        var (model, info) = Checkpoint.LoadModel(Extract("c2i/weights"), device);
        using (model)
        using (var inputs = SafetensorsReader.Open(path))
        {
            var given = TraceInputs.Read(inputs, info.Config);
            Assert.Throws<ConfigurationException>(() => Reference.Oracle.Trace.Run(model, given, null, backward: true));
        }
    }

    [TestCase("foo*", false, "--stages is \"foo*\", which matches no stage or finer step of this model")]
    [TestCase("", false, "matches no stage")]
    [TestCase("patch_blocks.0.*", true, "exact arithmetic gives no finer steps")]
    public void A_pattern_that_nothing_matches_is_refused(string stages, bool exact, string message)
        => Assert.That(() => Trace("c2i", stages, exact: exact), Throws.TypeOf<ConfigurationException>().With.Message.Contains(message));

    [Test]
    public void The_output_alone_can_be_traced([Values] bool exact)
    {
        using var trace = SafetensorsReader.Open(Trace("c2i", "out", exact: exact));
        Assert.That(trace.Tensors.Select(tensor => tensor.Name), Is.EquivalentTo((string[])["in.x", "in.t", "in.y", "target.v", "out"]));
    }

    [Test]
    public void A_cancelled_trace_stops()
    {
        using var device = Device.Open("cpu", 1);
        var (model, info) = Checkpoint.LoadModel(Extract("c2i/weights"), device);
        using (model) Assert.Throws<OperationCanceledException>(() => Reference.Oracle.Trace.Run(model, TraceInputs.Draw(info.Config, 1, 8, 0), null, backward: false, new CancellationToken(canceled: true)));
    }

    [Test]
    public void A_label_beyond_the_classes_is_refused_by_name()
    {
        string path = Path.Combine(_folder, "inputs.safetensors");
        SafetensorsWriter.Write(path, [new TensorData("in.x", [1, 3, 16, 16], new float[768]), new TensorData("in.t", [1], new float[1]), new TensorData("in.y", [1], [11L])]);
        using var inputs = SafetensorsReader.Open(path);
        var error = Assert.Throws<FileFormatException>(() => TraceInputs.Read(inputs, new() { Hidden = 32, Heads = 4, Patch = 4, PatchDepth = 1, PixelDepth = 1, PixelHidden = 8, Classes = 10 }));
        Assert.That(error!.Message, Does.Contain("in.y holds 11"));
    }

    [TestCase("in.x", float.NaN, "in.x holds 1 of 768 values that are not finite")]
    [TestCase("in.x", float.PositiveInfinity, "in.x holds 1 of 768 values that are not finite")]
    [TestCase("target.v", float.NegativeInfinity, "target.v holds 1 of 768 values that are not finite")]
    [TestCase("in.t", float.NaN, "in.t holds 1 of 1 values that are not finite")]
    [TestCase("in.t", 500f, "in.t holds 500; times are from 0, noise, to 1, data")]
    [TestCase("in.t", 1.0000001f, "in.t holds 1.0000001")]
    [TestCase("in.t", -0.001f, "in.t holds -0.001")]
    public void Values_that_no_model_takes_are_refused(string name, float value, string message)
    {
        using var file = InputsWith(name, value);
        Assert.That(() => TraceInputs.Read(file, Presets.Get("micro")), Throws.TypeOf<FileFormatException>().With.Message.Contains(message));
    }

    [TestCase(0f)]
    [TestCase(1f)]
    public void Times_of_noise_and_of_data_are_taken(float time)
    {
        using var file = InputsWith("in.t", time);
        Assert.That(TraceInputs.Read(file, Presets.Get("micro")).T, Is.EqualTo((float[])[time]));
    }

    private static SafetensorsReader InputsWith(string name, float value)
    {
        var values = new Dictionary<string, float[]> { ["in.x"] = new float[768], ["in.t"] = [0.5f], ["target.v"] = new float[768] };
        values[name][0] = value;
        return SetFiles.Open(
        [
            new TensorData("in.x", [1, 3, 16, 16], values["in.x"]), new TensorData("in.t", [1], values["in.t"]), new TensorData("in.y", [1], [1L]), new TensorData("target.v", [1, 3, 16, 16], values["target.v"])
        ]);
    }
}

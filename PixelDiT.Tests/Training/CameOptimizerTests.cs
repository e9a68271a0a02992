using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Training;

/// <summary>Six steps of the authors' CAME, with parameters that have no gradient in some of them, and its state in files.</summary>
internal sealed class CameOptimizerTests
{
    /// <summary>An independent float32 implementation differs by 1.3e-7 in parameters and 5e-7 in the state; a mistake costs 0.1 and more of the update.</summary>
    private const double Tolerance = 1e-6;

    private const int Steps = 6;

    private readonly GoldenFile _golden = new("came");
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("recipe"), TestCase("decay")]
    public void Six_steps_equal_the_authors(string run)
    {
        using var device = Device.Open("cpu", 1);
        using var parameters = Start(device);
        using var optimizer = new CameOptimizer(parameters, Config(run));
        for (int s = 0; s < Steps; s++)
        {
            Step(parameters, optimizer, s);
            foreach (var parameter in parameters.All) CheckParameter(run, s, parameter, optimizer);
        }
    }

    [Test]
    public void A_resumed_run_gives_the_same_bits()
    {
        string path = Path.Combine(_folder, "training.safetensors"), again = Path.Combine(_folder, "again.safetensors"), straight = Path.Combine(_folder, "straight.safetensors");
        using var device = Device.Open("cpu", 1);
        var config = Config("decay") with { EmaDecay = 0.9 };
        using (var parameters = Start(device))
        {
            using var optimizer = new CameOptimizer(parameters, config);
            // The vector has no gradient in the first step, so nothing of it is in the file.
            Step(parameters, optimizer, 0);
            CameStateFile.Save(path, optimizer);
            for (int s = 1; s < Steps; s++) Step(parameters, optimizer, s);
            CameStateFile.Save(straight, optimizer);
        }
        using (var file = SafetensorsReader.Open(path))
        {
            Assert.That(file.Contains("exp_avg.vector"), Is.False);
            Assert.That(file[$"exp_avg_sq_row.matrix"].Shape, Is.EqualTo(new long[] { 5 }));
        }
        using var resumed = Start(device);
        using var later = new CameOptimizer(resumed, config);
        // What is in memory before must not matter.
        Step(resumed, later, 1);
        CameStateFile.Load(path, later);
        for (int s = 1; s < Steps; s++) Step(resumed, later, s);
        CameStateFile.Save(again, later);
        Assert.That(File.ReadAllBytes(again), Is.EqualTo(File.ReadAllBytes(straight)));
    }

    [Test]
    public void A_state_that_does_not_fit_is_refused_by_name_and_changes_nothing()
    {
        string path = Path.Combine(_folder, "training.safetensors");
        using var device = Device.Open("cpu", 1);
        using var parameters = Start(device);
        using var optimizer = new CameOptimizer(parameters, Config("recipe"));
        Step(parameters, optimizer, 0);
        CameStateFile.Save(path, optimizer);
        float[] before = parameters.Values!.ToArray();

        void Refuses(Func<string, TensorData, TensorData?> change, Action<Dictionary<string, string>> notes, string message)
        {
            string changed = Path.Combine(_folder, "changed.safetensors");
            using (var file = SafetensorsReader.Open(path))
            {
                var tensors = file.Tensors.Select(tensor => change(tensor.Name, new TensorData(tensor.Name, [.. tensor.Shape], file.ReadSingles(tensor.Name)))).OfType<TensorData>().ToList();
                var metadata = new Dictionary<string, string>(file.Metadata);
                notes(metadata);
                SafetensorsWriter.Write(changed, tensors, metadata);
            }
            Assert.That(Assert.Throws<FileFormatException>(() => CameStateFile.Load(changed, optimizer))!.Message, Does.Contain(message));
            Assert.That(parameters.Values!.ToArray(), Is.EqualTo(before));
            Assert.That(optimizer.Steps, Is.EqualTo(1));
        }

        Refuses((name, tensor) => name == "exp_avg_sq_col.matrix" ? null : tensor, _ => { }, "tensor exp_avg_sq_col.matrix is missing");
        Refuses((name, tensor) => name == "exp_avg_sq_col.matrix" ? new TensorData(name, [5], new float[5]) : tensor, _ => { }, "exp_avg_sq_col.matrix has shape [5]");
        Refuses((name, tensor) => name == "exp_avg.wide" ? new TensorData(name, [1, 6], [0, 0, float.NaN, 0, 0, 0]) : tensor, _ => { }, "exp_avg.wide holds 1 of 6 numbers that are not finite");
        Refuses((_, tensor) => tensor, notes => notes.Remove("step.matrix"), "is none of this model's state");
        Refuses((_, tensor) => tensor, notes => notes["step.matrix"] = "-1", "step.matrix");
        Refuses((_, tensor) => tensor, notes => notes["step.matrix"] = "9", "the run has taken 1 steps");
    }

    [Test]
    public void A_gradient_of_zero_is_a_step_and_none_is_not()
    {
        using var device = Device.Open("cpu", 1);
        using var parameters = Start(device);
        using var optimizer = new CameOptimizer(parameters, Config("decay"));
        parameters.ClearGradients();
        Parameter matrix = parameters["matrix"], vector = parameters["vector"];
        float[] before = vector.Value.ToArray();
        matrix.Gradient!.Clear();
        optimizer.Step();
        Assert.That((optimizer.StepsOf(matrix), optimizer.StepsOf(vector), optimizer.Steps), Is.EqualTo((1, 0, 1)));
        Assert.That(vector.Value.ToArray(), Is.EqualTo(before));
        Assert.That(matrix.Value.ToArray(), Has.All.Not.NaN);
        // Only decay moves it: p·(1 − lr·wd).
        Deviation.Check("matrix", Doubles(matrix.Value), [.. _golden.Doubles("start.matrix").Select(p => p * (1 - (0.002 * 0.1)))], 1.2e-7);
    }

    [Test]
    public void A_row_without_gradient_beside_large_ones_stays_finite()
    {
        using var device = Device.Open("cpu", 1);
        using var parameters = Start(device);
        using var optimizer = new CameOptimizer(parameters, Config("recipe"));
        for (int s = 0; s < 3; s++)
        {
            parameters.ClearGradients();
            // r of the first rows is 1e-33, their quotient with the mean below float32.
            parameters["matrix"].Gradient!.Upload([.. Enumerable.Range(0, 35).Select(i => i < 21 ? 0 : 1e15f * (1 + i))]);
            optimizer.Step();
        }
        Assert.That(parameters["matrix"].Value.ToArray(), Has.All.InRange(-10f, 10f));
        Assert.That(parameters["matrix"].Value.ToArray().Take(21).Select(p => (double)p), Is.EqualTo(_golden.Doubles("start.matrix").Take(21)));
    }

    [Test]
    public void Clipping_divides_by_the_norm_and_the_average_is_a_step_late()
    {
        using var device = Device.Open("cpu", 1);
        using var parameters = Start(device);
        using var clipped = new CameOptimizer(parameters, Config("recipe") with { Clip = 1e-3, EmaDecay = 0.5 });
        double[] start = Doubles(parameters["matrix"].Value);
        Step(parameters, clipped, 0);
        double norm = clipped.Norm.ToArray()[0];
        double expected = Math.Sqrt(parameters.All.Where(parameter => _golden.Names.Contains($"grad.0.{parameter.Name}")).Sum(parameter => _golden.Doubles($"grad.0.{parameter.Name}").Sum(g => g * g)));
        Assert.That(norm, Is.EqualTo(expected).Within(1e-6 * expected));
        double factor = 1e-3 / (norm + 1e-6);
        // One step of v = (1 − β₂)·(factor·g)².
        Deviation.Check("v", Doubles(clipped.StateOf(parameters["cube"])["exp_avg_sq"]), [.. _golden.Doubles("grad.0.cube").Select(g => 0.001 * g * g * factor * factor)], Tolerance);
        double[] first = Doubles(parameters["matrix"].Value);
        Assert.That(Doubles(parameters.SliceOf(clipped.Average!, parameters["matrix"])), Is.EqualTo(start));
        Step(parameters, clipped, 1);
        Deviation.Check("average", Doubles(parameters.SliceOf(clipped.Average!, parameters["matrix"])), [.. start.Zip(first, (a, b) => (a + b) / 2)], 1.2e-7);
    }

    [Test]
    public void A_rate_of_zero_moves_moments_alone()
    {
        using var device = Device.Open("cpu", 1);
        using var parameters = Start(device);
        using var optimizer = new CameOptimizer(parameters, Config("decay"));
        float[] before = parameters.Values!.ToArray();
        Step(parameters, optimizer, 0, learningRate: 0);
        Assert.That(parameters.Values!.ToArray(), Is.EqualTo(before));
        Assert.That(optimizer.StateOf(parameters["matrix"])["exp_avg"].ToArray(), Has.Some.Not.Zero);
    }

    [Test]
    public void Settings_out_of_range_are_named()
    {
        foreach (var (config, name) in new (CameConfig, string)[]
        {
            (new() { LearningRate = 0 }, "lr"), (new() { Beta1 = 1 }, "beta1"), (new() { Beta2 = -0.1 }, "beta2"), (new() { Beta3 = double.NaN }, "beta3"), (new() { Epsilon1 = 0 }, "eps1"), (new() { Epsilon2 = 2 }, "eps2"),
            (new() { UpdateClip = 0 }, "update-clip"), (new() { WeightDecay = -1 }, "weight-decay"), (new() { Clip = -1 }, "clip"), (new() { EmaDecay = 1 }, "ema")
        })
        {
            Assert.That(Assert.Throws<ConfigurationException>(() => config.Validate())!.Message, Does.StartWith($"{name} is "));
        }
    }

    private ParameterSet Start(Device device)
    {
        var parameters = new ParameterSet(device);
        string[] names = [.. _golden.Names.Where(name => name.StartsWith("start.", StringComparison.Ordinal))];
        foreach (string name in names) parameters.Add(name["start.".Length..], Shape.Create(_golden.Shape(name)));
        parameters.Allocate();
        foreach (string name in names) parameters[name["start.".Length..]].Value.Upload(_golden.Singles(name));
        return parameters;
    }

    private CameConfig Config(string run)
    {
        var settings = JsonDocument.Parse(_golden.Metadata(run)).RootElement;
        double[] betas = [.. settings.GetProperty("betas").EnumerateArray().Select(beta => beta.GetDouble())], eps = [.. settings.GetProperty("eps").EnumerateArray().Select(e => e.GetDouble())];
        return new CameConfig
        {
            LearningRate = settings.GetProperty("lr").GetDouble(),
            Beta1 = betas[0],
            Beta2 = betas[1],
            Beta3 = betas[2],
            Epsilon1 = eps[0],
            Epsilon2 = eps[1],
            UpdateClip = settings.GetProperty("clip_threshold").GetDouble(),
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
            Clip = 0
        };
    }

    private void Step(ParameterSet parameters, CameOptimizer optimizer, int s, double? learningRate = null)
    {
        optimizer.Parameters.RequireGradients();
        parameters.ClearGradients();
        foreach (var parameter in parameters.All.Where(parameter => _golden.Names.Contains($"grad.{s}.{parameter.Name}"))) parameter.Gradient!.Upload(_golden.Singles($"grad.{s}.{parameter.Name}"));
        optimizer.Step(learningRate);
    }

    private void CheckParameter(string run, int s, Parameter parameter, CameOptimizer optimizer)
    {
        Deviation.Check($"{run} {s} {parameter.Name}", Doubles(parameter.Value), _golden.Doubles($"{run}.{s}.param.{parameter.Name}"), Tolerance);
        string step = $"{run}.{s}.step.{parameter.Name}";
        long expected = _golden.Names.Contains(step) ? _golden.Integers(step)[0] : 0;
        Assert.That(optimizer.StepsOf(parameter), Is.EqualTo(expected));
        // The authors have no state before a parameter's first step.
        if (expected == 0) return;
        foreach (var (name, tensor) in optimizer.StateOf(parameter)) Deviation.Check($"{run} {s} {parameter.Name} {name}", Doubles(tensor), _golden.Doubles($"{run}.{s}.{name}.{parameter.Name}"), Tolerance);
    }

    private static double[] Doubles(Tensor tensor) => Array.ConvertAll(tensor.ToArray(), value => (double)value);
}

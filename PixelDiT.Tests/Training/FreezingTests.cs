using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Commands;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>Frozen parameters stay to the bit, and a cosine is extended by a word only.</summary>
internal sealed class FreezingTests
{
    private static readonly ModelConfig s_sizes = new() { Hidden = 16, Heads = 2, Patch = 4, PatchDepth = 2, PixelDepth = 1, PixelHidden = 4, Classes = 9 };

    private static readonly TrainingConfig s_config = new()
    {
        Batch = 4,
        Steps = 5,
        Size = 16,
        Seed = 3,
        Optimizer = new() { LearningRate = 1e-2, WeightDecay = 0.1, EmaDecay = 0.7 }
    };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private Dictionary<string, (float[] Value, float[] Average)> Train(string name, TrainingConfig config, ExistingRun existing = ExistingRun.Refuse, bool extend = false, string? from = null)
    {
        using var device = Device.Open("cpu", 1);
        using var run = TrainingRun.Create(Path.Combine(_folder.Path, name), device, new ClassData(new Shapes(16)), s_sizes, config, existing, from: from, extend: extend);
        run.Run(0, _ => { });
        var parameters = run.Trainer.Model.Parameters;
        return parameters.All.ToDictionary(parameter => parameter.Name, parameter => (parameter.Value.ToArray(), parameters.SliceOf(run.Trainer.Weights, parameter).ToArray()));
    }

    [TestCase(false), TestCase(true)]
    public void What_is_frozen_stays_to_the_bit_and_the_rest_moves(bool isCame)
    {
        var config = s_config with { Came = isCame ? new CameConfig { LearningRate = 1e-2, WeightDecay = 0.1, EmaDecay = 0.7 } : null };
        Train("first", config);
        string file = Path.Combine(_folder.Path, "first", Checkpoint.ModelFile);
        using var before = StoredModel.Open(file);
        var after = Train("second", config with { Freeze = ["patch_blocks.0.*", "s_embedder.proj.bias"] }, from: file);
        foreach (var (name, (value, average)) in after)
        {
            double[] was = before.ReadWidened(name);
            if (!name.StartsWith("patch_blocks.0.", StringComparison.Ordinal) && name != "s_embedder.proj.bias") Assert.That(value, Is.Not.EqualTo(was), name);
            else
            {
                Assert.That(value, Is.EqualTo(was), name);
                Assert.That(average, Is.EqualTo(was), name);
            }
        }
    }

    [Test]
    public void A_run_with_frozen_parameters_goes_on_as_if_it_had_never_stopped()
    {
        Train("first", s_config);
        string file = Path.Combine(_folder.Path, "first", Checkpoint.ModelFile);
        var config = s_config with { Freeze = ["pixel_blocks.*"] };
        var whole = Train("whole", config, from: file);
        Train("parts", config with { Steps = 2 }, from: file);
        var parts = Train("parts", config, ExistingRun.Resume, from: file);
        foreach (var (name, value) in whole) Assert.That(parts[name], Is.EqualTo(value), name);
        Assert.That(() => Train("parts", s_config with { Steps = 6 }, ExistingRun.Resume), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith("freeze is none here and pixel_blocks.* in "));
    }

    [Test]
    public void The_copies_of_what_is_frozen_are_counted()
    {
        var sizes = s_sizes with { Hidden = 64 };
        using var device = Device.Open("cpu", 1);
        using var model = PixelTransformer.Create(sizes, device);
        long copies = model.Parameters.All.Where(parameter => parameter.Name.StartsWith("patch_blocks.", StringComparison.Ordinal)).Sum(parameter => parameter.Shape.Count) * sizeof(float);
        long more = StepMemory.OfTraining(sizes, s_config with { Freeze = ["patch_blocks.*"] }, 16, 16) - StepMemory.OfTraining(sizes, s_config, 16, 16);
        Assert.That(more / (double)copies, Is.EqualTo(1).Within(0.02), "small tensors have places of their own");
    }

    [Test]
    public void A_runs_settings_hold_its_patterns()
    {
        ProgramResult Run(params string[] options) => PixelDiTProgram.Run(_folder.Path, ["train", "--out", "run", "--sample-steps", "0", .. options]);
        var begun = Run("--data", "shapes", "--preset", "micro", "--resolution", "16", "--batch", "2", "--steps", "1", "--freeze", "patch_blocks.*", "--freeze", "final_layer.*", "--lr-decay", "cosine");
        Assert.That(begun.ExitCode, Is.Zero, begun.Error);
        var extended = Run("--resume", "--steps", "2", "--extend");
        Assert.That(extended.ExitCode, Is.Zero, extended.Error);
        var other = Run("--resume", "--steps", "3", "--extend", "--freeze", "patch_blocks.*");
        Assert.That(other.ExitCode, Is.Not.Zero);
        Assert.That(other.Error, Does.Contain("freeze is patch_blocks.* here and patch_blocks.* final_layer.* in run"));
        Assert.That(Run("--data", "shapes", "--extend", "--overwrite").Error, Does.Contain("--extend moves the end of the cosine of a run that goes on; --resume was expected with it"));
    }

    [TestCase("pixel_block.*", "freeze is 'pixel_block.*', which fits no parameter; for example ")]
    [TestCase("*", "freeze is '*', which is every parameter; nothing would be trained")]
    public void A_pattern_that_cannot_be_meant_is_refused(string pattern, string message)
        => Assert.That(() => Train("run", s_config with { Freeze = [pattern] }), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith(message));

    [Test]
    public void A_cosine_is_extended_by_a_word_only()
    {
        var config = s_config with { Decay = LearningRateDecay.Cosine };
        Train("run", config with { Steps = 3 });
        Assert.That(() => Train("run", config, ExistingRun.Resume), Throws.TypeOf<ConfigurationException>().With.Message.StartsWith("steps (over which the cosine falls, and which --extend moves) is 5 here and 3"));
        Train("run", config, ExistingRun.Resume, extend: true);
        string[] rows = File.ReadAllLines(Path.Combine(_folder.Path, "run", "loss.csv"));
        // The fourth step has the rate of the longer cosine.
        Assert.That(double.Parse(rows[4].Split(',')[3], System.Globalization.CultureInfo.InvariantCulture), Is.EqualTo(config.LearningRateAt(3)).Within(1e-8));
        Assert.That(() => Train("run", s_config with { Steps = 6 }, ExistingRun.Resume, extend: true), Throws.TypeOf<ConfigurationException>().With.Message.Contains("lr-decay is constant here and cosine"), "another rule is another run");
    }
}

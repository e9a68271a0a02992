using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Models.Weights;

namespace PixelDiT.Tests.Commands;

/// <summary>What the verbs that take a model from a file say of its weights, and what they do with weights that are no numbers.</summary>
[Parallelizable]
internal sealed class WeightsCommandTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private ProgramResult Run(params string[] arguments) => PixelDiTProgram.Run(_folder.Path, arguments);

    private string In(string name) => Path.Combine(_folder.Path, name);

    private void Write(string name, IEnumerable<TensorData> tensors, params (string Key, string Value)[] metadata) => SetFiles.Write(In(name), tensors, metadata);

    private string HashOf(string name, string choice = "ema")
    {
        using var model = StoredModel.Open(In(name), WeightChoice.Parse(choice));
        return model.Hash();
    }

    [Test]
    public void Every_verb_takes_the_same_set_and_says_which()
    {
        Write("two.safetensors", [.. SetFiles.Set("model.", 1), .. SetFiles.Set("model_ema.", 2)]);
        Assert.That(HashOf("two.safetensors", "raw"), Is.Not.EqualTo(HashOf("two.safetensors")));
        foreach (var (choice, line) in new[]
        {
            ("ema", "weights: model_ema.* (averaged); left: model.* (raw)"), ("raw", "weights: model.* (raw); left: model_ema.* (averaged)"), ("model", "weights: model.* (raw); left: model_ema.* (averaged)")
        })
        {
            string hash = HashOf("two.safetensors", choice);
            var info = Run("info", "two.safetensors", "--weights", choice, "--hash");
            Assert.That((info.ExitCode, info.Error), Is.EqualTo((0, "")), choice);
            Assert.That(info.Output, Does.Contain(line).And.Contain($"weights: sha256 {hash}"), choice);
            var convert = Run("convert", "two.safetensors", $"{choice}.safetensors", "--weights", choice);
            Assert.That((convert.ExitCode, convert.Output), Is.EqualTo((0, $"{line}{Environment.NewLine}{convert.Output.Split(Environment.NewLine, 2)[1]}")), choice);
            Assert.That(HashOf($"{choice}.safetensors"), Is.EqualTo(hash), choice);
            var trace = Run("trace", "--model", "two.safetensors", "--weights", choice, "--resolution", "4", "--out", $"{choice}.trace", "--exact");
            Assert.That(trace.ExitCode, Is.Zero, trace.Error);
            Assert.That(trace.Output, Does.Contain(line));
        }
        Assert.That(File.ReadAllBytes(In("raw.trace")), Is.EqualTo(File.ReadAllBytes(In("model.trace"))));
        Assert.That(File.ReadAllBytes(In("raw.trace")), Is.Not.EqualTo(File.ReadAllBytes(In("ema.trace"))));
        // The older spelling, where the model's file has no option of its own.
        Assert.That(Run("trace", "--weights", "two.safetensors", "--resolution", "4", "--out", "old.trace", "--exact").ExitCode, Is.Zero);
        Assert.That(File.ReadAllBytes(In("old.trace")), Is.EqualTo(File.ReadAllBytes(In("ema.trace"))));
        var compare = Run("compare", "raw.trace", "model.trace", "--weights", "two.safetensors", "--model-weights", "model");
        Assert.That(compare.ExitCode, Is.Zero, compare.Error);
        Assert.That(compare.Output, Does.Contain("weights: model.* (raw); left: model_ema.* (averaged)"));
    }

    [Test]
    public void Sample_names_the_weights_and_what_was_left_aside()
    {
        Write("one.safetensors", [.. SetFiles.Set("", 0), new TensorData("optimizer.lr", [1], [1f])], ("step", "final"));
        var sample = Run("sample", "--model", "one.safetensors", "--resolution", "4", "--class", "0", "--count", "1", "--steps", "1", "--guidance", "1");
        Assert.That(sample.Output, Does.Contain("weights: * (the only set)"));
        Assert.That(sample.Error, Does.Contain("pixeldit: one.safetensors: note step is \"final\", which is no whole number; left aside").And.Contain("pixeldit: one.safetensors: left aside beside the model: optimizer.*"));
    }

    [Test]
    public void Info_shows_any_file_and_says_why_it_is_no_model()
    {
        Write("several.safetensors", [.. SetFiles.Set("a.", 1), .. SetFiles.Set("b.", 2)]);
        Write("incomplete.safetensors", SetFiles.Set("net.", 1).Where(tensor => tensor.Spec.Name != "net.final_layer.norm.weight"));
        Write("stray.safetensors", SetFiles.Set("", 1).Append(new TensorData("freqs_cis", [2], [1f, 2f])));
        Write("other.safetensors", [new TensorData("w", [2], [1f, 2f])]);
        Write("moments.safetensors", [.. SetFiles.Set("exp_avg.", 1), .. SetFiles.Set("exp_avg_sq.", 2)]);
        foreach (var (file, reason) in new[]
        {
            ("several", "no model can be taken: several.safetensors: has 2 sets of weights, none of them averaged: a.* (raw), b.* (raw); --weights takes one by its path, such as --weights a"),
            ("incomplete", "no model can be taken: incomplete.safetensors: tensor net.final_layer.norm.weight is missing"),
            ("stray", "no model can be taken: stray.safetensors: tensor \"freqs_cis\" is not of this model"),
            ("other", "no PixelDiT model among its tensors"),
            ("moments", "no model can be taken: moments.safetensors: has no weights of a PixelDiT, but exp_avg.* (optimizer state), exp_avg_sq.* (optimizer state)")
        })
        {
            var info = Run("info", $"{file}.safetensors", "--tensors");
            Assert.That((info.ExitCode, info.Error), Is.EqualTo((0, "")), file);
            Assert.That(info.Output, Does.StartWith($"{file}.safetensors: safetensors, ").And.Contain(reason).And.Contain("│ tensor"), file);
            Assert.That(Run("convert", $"{file}.safetensors", "out.safetensors").ExitCode, Is.EqualTo(1), file);
        }
        Assert.That(File.Exists(In("out.safetensors")), Is.False);
    }

    /// <summary>A model with numbers of its own, of which some are replaced.</summary>
    private void WriteWith(string name, string tensor, params (int Index, float Value)[] values)
    {
        StoredModel.WriteNew(In("new.safetensors"), SetFiles.Config, 3, nonzero: true, DataType.F32);
        using var file = SafetensorsReader.Open(In("new.safetensors"));
        Write(name, [.. file.Tensors.Select(entry =>
        {
            float[] all = file.ReadSingles(entry.Name);
            foreach (var (index, value) in entry.Name == tensor ? values : []) all[index] = value;
            return new TensorData(entry.Name, entry.Shape, all);
        })]);
    }

    [Test]
    public void Weights_that_are_not_finite_are_counted_and_named_and_no_picture_is_made_of_them()
    {
        WriteWith("nan.safetensors", "final_layer.linear.bias", (0, float.NaN), (2, float.NegativeInfinity));
        const string said = "pixeldit: nan.safetensors: 2 weights are not finite: final_layer.linear.bias (2)";
        var info = Run("info", "nan.safetensors", "--hash");
        Assert.That((info.ExitCode, info.Error.Trim()), Is.EqualTo((0, said)));
        var convert = Run("convert", "nan.safetensors", "out.safetensors", "--dtype", "bf16");
        Assert.That((convert.ExitCode, convert.Error.Trim()), Is.EqualTo((0, said)));
        foreach (string[] more in (string[][])[[], ["--exact"]])
        {
            var trace = Run(["trace", "--model", "nan.safetensors", "--resolution", "4", "--out", $"trace{more.Length}", .. more]);
            Assert.That((trace.ExitCode, trace.Error.Trim()), Is.EqualTo((0, said)));
        }
        foreach (string[] more in (string[][])[[], ["--npz"], ["--singles"]])
        {
            var sample = Run(["sample", "--model", "nan.safetensors", "--resolution", "4", "--class", "1", "--count", "2", "--steps", "2", "--seed", "5", "--out", "pictures", .. more]);
            Assert.That(sample.ExitCode, Is.EqualTo(1));
            Assert.That(sample.Error, Does.Contain(said).And.Contain("image 0 (class 1, seed 5), image 1 (class 1, seed 6): the values are not finite").And.Contain("2 weights are not finite: final_layer.linear.bias (2)"));
            Assert.That(Directory.Exists(In("pictures")) ? Directory.GetFiles(In("pictures"), "*.png").Concat(Directory.GetFiles(In("pictures"), "*.npz*")) : [], Is.Empty);
        }
    }

    [TestCase("f16", 70000f, "F16", "65504", "70000")]
    [TestCase("f16", -65520f, "F16", "65504", "65520")]
    [TestCase("bf16", 3.4e38f, "BF16", "3.3895314E+38", "3.4E+38")]
    public void Weights_that_narrowing_makes_infinite_are_counted(string dtype, float value, string name, string largest, string found)
    {
        WriteWith("large.safetensors", "final_layer.linear.weight", (1, value), (2, value * 0.5f));
        var convert = Run("convert", "large.safetensors", "out.safetensors", "--dtype", dtype);
        Assert.That(convert.ExitCode, Is.Zero);
        Assert.That(convert.Error.Trim(), Is.EqualTo(
            $"pixeldit: large.safetensors: 1 weight is beyond {name}, whose largest number is {largest}, and became infinite: final_layer.linear.weight (1); the largest magnitude is {found}, in final_layer.linear.weight"));
        Assert.That(Run("convert", "large.safetensors", "out32.safetensors").Error, Is.Empty);
    }

    [Test]
    public void The_largest_number_of_a_type_is_not_beyond_it()
    {
        WriteWith("large.safetensors", "final_layer.linear.weight", (1, 65504), (2, 65519));
        Assert.That(Run("convert", "large.safetensors", "out.safetensors", "--dtype", "f16").Error, Is.Empty);
    }
}

using System.Text;
using NUnit.Framework;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Tests.Formats.Torch;
using PixelDiT.Tests.Oracle.Comparing;

namespace PixelDiT.Tests.Commands;

/// <summary><c>compare</c> as a port uses it: files in, words and an exit code out.</summary>
public sealed class CompareCommandTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private ProgramResult Run(params string[] arguments) => PixelDiTProgram.Run(_folder, arguments);

    private void Extract(string golden, string name)
    {
        using var resource = typeof(SafetensorsReader).Assembly.GetManifestResourceStream($"golden/{golden}.safetensors")!;
        using var file = File.Create(Path.Combine(_folder, name));
        resource.CopyTo(file);
    }

    private void Write(string name, MemoryTrace trace)
        => SafetensorsWriter.Write(Path.Combine(_folder, name), [.. trace.Tensors.Select(tensor => new TensorData(tensor.Name, tensor.Shape, trace.ReadDoubles(tensor.Name)))]);

    [Test]
    public void A_trace_agrees_with_the_golden_file_and_a_faulty_port_is_explained()
    {
        Extract("c2i/weights", "weights.safetensors");
        Extract("c2i/forward_backward", "golden.safetensors");
        var trace = Run("trace", "--weights", "weights.safetensors", "--inputs", "golden.safetensors", "--backward", "--out", "trace.safetensors", "--device", "cpu");
        Assert.That(trace.ExitCode, Is.Zero, trace.Error);
        var equal = Run("compare", "golden.safetensors", "trace.safetensors", "--all");
        Assert.That(equal.ExitCode, Is.Zero, equal.Error);
        Assert.That(equal.Output, Does.Contain("A and B agree in 87 tensors").And.Contain("grad_norm").And.Contain("only in B: grad.act.final_layer").And.Contain("rms"));

        Write("port.safetensors", PortWithFaults.PatchBlock(MemoryTrace.Read(Path.Combine(_folder, "trace.safetensors")), rotate: false).Renamed(name => name.Replace("act.", "stage/")));
        File.WriteAllText(Path.Combine(_folder, "names.txt"), "stage/* = act.*\n");
        var wrong = Run("compare", "trace.safetensors", "port.safetensors", "--map", "names.txt", "--model", "weights.safetensors");
        Assert.That(wrong.ExitCode, Is.EqualTo(1), wrong.Error);
        Assert.That(wrong.Error, Is.Empty);
        Assert.That(wrong.Output, Does.Contain("act.patch_blocks.0 is the first tensor that differs; act.s_embedder before it agrees").And.Contain("hint       B leaves out the rotation by RoPE")
            .And.Contain("shape      [2, 16, 32]").And.Contain("image ").And.Contain("token row ").And.Contain("DIFFERS"));
        var former = Run("compare", "trace.safetensors", "port.safetensors", "--map", "names.txt", "--weights", "weights.safetensors");
        Assert.That((former.ExitCode, former.Output), Is.EqualTo((1, wrong.Output)), "--weights is the former name of --model");
        var both = Run("compare", "trace.safetensors", "port.safetensors", "--weights", "weights.safetensors", "--model", "weights.safetensors");
        Assert.That((both.ExitCode, both.Error), Is.EqualTo((1, "pixeldit: --weights is the former name of --model; give one of them" + Environment.NewLine)));
    }

    [Test]
    public void A_text_model_is_told_converted_traced_and_compared()
    {
        string checkpoint = GoldenCheckpointTests.PathOf("pixeldit_t2i_bf16.pth");
        var info = Run("info", checkpoint, "--hash");
        Assert.That(info.ExitCode, Is.Zero, info.Error);
        Assert.That(info.Output, Does.Contain("BF16 × 81").And.Contain("text-to-image PixelDiT: D 32, heads 4, patch 4, N 2, M 1, d 8, A 16 with 2 heads, 3 channels, text of width 20, at most 12 tokens").And.Contain("sha256").And.Not.Contain("RoPE").And.Not.Contain("missing"));
        Assert.That(info.Error, Does.Contain("left aside beside the model: _repa_projector.* (1 tensor)"));
        var convert = Run("convert", checkpoint, "model.safetensors");
        Assert.That(convert.ExitCode, Is.Zero, convert.Error);
        Assert.That(convert.Error, Does.Contain("left aside beside the model: _repa_projector.* (1 tensor)"));
        Assert.That(Run("info", "model.safetensors", "--hash").Output, Does.Contain("by its config").And.Contain(info.Output[info.Output.IndexOf("sha256", StringComparison.Ordinal)..].TrimEnd()));
        string[] drawn = ["trace", "--model", "model.safetensors", "--resolution", "8", "--text-tokens", "5", "--seed", "3"];
        foreach (string[] kind in (string[][])[["--exact", "--out", "a.safetensors"], ["--device", "cpu", "--out", "b.safetensors"]])
        {
            var trace = Run([.. drawn, .. kind]);
            Assert.That(trace.ExitCode, Is.Zero, trace.Error);
        }
        var equal = Run("compare", "a.safetensors", "b.safetensors");
        Assert.That((equal.ExitCode, equal.Error), Is.EqualTo((0, "")));
        Assert.That(equal.Output, Does.Contain("A and B agree in 15 tensors").And.Contain("1e-4"));
        Write("c.safetensors", MemoryTrace.Read(Path.Combine(_folder, "b.safetensors")).With("out", values => [.. values.Select(value => -value)]));
        var wrong = Run("compare", "b.safetensors", "c.safetensors", "--model", checkpoint, "--tolerance", "1e-3");
        Assert.That(wrong.ExitCode, Is.EqualTo(1));
        Assert.That(wrong.Output, Does.Contain("hint       B is A times -1 (the opposite sign: x − ε").And.Contain("it is ε − x, the velocity from data to noise").And.Contain("tolerance 1e-3"));
    }

    [Test]
    public void What_cannot_be_read_and_how_large_values_are_is_said()
    {
        var right = GoldenTraces.Right().Where(name => name.StartsWith("act.", StringComparison.Ordinal));
        MemoryTrace With(double value) => right.With("act.s_embedder", values => [.. values.Select((old, i) => i == 3 ? value : old)]);
        Write("a.safetensors", With(1e300));
        Write("b.safetensors", With(double.NegativeInfinity));
        // A type of as many bits whose elements are no numbers here.
        string path = Path.Combine(_folder, "b.safetensors");
        string port = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        int at = port.IndexOf("F64", port.IndexOf("\"act.t_embedder\"", StringComparison.Ordinal), StringComparison.Ordinal);
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(port[..at] + "C64" + port[(at + 3)..]));
        var result = Run("compare", "a.safetensors", "b.safetensors");
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Error);
        Assert.That(result.Output, Does.Contain("1 not readable, so not compared: act.t_embedder (B: its type is C64").And.Contain("A's largest magnitude is 1e300 and B's is ∞ (1 infinite)"));
    }

    [Test]
    public void A_block_without_finer_steps_is_told_which_to_trace()
    {
        var stages = GoldenTraces.Right().Stages();
        Write("a.safetensors", stages);
        Write("b.safetensors", stages.With("act.patch_blocks.1", values => [.. values.Select(Math.Sin)]).With("act.final_layer", [96, 16], new double[96 * 16]));
        var result = Run("compare", "a.safetensors", "b.safetensors");
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Output, Does.Contain("trace --stages 'patch_blocks.1.*'").And.Contain("cosine").And.Contain("1 of another shape but with as many elements"));
    }
}

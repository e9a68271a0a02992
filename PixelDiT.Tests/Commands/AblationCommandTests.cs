using NUnit.Framework;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Commands;

/// <summary>The ablations at the command line: what is chosen, what is measured, and what does not go together.</summary>
internal sealed class AblationCommandTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private string At(string name) => Path.Combine(_folder.Path, name);

    private static ProgramResult Run(params string[] arguments) => PixelDiTProgram.RunHere(arguments);

    [TestCase("none"), TestCase("no-compaction"), TestCase("patch-adaln")]
    public void A_model_is_made_told_of_converted_traced_and_compared(string level)
    {
        Assert.That(Run("init", "--preset", "micro", "--pixel-level", level, "--nonzero", "--seed", "4", "--out", At("m.safetensors")).Error, Is.Empty);
        var info = Run("info", At("m.safetensors"));
        Assert.That(info.Output, Does.Contain(level == "none" ? "N 2, no pixel level," : $"d 8, pixel level {level},"));
        Assert.That(Run("convert", At("m.safetensors"), At("c.safetensors")).ExitCode, Is.Zero);
        Assert.That(Run("info", At("c.safetensors"), "--hash").Output.Split('\n').Single(line => line.Contains("sha256")), Is.EqualTo(Run("info", At("m.safetensors"), "--hash").Output.Split('\n').Single(line => line.Contains("sha256"))));
        foreach (string file in (string[])["m", "c"])
        {
            var trace = Run(["trace", "--model", At($"{file}.safetensors"), "--resolution", "8", "--seed", "2", "--out", At($"{file}-trace.safetensors"), "--stages", "*", .. file == "c" ? (string[])["--exact"] : []]);
            Assert.That(trace.ExitCode, Is.Zero, trace.Error);
        }
        var compared = PixelDiTProgram.Run(_folder.Path, "compare", At("m-trace.safetensors"), At("c-trace.safetensors"), "--model", At("m.safetensors"));
        Assert.That(compared.ExitCode, Is.Zero, compared.Output + compared.Error);
    }

    [Test]
    public void A_run_is_measured_on_images_it_has_not_seen()
    {
        Assert.That(Run("train", "--data", "shapes", "--preset", "micro", "--pixel-level", "none", "--patch-depth", "1", "--resolution", "8", "--batch", "2", "--steps", "1", "--sample-steps", "0", "--device", "cpu", "--out", At("run")).ExitCode, Is.Zero);
        var measured = Run("demo", "--measure", At("run"));
        Assert.That(measured.ExitCode, Is.Zero, measured.Error);
        Assert.That(measured.Output, Does.Contain("held-out loss: 1.").And.Contain("class agreement: ").And.Contain(" % of 288 generated images").And.Contain("held-out real images: "));
    }

    private static readonly TestCaseData[] s_wrong =
    [
        Wrong("none with a depth", "--pixel-depth is of a pixel level", "init", "--pixel-level", "none", "--pixel-depth", "2", "--out", "x"),
        Wrong("none with post", "--post-modulation is of a pixel level", "init", "--pixel-level", "none", "--post-modulation", "--out", "x"),
        Wrong("no such level", "'half'; one of full, patch-adaln, no-compaction, none", "init", "--pixel-level", "half", "--out", "x"),
        Wrong("no file", "FILE is missing", "info"),
        Wrong("file and preset", "the one or the other", "info", "x", "--preset", "B"),
        Wrong("hash of a preset", "--hash is of a file", "info", "--preset", "B", "--hash"),
        Wrong("resolution of a file", "--resolution is of --preset", "info", "x", "--resolution", "64"),
        Wrong("resolution that does not divide", "250×250", "info", "--preset", "B", "--resolution", "250"),
        Wrong("resolution too large", "from 1 to 4096", "info", "--preset", "B", "--resolution", "8192"),
        Wrong("measure of no run", "the folder of a run of train was expected", "demo", "--measure", "nowhere"),
        Wrong("measure and text", "--measure and --text exclude each other", "demo", "--measure", "nowhere", "--text")
    ];

    [TestCaseSource(nameof(s_wrong))]
    public void What_does_not_go_together_is_refused_in_a_line(string message, string[] arguments)
    {
        var result = Run(arguments);
        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(File.Exists("x"), Is.False);
    }

    private static TestCaseData Wrong(string name, string message, params string[] arguments) => new TestCaseData(message, arguments).SetArgDisplayNames(name);
}

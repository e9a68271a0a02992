using NUnit.Framework;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Tests.Commands;

/// <summary>A device that is full: one line with what was asked, what is free and which option helps, and no file that is not whole. Verbs run in this process, under a limit.</summary>
public sealed class OutOfMemoryTests
{
    private static readonly string[] s_model = ["--preset", "micro", "--patch-depth", "1", "--threads", "1"];

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder()
    {
        Arena.Limit = 0;
        Directory.Delete(_folder, recursive: true);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private static ProgramResult Run(params string[] arguments) => PixelDiTProgram.RunHere(arguments);

    private static void AssertRefused(ProgramResult result, string advice)
    {
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Output);
        Assert.That(result.Error, Does.Match(@$"^pixeldit: out of device memory: \d+ MiB more were asked for; \d+ MiB are in use, \d+ MiB reserved, \d+ MiB of the device's \d+ MiB free; {advice} needs less\n$"));
    }

    [Test]
    public void Train_names_its_options_and_leaves_no_model()
    {
        Arena.Limit = 64 << 20;
        AssertRefused(Run(["train", "--data", "shapes", "--out", At("run"), "--batch", "256", .. s_model]), "a smaller --batch or --resolution, --accumulate, --checkpoint-activations or --precision bf16,");
        // A run that made no step leaves nothing, so that the same command with a smaller batch may use the folder.
        Assert.That(Directory.Exists(At("run")), Is.False);
        var again = Run(["train", "--data", "shapes", "--out", At("run"), "--batch", "2", "--steps", "1", "--sample-steps", "0", .. s_model]);
        Assert.That(again.ExitCode, Is.Zero, again.Error);
    }

    [Test]
    public void A_full_device_leaves_the_checkpoint_of_a_run_as_it_was()
    {
        string[] train = ["train", "--data", "shapes", "--out", At("run"), "--batch", "2", "--sample-steps", "0", .. s_model];
        Assert.That(Run([.. train, "--steps", "1"]).ExitCode, Is.Zero);
        byte[] state = File.ReadAllBytes(At("run/training.safetensors"));
        Arena.Limit = 1 << 20;
        AssertRefused(Run([.. train, "--steps", "2", "--resume"]), "a smaller --batch or --resolution, --accumulate, --checkpoint-activations or --precision bf16,");
        Assert.That(File.ReadAllBytes(At("run/training.safetensors")), Is.EqualTo(state));
    }

    [Test]
    public void Sample_bench_and_trace_name_their_options()
    {
        Assert.That(Run(["train", "--data", "shapes", "--out", At("run"), "--batch", "2", "--steps", "1", "--sample-steps", "0", .. s_model]).ExitCode, Is.Zero);
        Arena.Limit = 32 << 20;
        AssertRefused(Run("sample", "--model", At("run/model.safetensors"), "--count", "200", "--batch", "1000", "--steps", "1", "--out", At("drawn"), "--threads", "1"), "a smaller --batch");
        Assert.That(Directory.GetFileSystemEntries(At("drawn")), Is.Empty);
        AssertRefused(Run(["bench", "--batch", "512", .. s_model]), "a smaller --batch");
        AssertRefused(Run("trace", "--weights", At("run/model.safetensors"), "--batch", "1000", "--out", At("trace.safetensors"), "--threads", "1"), "a smaller --batch or --resolution");
        Assert.That(Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName), Is.EquivalentTo((string[])["drawn", "run"]));
    }
}

using NUnit.Framework;
using PixelDiT.Tests.Card.Driver;

namespace PixelDiT.Tests.Card;

/// <summary>A driver that refuses: the program says in one line what was refused and why, ends with an exit code, and neither hangs nor keeps its folder locked.</summary>
internal sealed class DriverFailureTests
{
    /// <summary>Functions that free something: the program has what it wanted by then, and does not ask.</summary>
    private static readonly string[] s_frees = ["cuCtxDestroy_v2", "cuEventDestroy_v2", "cuMemFreeHost", "cuMemFree_v2", "cuModuleUnload", "cuStreamDestroy_v2"];

    /// <summary>Functions that training does not call; but for the last, which words a refusal, they are called for a profile, for warp groups and where memory is short.</summary>
    private static readonly string[] s_notCalled = ["cuEventElapsedTime", "cuEventQuery", "cuFuncSetAttribute", "cuMemGetInfo_v2", "cuModuleLoadData", "cuTensorMapEncodeTiled", "cuGetErrorString"];

    private IReadOnlyList<FailedCall> _failed = null!;

    public static IEnumerable<string> Functions => DriverFunctions.Working.Where(function => function != "cuInit").Append(DriverFailures.Kernel).Append(DriverFailures.BlockingKernel);

    [OneTimeSetUp]
    public void Run()
    {
        CardProgram.Require();
        string folder = Directory.CreateTempSubdirectory("failures").FullName;
        try
        {
            var run = CardProgram.Start(150, "failures", Path.Combine(folder, "run"));
            Assert.That(run.ExitCode, Is.Zero, run.Output + run.Error);
            _failed = DriverFailures.Read(run.Output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestCaseSource(nameof(Functions))]
    public void A_function_that_fails_is_told_in_one_line(string function)
    {
        var calls = _failed.Where(failed => failed.Function == function).ToList();
        foreach (var failed in calls) TestContext.Out.WriteLine(failed);
        Assert.That(calls, Is.Not.Empty);
        if (s_notCalled.Contains(function))
        {
            Assert.That(calls.Single().Call, Is.Zero);
            return;
        }
        foreach (var failed in calls)
        {
            Assert.That(failed.ExitCode, Is.Not.Null, "it hung");
            Assert.That(failed.Error, Does.Not.Contain("internal error").And.Not.Contain("holds .pixeldit.lock"));
            // An arena that does not get what it would like asks for what it needs.
            if (s_frees.Contains(function) || function == "cuMemAlloc_v2" && failed.ExitCode == 0) continue;
            Assert.That(failed.ExitCode, Is.EqualTo(1));
            string said = failed.Error.Split(" | ").Last(line => !line.StartsWith("interpreted card:", StringComparison.Ordinal));
            Assert.That(said, Does.StartWith("pixeldit: "));
            Assert.That(failed.Error.Split(" | ").Count(line => line.StartsWith("pixeldit: ", StringComparison.Ordinal)), Is.EqualTo(1), "one line");
            if (!function.StartsWith("cuDevice", StringComparison.Ordinal) && function != "cuDriverGetVersion") Assert.That(said, Does.Contain("unknown error").Or.Contains("CUDA_ERROR_UNKNOWN").Or.Contains("out of").Or.Contains("an illegal memory access"));
            if (function is "cuLaunchKernel" or "cuModuleLoadDataEx" or "cuModuleGetFunction" or DriverFailures.BlockingKernel) Assert.That(said, Does.Match(@"\w+(Kernel|Product|Attention\w*)<|\.\w*Kernel"), "the kernel's name");
            if (function == DriverFailures.Kernel) Assert.That(said, Does.Contain("CUDA_LAUNCH_BLOCKING=1"));
        }
    }

    [Test]
    public void A_driver_that_does_not_start_is_told()
    {
        var run = CardProgram.Start(30, "failing", "cuInit", "1", "devices");
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        var opened = CardProgram.Start(30, "failing", "cuInit", "1", "bench", "--device", "cuda", "--product", "8x8x8");
        Assert.That(opened.ExitCode, Is.EqualTo(1));
        Assert.That(opened.Error, Does.Contain("no CUDA device could be opened").And.Contain("--device cpu"));
    }
}

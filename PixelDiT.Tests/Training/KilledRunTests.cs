using NUnit.Framework;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Training;

/// <summary>A run whose process is killed fifty times, most of them while it writes, is the run that was never killed.</summary>
[Parallelizable]
internal sealed class KilledRunTests
{
    private const int Kills = 50, InSaving = 40;

    // A checkpoint has some forty instants: three files written, flushed, renamed, and seven renames, each with its folder flushed.
    private const int InstantsOfCheckpoint = 44;

    [Test]
    public void Fifty_kills_change_no_bit()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("there is no SIGKILL on Windows");
        int seed = int.TryParse(Environment.GetEnvironmentVariable("PIXELDIT_FUZZ_SEED"), out int given) ? given : Environment.TickCount;
        TestContext.Out.WriteLine($"PIXELDIT_FUZZ_SEED={seed}");
        var random = new Random(seed);
        using var folder = new TemporaryFolder();
        string whole = Path.Combine(folder.Path, "whole"), killed = Path.Combine(folder.Path, "killed");
        var losses = new List<float>();
        DyingRun.Train(whole, null, report => losses.Add(report.Loss));

        var where = new List<string>();
        for (int kill = 0; kill < Kills; kill++)
        {
            // At instants of the first, the second or the third checkpoint after the start, so that the run gets on; and between steps.
            bool inSaving = kill % (Kills / (Kills - InSaving)) != 0;
            var (code, instant) = inSaving
                ? DyingRun.Run(killed, "instant", random.Next(kill == 0 ? 1 : 3) * InstantsOfCheckpoint + random.Next(InstantsOfCheckpoint))
                : DyingRun.Run(killed, "step", random.Next(1, 3));
            Assert.That(code, Is.Not.Zero.And.Not.EqualTo(2), $"kill {kill} did not kill; the run was over: {instant}");
            Assert.That(instant, Is.Not.Empty, $"kill {kill}: {code}");
            Assert.That(instant, Does.Not.Contain("Exception"), $"kill {kill} after {string.Join(", ", where)}");
            where.Add(instant);
        }
        Assert.That(where.Count(instant => !instant.StartsWith("after step", StringComparison.Ordinal)), Is.GreaterThanOrEqualTo(15));

        var left = new List<float>();
        DyingRun.Train(killed, null, report => left.Add(report.Loss));
        Assert.That(left, Is.EqualTo(losses[^left.Count..]), string.Join(", ", where));
        foreach (string file in (string[])[Checkpoint.StateFile, Checkpoint.ModelFile])
            Assert.That(File.ReadAllBytes(Path.Combine(killed, file)), Is.EqualTo(File.ReadAllBytes(Path.Combine(whole, file))), $"{file} after {string.Join(", ", where)}");
        Assert.That(LossesOf(killed), Is.EqualTo(LossesOf(whole)), "loss.csv");
    }

    /// <summary>Steps and losses of a run's log, without what time makes of it.</summary>
    private static string[] LossesOf(string folder) => [.. File.ReadLines(Path.Combine(folder, RunFolder.LogFile)).Select(row => string.Join(',', row.Split(',').Take(4)))];
}

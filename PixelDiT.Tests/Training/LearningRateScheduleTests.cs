using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Training;

/// <summary>The rate that each step of the authors' program used.</summary>
internal sealed class LearningRateScheduleTests
{
    /// <summary>Rates of 1e-4 in double precision: a few roundings of 1e-20.</summary>
    private const double Tolerance = 1e-15;

    private static readonly GoldenFile s_golden = new("came");

    private static IEnumerable<string> Schedules => s_golden.Names.Where(name => name.StartsWith("schedule.", StringComparison.Ordinal));

    [TestCaseSource(nameof(Schedules))]
    public void A_schedule_equals_the_authors(string name)
    {
        var settings = JsonDocument.Parse(s_golden.Metadata(name)).RootElement;
        var schedule = new LearningRateSchedule
        {
            LearningRate = settings.GetProperty("lr").GetDouble(),
            Shape = settings.GetProperty("kind").GetString() switch { "constant" => ScheduleShape.Constant, "cosine" => ScheduleShape.Cosine, _ => ScheduleShape.CosineToConstant },
            Warmup = settings.GetProperty("warmup").GetInt32(),
            Processes = settings.GetProperty("world").GetInt32(),
            Length = settings.GetProperty("loader_length").GetInt64() * settings.GetProperty("epochs").GetInt64(),
            ScaleRatio = settings.TryGetProperty("scale_ratio", out var ratio) ? ratio.GetDouble() : 1
        }.Validate();
        double[] expected = s_golden.Doubles(name);
        long[] steps = settings.TryGetProperty("steps", out var given) ? [.. given.EnumerateArray().Select(step => step.GetInt64())] : [.. Enumerable.Range(0, expected.Length).Select(step => (long)step)];
        // Of the largest rate.
        Deviation.Check(name, [.. steps.Select(schedule.At)], expected, Tolerance);
    }

    [Test]
    public void The_base_rate_is_scaled_by_the_effective_batch()
    {
        int[] batches = s_golden.Integers("scaling.effective_batch");
        Deviation.Check("square root", [.. batches.Select(batch => LearningRateSchedule.SquareRootScaled(1e-4, batch))], s_golden.Doubles("scaling.sqrt"), Tolerance);
        Deviation.Check("linear", [.. batches.Select(batch => LearningRateSchedule.LinearlyScaled(1e-4, batch))], s_golden.Doubles("scaling.linear"), Tolerance);
    }

    [Test]
    public void Settings_out_of_range_are_named()
    {
        Assert.That(Assert.Throws<ConfigurationException>(() => new LearningRateSchedule { LearningRate = 1e-4, ScaleRatio = 0.5 }.Validate())!.Message, Does.StartWith("scale-ratio is 0.5"));
        Assert.That(Assert.Throws<ConfigurationException>(() => new LearningRateSchedule { LearningRate = 1e-4, Warmup = -1 }.Validate())!.Message, Does.StartWith("warmup is -1"));
        Assert.That(Assert.Throws<ConfigurationException>(() => new LearningRateSchedule { LearningRate = 0 }.Validate())!.Message, Does.StartWith("lr is 0"));
    }
}

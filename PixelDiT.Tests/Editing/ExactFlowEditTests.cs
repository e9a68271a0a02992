using System.Globalization;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Editing;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Editing;

/// <summary>FlowEdit in double precision against the golden trajectories.</summary>
internal sealed class ExactFlowEditTests
{
    [TestCase("plain")]
    [TestCase("averaged")]
    [TestCase("regular_end")]
    [TestCase("all_regular")]
    public void A_velocity_in_closed_form_gives_the_golden_trajectory(string run)
    {
        var golden = new GoldenFile("flowedit/analytic");
        double k0 = double.Parse(golden.Metadata("k0"), CultureInfo.InvariantCulture), k1 = double.Parse(golden.Metadata("k1"), CultureInfo.InvariantCulture);
        // The golden numbers are float32 sums of a dozen terms.
        Check(golden, run, 1e-6, 1e-6, (x, sigma, embedding) => [.. x.Zip(embedding, (value, e) => ((k0 + (k1 * sigma)) * value) + e)]);
    }

    [TestCase("plain")]
    [TestCase("averaged_regular_end")]
    public void A_text_model_gives_the_golden_trajectory(string run)
    {
        GoldenFile golden = new("flowedit/t2i"), weights = new("t2i/weights");
        var config = ModelConfig.FromJson(weights.Metadata("config"), "t2i");
        var model = new ExactTextModel(config, parameter => weights.Doubles($"core.{parameter}"));
        int[] shape = golden.Shape("in.source");
        // The golden velocities are float32, whose cosines and sines of arguments up to 1000 have lost digits; a difference of guided ones multiplies that. The largest deviations measured are 1.03e-5 and 4.8e-5.
        Check(golden, run, 2e-5, 1e-4, (x, sigma, embedding) => model.Forward(x, [1000 * sigma], embedding, shape[2], shape[3]));
    }

    private static void Check(GoldenFile golden, string run, double stateTolerance, double velocityTolerance, Func<double[], double, double[], double[]> velocity)
    {
        using var settings = JsonDocument.Parse(golden.Metadata(run));
        int Setting(string key) => settings.RootElement.GetProperty(key).GetInt32();
        var config = new FlowEditConfig
        {
            Steps = Setting("steps"),
            MaxSteps = Setting("n_max"),
            MinSteps = Setting("n_min"),
            Draws = Setting("n_avg"),
            SourceGuidance = settings.RootElement.GetProperty("source_guidance").GetDouble(),
            Guidance = settings.RootElement.GetProperty("target_guidance").GetDouble()
        };
        double[] source = golden.Doubles("in.source"), none = golden.Doubles("in.uncond_embedding"), from = golden.Doubles("in.source_embedding"), to = golden.Doubles("in.target_embedding");
        double[] noise = [.. golden.Doubles($"{run}.noise"), .. golden.Names.Contains($"{run}.start_noise") ? golden.Doubles($"{run}.start_noise") : []];
        int drawn = 0;
        var steps = ExactFlowEdit.Run(
            source, config, golden.Doubles($"{run}.sigmas"), (x, sigma, side) => velocity(x, sigma, side switch { EditSide.Source => from, EditSide.Target => to, _ => none }), () => noise[(source.Length * drawn)..(source.Length * ++drawn)]);
        Assert.That(drawn * source.Length, Is.EqualTo(noise.Length), "every draw is used");
        Deviation.Check($"{run}.x", [.. source, .. steps.SelectMany(step => step.State)], golden.Doubles($"{run}.x"), stateTolerance);
        Deviation.Check($"{run}.v", [.. steps.SelectMany(step => step.Velocity)], golden.Doubles($"{run}.v"), velocityTolerance);
    }
}

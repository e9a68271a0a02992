using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Commands;

/// <summary><c>train --recipe small</c>: settings that belong together, over which every option wins.</summary>
internal sealed class TrainRecipeTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private ProgramResult Train(string run, params string[] arguments) => PixelDiTProgram.RunHere(["train", "--out", At(run), "--device", "cpu", "--threads", "1", .. arguments]);

    private JsonElement Settings(string run) => JsonDocument.Parse(File.ReadAllText(Path.Combine(At(run), RunFolder.ConfigFile))).RootElement;

    [Test]
    public void A_recipe_is_recorded_options_win_and_the_run_goes_on()
    {
        Train("a", "--data", "shapes", "--resolution", "16", "--recipe", "small", "--steps", "2", "--warmup", "1", "--batch", "4", "--hidden", "24", "--heads", "2", "--sample-steps", "1").Done();
        var settings = Settings("a");
        Assert.That((settings.GetProperty("recipe").GetString(), settings.GetProperty("lr").GetDouble(), settings.GetProperty("lr-decay").GetString(), settings.GetProperty("patch").GetInt32(), settings.GetProperty("time-shift").GetDouble()), Is.EqualTo(("small", 3e-3, "cosine", 8, 2d)));
        Assert.That((settings.GetProperty("batch").GetInt32(), settings.GetProperty("hidden").GetInt32(), settings.GetProperty("warmup").GetInt32()), Is.EqualTo((4, 24, 1)));
        using (var stored = StoredModel.Open(At("a"))) Assert.That((stored.Info.Config.Hidden, stored.Info.Config.Patch, stored.Info.TimeShift), Is.EqualTo((24, 8, (double?)2)));
        PixelDiTProgram.RunHere(["train", "--resume", "--extend", "--steps", "3", "--out", At("a")]).Done();

        // What it was trained with is what it is drawn with.
        PixelDiTProgram.RunHere(["sample", "--model", At("a"), "--class", "1", "--count", "1", "--steps", "1", "--device", "cpu", "--out", At("drawn")]).Done();
        Assert.That(JsonDocument.Parse(File.ReadAllText(Path.Combine(At("drawn"), "samples.json"))).RootElement.GetProperty("time_shift").GetDouble(), Is.EqualTo(2));
    }

    [Test]
    public void A_file_of_settings_wins_over_a_recipe_and_a_model_says_the_sizes()
    {
        File.WriteAllText(At("own.json"), """{"lr": 0.001, "recipe": "small", "warmup": 0, "sample-steps": 0}""");
        Train("a", "--config", At("own.json"), "--data", "shapes", "--resolution", "16", "--preset", "micro", "--steps", "1", "--batch", "2", "--hidden", "24", "--heads", "2").Done();
        Assert.That((Settings("a").GetProperty("lr").GetDouble(), Settings("a").GetProperty("ema").GetDouble()), Is.EqualTo((1e-3, 0.998)));
        Train("b", "--data", "shapes", "--resolution", "16", "--recipe", "small", "--warmup", "0", "--from", At("a"), "--steps", "1", "--batch", "2", "--sample-steps", "0").Done();
        Assert.That(Settings("b").TryGetProperty("hidden", out _), Is.False);
        Assert.That(Train("c", "--data", "shapes", "--recipe", "smal").Error, Does.Contain("did you mean small?"));
    }
}

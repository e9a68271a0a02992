using System.Text;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Commands;

/// <summary>Text models, and images that are no squares, by <c>train</c>, <c>data</c> and <c>encode</c>, as a person asks for them.</summary>
internal sealed class TrainTextTests
{
    private static readonly string[] s_text = ["--preset", "micro-text", "--text-width", "16", "--text-tokens", "8", "--steps", "2", "--device", "cpu", "--threads", "1", "--seed", "1"];

    private static readonly string[] s_two = ["--batch", "2", "--sample-steps", "1"];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakePictures()
    {
        _folder = new TemporaryFolder();
        for (int i = 0; i < 4; i++)
        {
            _folder.Write($"pictures/{i}.png", ImageFolderTests.Png(48, 32, (byte)(60 * i), 90, 30));
            _folder.Write($"pictures/{i}.txt", Encoding.UTF8.GetBytes($"picture {i} --hw 8:16\n"));
            _folder.Write($"classes/{(i < 2 ? "cat" : "dog")}/{i}.png", ImageFolderTests.Png(48, 32, (byte)(60 * i), 90, 30));
        }
    }

    [TearDown]
    public void RemovePictures() => _folder.Dispose();

    private string At(params string[] parts) => Path.Combine([_folder.Path, .. parts]);

    private static ProgramResult Run(string verb, params string[] arguments) => PixelDiTProgram.RunHere([verb, .. arguments]);

    private static string Refused(ProgramResult result)
    {
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Output);
        Assert.That(result.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1), "one line");
        return result.Error;
    }

    [Test]
    public void Drawings_with_captions_train_a_text_model_that_sample_takes()
    {
        string said = Run("train", ["--data", "shapes", "--out", At("run"), .. s_text, .. s_two, "--resolution", "16", "--time-shift", "2"]).Done();
        Assert.That(said, Does.Contain("endless images of 16×16, with captions"));
        Assert.That(Directory.GetFiles(At("run")).Select(Path.GetFileName), Is.EquivalentTo((string[])["config.json", "loss.csv", "model.safetensors", "training.safetensors", "checkpoint.json", "samples.png"]));
        Assert.That(Run("info", At("run")).Done(), Does.Contain("trained for 2 steps at 16×16").And.Contain("text encoder: words").And.Contain("time shift: 2"));
        Run("sample", "--model", At("run"), "--prompt", "a red disc", "--steps", "1", "--out", At("drawn"), "--device", "cpu", "--threads", "1").Done();
        Assert.That(JsonDocument.Parse(File.ReadAllText(At("drawn", "samples.json"))).RootElement.GetProperty("time_shift").GetDouble(), Is.EqualTo(2), "the shift it was trained with");
    }

    [Test]
    public void A_run_of_both_sides_goes_on_by_its_folder_alone()
    {
        Run("train", ["--data", At("pictures"), "--out", At("run"), .. s_text, .. s_two, "--width", "24", "--height", "16", "--no-cache"]).Done();
        Assert.That(Run("info", At("run")).Done(), Does.Contain("trained for 2 steps at 16×24"));
        Assert.That(Run("train", "--out", At("run"), "--resume", "--steps", "3").Done(), Does.Contain("16×24"));
        Assert.That(File.ReadAllLines(At("run", "loss.csv")), Has.Length.EqualTo(4));
    }

    [Test]
    public void A_run_with_came_keeps_to_its_own_settings_and_goes_on_by_its_folder_alone()
    {
        Run("train", ["--data", "shapes", "--out", At("run"), .. s_text, .. s_two, "--resolution", "16", "--optimizer", "came"]).Done();
        Run("train", "--out", At("run"), "--resume", "--steps", "3").Done();
        Assert.That(File.ReadAllLines(At("run", "loss.csv")), Has.Length.EqualTo(4));
        Assert.That(Refused(Run("train", "--out", At("run"), "--resume", "--steps", "4", "--ema", "0.99")), Does.Contain("ema is 0.99 here and null"));
        Assert.That(Refused(Run("train", "--out", At("run"), "--resume", "--steps", "4", "--optimizer", "adamw")), Does.Contain("optimizer is adamw here and came in "));
        Assert.That(Run("info", At("run", "training.safetensors")).Done(), Does.Not.Contain("RMS.* (raw)"));
    }

    [Test]
    public void Prompts_with_size_marks_are_stored_as_they_are_looked_up()
    {
        StoredModel.WriteNew(At("model.safetensors"), Presets.Get("micro-text"), 1, nonzero: true, DataType.F32);
        string[] drawing = ["--model", At("model.safetensors"), "--prompt", " a fox --ar 1:1", "--steps", "1", "--resolution", "16", "--device", "cpu", "--threads", "1"], encoding = ["--encoder", "words", "--model", At("model.safetensors"), "--prompt", " a fox --ar 1:1"];
        Run("encode", [.. encoding, "--out", At("whole.safetensors")]).Done();
        Run("sample", [.. drawing, "--embeddings", At("whole.safetensors"), "--out", At("whole")]).Done();
        Run("encode", [.. encoding, "--released-aspect", "--out", At("cut.safetensors")]).Done();
        var refused = Run("sample", [.. drawing, "--embeddings", At("cut.safetensors"), "--out", At("cut")]);
        Assert.That(refused.ExitCode, Is.EqualTo(1));
        Assert.That(refused.Error, Does.Contain("holds no states of the prompt \" a fox --ar 1:1\""));
    }

    [Test]
    public void A_run_of_buckets_goes_on_by_its_folder_alone()
    {
        Run("train", ["--data", At("pictures"), "--out", At("run"), .. s_text, "--batch", "1", "--sample-steps", "0", "--patch", "16", "--buckets", "512"]).Done();
        Run("train", "--out", At("run"), "--resume", "--steps", "3").Done();
        Assert.That(File.ReadAllLines(At("run", "loss.csv")), Has.Length.EqualTo(4));
        Assert.That(Refused(Run("train", "--out", At("run"), "--resume", "--steps", "3", "--resolution", "64")), Does.Contain("--resolution is of images of one size; --buckets excludes it"));
    }

    [Test]
    public void A_run_begins_with_the_weights_of_a_file_and_goes_on_without_it()
    {
        string[] small = ["--batch", "2", "--sample-steps", "0", "--device", "cpu", "--threads", "1", "--seed", "4"];
        Run("train", ["--data", "shapes", "--preset", "micro", "--hidden", "24", "--heads", "2", "--resolution", "16", "--steps", "3", "--lr", "1e-2", "--no-ema-warmup", "--ema", "0", "--out", At("first"), .. small]).Done();
        var begun = Run("train", ["--from", At("first"), "--data", $"folder:{At("classes")}", "--resolution", "32", "--steps", "1", "--lr", "1e-9", "--out", At("second"), .. small, "--no-cache"]);
        begun.Done();
        Assert.That(begun.Error, Does.Contain("has 9 classes, and the data 2; y_embedder.embedding_table.weight begins anew"));
        using (StoredModel first = StoredModel.Open(At("first")), second = StoredModel.Open(At("second")))
        {
            Assert.That(second.Info.Config, Is.EqualTo(first.Info.Config with { Classes = 2 }));
            // A step of a thousand-millionth moves no weight of this size.
            Assert.That(second.ReadWidened("s_embedder.proj.weight"), Is.EqualTo(first.ReadWidened("s_embedder.proj.weight")).Within(1e-6));
        }
        Assert.That(Refused(Run("train", ["--from", At("first"), "--preset", "micro", "--data", "shapes", "--out", At("new"), .. small])), Does.Contain("--preset is of new models; --from says the sizes"));
        Assert.That(Refused(Run("train", ["--from", At("pictures", "0.png"), "--data", "shapes", "--out", At("new"), .. small])), Does.Contain("0.png"));
        Assert.That(At("new"), Does.Not.Exist);

        Directory.Delete(At("first"), recursive: true);
        Assert.That(Run("train", "--resume", "--out", At("second"), "--steps", "2").Done(), Does.Contain("going on from step 1 of 2"));
    }

    [Test]
    public void A_text_model_begins_with_a_text_model()
    {
        Run("train", ["--data", "shapes", "--out", At("first"), .. s_text, .. s_two, "--resolution", "16"]).Done();
        string[] more = ["--from", At("first"), "--data", "shapes", "--resolution", "16", "--steps", "1", "--out", At("second"), .. s_two, "--device", "cpu", "--threads", "1"];
        Run("train", more).Done();
        Assert.That(Run("info", At("second")).Done(), Does.Contain("text of width 16, at most 8 tokens"));
    }

    [Test]
    public void Class_models_train_and_draw_images_of_both_sides()
    {
        string[] train = ["--data", $"folder:{At("classes")}", "--preset", "micro", "--width", "24", "--height", "16", "--batch", "2", "--steps", "1", "--sample-steps", "1", "--no-cache", "--device", "cpu", "--threads", "1"];
        Assert.That(Run("train", ["--out", At("run"), .. train]).Done(), Does.Contain("4 images of 16×24, 2 classes"));
        Run("sample", "--model", At("run"), "--class", "0", "--steps", "1", "--singles", "--out", At("drawn"), "--device", "cpu", "--threads", "1").Done();
        var picture = StbImageSharp.ImageResult.FromMemory(File.ReadAllBytes(At("drawn", "000000_class0000.png")));
        Assert.That((picture.Width, picture.Height), Is.EqualTo((24, 16)));
        Assert.That(Run("data", $"folder:{At("classes")}", "--width", "24", "--height", "16", "--no-cache", "--no-estimate", "--out", At("sheet.png")).Done(), Does.Contain("16×24"));
    }

    [Test]
    public void Captions_are_encoded_once_and_trained_from_the_file()
    {
        string states = At("states.safetensors"), model = At("model.safetensors");
        StoredModel.WriteNew(model, Presets.Get("micro-text") with { TextWidth = 16, TextTokens = 8 }, 1, nonzero: false, DataType.F32);
        Assert.That(Run("encode", "--encoder", "words", "--model", model, "--data", At("pictures"), "--out", states).Done(), Does.Contain("wrote 5 texts of 8 states of 16 channels"));
        Run("train", ["--data", At("pictures"), "--out", At("stored"), "--embeddings", states, .. s_text, .. s_two, "--resolution", "16", "--no-cache"]).Done();
        Run("train", ["--data", At("pictures"), "--out", At("computed"), .. s_text, .. s_two, "--resolution", "16", "--no-cache"]).Done();
        string Losses(string run) => string.Join('\n', File.ReadAllLines(At(run, "loss.csv")).Select(line => string.Join(',', line.Split(',').Take(4))));
        Assert.That(Losses("stored"), Is.EqualTo(Losses("computed")));

        _folder.Write("pictures/1.txt", "a caption of later"u8.ToArray());
        Assert.That(Refused(Run("train", ["--data", At("pictures"), "--out", At("new"), "--embeddings", states, .. s_text, .. s_two, "--resolution", "16", "--no-cache"])), Does.Contain("a caption of later"));
        Assert.That(At("new"), Does.Not.Exist);
    }
}

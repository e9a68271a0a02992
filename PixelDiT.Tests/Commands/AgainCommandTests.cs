using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Commands;

/// <summary>Pictures remember what made them: <c>info</c> prints it, <c>sample --again</c> draws them again to the byte.</summary>
internal sealed class AgainCommandTests
{
    private static readonly string[] s_device = ["--device", "cpu", "--threads", "1"];

    private string _folder = "";

    [OneTimeSetUp]
    public void MakeModels()
    {
        _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;
        StoredModel.WriteNew(At("text.safetensors"), Presets.Get("micro-text"), 3, nonzero: true, DataType.F32);
        StoredModel.WriteNew(At("class.safetensors"), Presets.Get("micro"), 3, nonzero: true, DataType.F32);
        StoredModel.WriteNew(At("other.safetensors"), Presets.Get("micro"), 4, nonzero: true, DataType.F32);
    }

    [OneTimeTearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string At(params string[] parts) => Path.Combine([_folder, .. parts]);

    private ProgramResult Sample(string model, string folder, params string[] arguments) => PixelDiTProgram.RunHere(["sample", "--model", At(model), "--out", At(folder), "--steps", "3", .. s_device, .. arguments]);

    private ProgramResult Again(string picture, string model, params string[] arguments) => PixelDiTProgram.RunHere(["sample", "--again", picture, "--model", At(model), "--out", At("again", Guid.NewGuid().ToString("N")), .. s_device, .. arguments]);

    private void RequireEqual(string picture, string model, params string[] arguments)
    {
        string output = Again(picture, model, arguments).Done();
        Assert.That(output, Does.Contain($"{Path.GetFileName(picture)}: the same {new FileInfo(picture).Length:N0} bytes as {picture}"));
    }

    [TestCase("euler"), TestCase("heun"), TestCase("heun-exact"), TestCase("flow-dpm")]
    public void Pictures_of_classes_are_drawn_again_to_the_byte(string sampler)
    {
        string folder = $"class-{sampler}";
        Sample("class.safetensors", folder, "--class", "2,none", "--count", "3", "--resolution", "8", "--sampler", sampler, "--interval", "0.1,0.9", "--guidance", "1.7", "--time-shift", "1.3", "--seed", "7", "--singles", "--apng").Done();
        foreach (string name in (string[])["samples.png", "trajectory.png", "animation.png", "000004_class0010.png"]) RequireEqual(At(folder, name), "class.safetensors", "--batch", "2");
    }

    [TestCase("euler"), TestCase("heun"), TestCase("heun-exact"), TestCase("dpm-solver++")]
    public void Pictures_of_texts_are_drawn_again_to_the_byte(string sampler)
    {
        string folder = $"text-{sampler}";
        File.WriteAllLines(At("prompts.jsonl"), [
            """{"prompt": "a red disc, \"gr\u00f6\u00dfer\" \u0001", "negative": "blue", "seed": 11}""", """{"prompt": "Steps: 3", "width": 16, "height": 8}""", """{"prompt": ""}"""]);
        Sample("text.safetensors", folder, "--encoder", "words", "--prompts", At("prompts.jsonl"), "--count", "2", "--resolution", "8", "--sampler", sampler, "--time-dtype", "bf16", "--apng").Done();
        foreach (string name in (string[])["samples.png", "trajectory.png", "animation.png", "empty_1.png", "a-red-disc-größer_2.png"]) RequireEqual(At(folder, name), "text.safetensors", "--guidance-passes", "one");
    }

    [Test]
    public void Recipes_lists_of_seeds_and_precisions_are_kept()
    {
        File.WriteAllText(At("seeds.txt"), "5\n18446744073709551615\n");
        Sample("class.safetensors", "seeds", "--class", "1", "--count", "2", "--resolution", "8", "--seeds", At("seeds.txt"), "--precision", "bf16", "--singles").Done();
        Sample("class.safetensors", "recipe", "--recipe", "imagenet512", "--class", "1", "--count", "2", "--resolution", "8", "--singles").Done();
        foreach (string folder in (string[])["seeds", "recipe"])
        {
            foreach (string name in (string[])["samples.png", "000001_class0001.png"]) RequireEqual(At(folder, name), "class.safetensors");
        }
    }

    [Test]
    public void Stored_states_must_be_the_same()
    {
        using (var encoder = new WordsEncoder(Presets.Get("micro-text").TextWidth, 16)) EmbeddingFile.Write(At("states.safetensors"), encoder, [new(null, new("a disc")), new(null, new("", true))], DataType.F32, 4);
        Sample("text.safetensors", "stored", "--embeddings", At("states.safetensors"), "--prompt", "a disc", "--resolution", "8").Done();
        RequireEqual(At("stored", "a-disc.png"), "text.safetensors", "--embeddings", At("states.safetensors"));
        RequireEqual(At("stored", "a-disc.png"), "text.safetensors", "--encoder", "words");

        // Other states under the same identity.
        byte[] bytes = File.ReadAllBytes(At("states.safetensors"));
        bytes[^2] ^= 0x10;
        File.WriteAllBytes(At("changed.safetensors"), bytes);
        var result = Again(At("stored", "a-disc.png"), "text.safetensors", "--embeddings", At("changed.safetensors"));
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain("was drawn with other states of its texts than those that --embeddings has stored"));
        using (var encoder = new WordsEncoder(Presets.Get("micro-text").TextWidth, 16)) EmbeddingFile.Write(At("rounded.safetensors"), encoder, [new(null, new("a disc")), new(null, new("", true))], DataType.BF16, 4);
        Assert.That(Again(At("stored", "a-disc.png"), "text.safetensors", "--embeddings", At("rounded.safetensors")).Error, Does.Contain("was drawn with the text encoder \"words\" whose SHA-256 begins with"));
    }

    [Test]
    public void Grids_of_training_are_drawn_again_to_the_byte()
    {
        string run = At("run"), text = At("text-run");
        PixelDiTProgram.RunHere(["train", "--data", "shapes", "--preset", "micro", "--resolution", "16", "--steps", "2", "--batch", "4", "--sample-steps", "3", "--out", run, .. s_device]).Done();
        RequireEqual(Path.Combine(run, "samples.png"), run);
        PixelDiTProgram.RunHere(["train", "--data", "shapes", "--preset", "micro-text", "--resolution", "16", "--steps", "2", "--batch", "4", "--sample-steps", "3", "--sample-every", "1", "--time-shift", "2", "--seed", "3", "--out", text, .. s_device]).Done();
        RequireEqual(Path.Combine(text, "samples.png"), text);
        Assert.That(Again(Path.Combine(text, "samples", "00000001.png"), text).Error, Does.Contain("was drawn with weights whose SHA-256 begins with"));
        PixelDiTProgram.RunHere(["train", "--data", "shapes", "--preset", "micro", "--resolution", "16", "--steps", "1", "--batch", "4", "--sample-steps", "2", "--no-metadata", "--out", At("silent-run"), .. s_device]).Done();
        Assert.That(PngInfo.Read(At("silent-run", "samples.png")).Texts, Is.Empty);
    }

    [Test]
    public void Sheets_of_a_demonstration_are_drawn_again_to_the_byte()
    {
        using var device = Device.Open("cpu", 2);
        string folder = At("demo");
        using (var run = TrainingRun.Create(folder, device, new ClassData(new Shapes(32)), Demo.Sizes with { Hidden = 24, Heads = 2, PatchDepth = 1 }, Demo.Training with { Steps = 1 }, ExistingRun.Refuse))
        {
            run.Run(0, _ => { });
            Demo.Draw(run);
        }
        RequireEqual(Path.Combine(folder, "samples.png"), folder);
        RequireEqual(Path.Combine(folder, "trajectory.png"), folder);
        Assert.That(PixelDiTProgram.RunHere("info", Path.Combine(folder, "trajectory.png")).Done(), Does.Contain("film").And.Contain("red disc"));
    }

    [Test]
    public void Sheets_of_the_demonstration_of_text_are_drawn_again_to_the_byte()
    {
        using var device = Device.Open("cpu", 2);
        string folder = At("text-demo");
        var sizes = TextDemo.Sizes with { Hidden = 24, Heads = 2, PatchDepth = 1 };
        using (var run = TrainingRun.Create(folder, device, new CaptionedData(new Reference.Data.Drawings.CaptionedShapes(32), new WordsEncoder(sizes.TextWidth, sizes.TextTokens)), sizes, TextDemo.Training with { Steps = 1 }, ExistingRun.Refuse))
        {
            run.Run(0, _ => { });
            TextDemo.Draw(run);
        }
        RequireEqual(Path.Combine(folder, "samples.png"), folder);
        RequireEqual(Path.Combine(folder, "words.png"), folder);
    }

    [Test]
    public void Edits_say_what_made_them_and_by_which_command()
    {
        Sample("text.safetensors", "source", "--encoder", "words", "--prompt", "a red disc", "--resolution", "8").Done();
        string[] edit = ["edit", "--model", At("text.safetensors"), "--encoder", "words", "--image", At("source", "a-red-disc.png"), "--source-prompt", "a red disc", "--prompt", "it's blue", "--steps", "2", "--n-max", "1", .. s_device];
        PixelDiTProgram.RunHere([.. edit, "--out", At("edits")]).Done();
        foreach (string name in (string[])["edited.png", "edited.sheet.png", "edited.film.png"])
        {
            Assert.That(PixelDiTProgram.RunHere("info", At("edits", name)).Done(), Does.Contain("it's blue").And.Contain("weights_sha256"));
            Assert.That(Again(At("edits", name), "text.safetensors").Error, Does.Contain("made again by: pixeldit edit --model FILE --image a-red-disc.png --source-prompt 'a red disc' --prompt 'it'\\''s blue' --fit pad --steps 2 --n-max 1"));
        }
        PixelDiTProgram.RunHere([.. edit, "--out", At("silent-edits"), "--no-metadata"]).Done();
        Assert.That(PngInfo.Read(At("silent-edits", "edited.png")).Texts, Is.Empty);
    }

    [Test]
    public void Programs_of_the_field_find_the_parameters()
    {
        Sample("text.safetensors", "field", "--encoder", "words", "--prompt", "a red\ndisc", "--negative", "blue", "--resolution", "8", "--seed", "4").Done();
        var info = PngInfo.Read(At("field", "a-red-disc.png"));
        string[] lines = info.Texts.Single(text => text.Keyword == "parameters").Text.Split('\n');
        Assert.That(lines[..2], Is.EqualTo((string[])["a red disc", "Negative prompt: blue"]));
        Assert.That(lines[2], Does.Match("^Steps: 3, Sampler: dpm-solver\\+\\+, CFG scale: 2.75, Seed: 4, Size: 8x8, Time shift: 1, Model hash: [0-9a-f]{10}, Version: pixeldit 2\\."));
        Assert.That(Encoding.UTF8.GetString(File.ReadAllBytes(At("field", "a-red-disc.png"))), Does.Not.Contain(_folder), "no path");
    }

    [Test]
    public void What_cannot_be_drawn_again_is_refused_in_one_line()
    {
        Sample("class.safetensors", "refused", "--class", "1", "--count", "1", "--resolution", "8", "--singles").Done();
        string picture = At("refused", "samples.png");
        void Refused(ProgramResult result, string message) => Assert.That((result.ExitCode, result.Error.Count(letter => letter == '\n'), result.Error.Contains(message)), Is.EqualTo((1, 1, true)), result.Error);
        Refused(Again(picture, "other.safetensors"), $"{picture}: was drawn with weights whose SHA-256 begins with ");
        Refused(Again(picture, "text.safetensors"), "was drawn by a class-conditional model");
        Refused(Again(picture, "class.safetensors", "--steps", "4"), "--again takes what is drawn from the picture; --steps excludes it");
        Refused(Again(picture, "class.safetensors", "--width", "8"), "--width excludes it");
        Refused(Again(picture, "class.safetensors", "--no-metadata"), "--no-metadata excludes it");
        Refused(PixelDiTProgram.RunHere(["sample", "--again", picture, "--model", At("class.safetensors"), "--out", At("refused"), "--overwrite"]), "is the file to read from as well");
        Refused(Again(At("class.safetensors"), "class.safetensors"), "is no PNG");
        Sample("class.safetensors", "silent", "--class", "1", "--count", "1", "--resolution", "8", "--no-metadata").Done();
        Assert.That(PngInfo.Read(At("silent", "samples.png")).Texts, Is.Empty);
        Refused(Again(At("silent", "samples.png"), "class.safetensors"), "has no record of how it was drawn");

        // Records that somebody has changed.
        string record = PngInfo.Read(picture).Texts.Single(text => text.Keyword == "pixeldit").Text;
        void Changed(string from, string to, string message)
        {
            Assert.That(record, Does.Contain(from));
            PngWriter.Write(At("changed.png"), new Picture(1, 1, 3, new byte[3]), [new("pixeldit", record.Replace(from, to, StringComparison.Ordinal))]);
            Refused(Again(At("changed.png"), "class.safetensors"), message);
        }
        Changed("\"steps\": 3", "\"steps\": 1e9", "\"steps\" is 1e9; a whole number from 1 to 10000 was expected");
        Changed("\"steps\": 3", "\"magic\": 3", "\"steps\" is absent");
        Changed("\"steps\": 3", "\"steps\": 3, \"magic\": 3", "has a field \"magic\", which this version does not know");
        Changed("\"sampler\": \"flow-dpm\"", "\"sampler\": \"dpm-solver++\"", "its record: sampler is 'dpm-solver++'");
        Changed("\"count\": 1", "\"count\": 1000000000", "\"count\" is 1000000000");
        Changed("\"count\": 1", "\"count\": 100000", "\"images\" is 1; 100000 was expected");
        Changed("\"resolution\": 8", "\"resolution\": 9", "its record has images of 9×9");
        Changed("\"classes\": [1]", "\"classes\": [99]", "its record has a class 99");
        Changed("\"picture\": \"grid\"", "\"picture\": \"\\u001b[2J\"", "\"picture\" is \"\\u001B[2J\"; one of single, grid, film, animation was expected");
        Changed("\"picture\": \"grid\"", "\"picture\": \"\\ud800\"", "its record is no Unicode");
        Changed("\"program\"", "\"\\udc00\": 1, \"program\"", "its record is no Unicode");
        Changed("\"program\"", "\"drawn\": 3, \"program\"", "shows the 3 images that were there when its run was stopped");
        Changed("{", "[{", "its record is not JSON");
    }

    [Test]
    public void Pixels_that_are_others_are_said_and_what_may_be_the_cause()
    {
        Sample("class.safetensors", "moved", "--class", "1", "--count", "1", "--resolution", "8", "--singles").Done();
        string picture = At("moved", "000000_class0001.png");
        var texts = PngInfo.Read(picture).Texts;
        var image = StbImageSharp.ImageResult.FromMemory(File.ReadAllBytes(picture));
        // Drawn by another machine, to the same pixels.
        PngText[] others = [.. texts.Select(text => text with { Text = text.Text.Replace("\"device\": \"cpu\"", "\"device\": \"cuda\"", StringComparison.Ordinal) })];
        PngWriter.Write(picture, new Picture(8, 8, 3, image.Data), others);
        Assert.That(Again(picture, "class.safetensors").Done(), Does.Contain($"the same pixels as {picture}; the bytes of the files differ: device was \"cuda\" and is \"cpu\""));
        image.Data[4] ^= 3;
        PngWriter.Write(picture, new Picture(8, 8, 3, image.Data), others);
        var result = Again(picture, "class.safetensors");
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Error, Does.Match("is not .*: 1 pixel of 64 differ, by at most [123] of 255: device was \"cuda\" and is \"cpu\"; the last bits depend on these"));
        PngWriter.Write(picture, new Picture(8, 8, 3, image.Data), texts);
        Assert.That(Again(picture, "class.safetensors").Error, Does.Contain("nothing that the record holds has changed: it may have been edited since"));
    }
}

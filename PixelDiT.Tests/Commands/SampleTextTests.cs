using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using StbImageSharp;

namespace PixelDiT.Tests.Commands;

/// <summary>Pictures of texts and of any size by <c>sample</c>, as a person asks for them.</summary>
internal sealed class SampleTextTests
{
    private static readonly string[] s_text = ["--model", "text.safetensors", "--encoder", "words", "--device", "cpu", "--threads", "1"];

    private string _folder = "";

    [OneTimeSetUp]
    public void MakeModels()
    {
        _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;
        StoredModel.WriteNew(At("text.safetensors"), Presets.Get("micro-text"), 3, nonzero: true, DataType.F32);
        StoredModel.WriteNew(At("class.safetensors"), Presets.Get("micro"), 3, nonzero: true, DataType.F32);
        File.WriteAllLines(At("prompts.jsonl"), [
            """{"id": "first", "prompt": "a red disc", "negative": "blue", "seed": 11}""",
            """{"prompt": "a blue square", "width": 16, "height": 8}""",
            """{"prompt": "a Red Disc!"}"""]);
        File.WriteAllText(At("one_side.jsonl"), """{"prompt": "a", "width": 16}""");
        File.WriteAllText(At("odd_side.jsonl"), """{"prompt": "a", "width": 18, "height": 8}""");
        File.WriteAllText(At("broken.jsonl"), "{\"prompt\": ");
        File.WriteAllText(At("marks.txt"), "a fox --hw 8:16\na disc --aspect_ratio 0:1\n");
        File.WriteAllText(At("sizes.txt"), "a wide fox --hw 8:16\na disc --hw 8:8 --style raw\n");
        File.WriteAllText(At("seeds.txt"), "1\n2\n3\n");
        File.WriteAllText(At("none.txt"), "\n\n");
    }

    [OneTimeTearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string At(params string[] parts) => Path.Combine([_folder, .. parts]);

    /// <summary>Runs the verb in this process, with paths below the folder: a program takes a second to start.</summary>
    private ProgramResult Sample(params string[] arguments)
    {
        string[] files = ["--model", "--prompts", "--out", "--seeds"];
        string[] given = [.. arguments.Select((argument, i) => i > 0 && files.Contains(arguments[i - 1]) ? At(argument) : argument)];
        return PixelDiTProgram.RunHere(["sample", .. given]);
    }

    private JsonElement Record(params string[] parts) => JsonDocument.Parse(File.ReadAllText(At(parts))).RootElement;

    private string[] Names(string folder) => [.. Directory.GetFiles(At(folder)).Select(path => Path.GetFileName(path))];

    private ImageResult Image(params string[] parts) => ImageResult.FromMemory(File.ReadAllBytes(At(parts)));

    [Test]
    public void A_prompt_becomes_a_picture_with_everything_that_made_it()
    {
        var result = Sample([.. s_text, "--prompt", "A red disc", "--prompt", "", "--negative", "blue", "--count", "2", "--resolution", "8", "--steps", "2", "--seed", "5", "--out", "a"]);
        Assert.That(result.ExitCode, Is.Zero, result.Error);
        Assert.That(result.Error, Is.Empty);
        Assert.That(result.Output, Does.Contain("weights: ").And.Contain("3 texts encoded").And.Contain("image 4 of 4").And.Contain($"wrote 4 images to {At("a")}"));
        Assert.That(Names("a"), Is.EquivalentTo((string[])["samples.json", "samples.png", "trajectory.png", .. from name in (string[])["a-red-disc_1", "a-red-disc_2", "empty_1", "empty_2"] from end in (string[])["png", "json"] select $"{name}.{end}"]));
        var record = Record("a", "a-red-disc_2.json");
        Assert.That((record.GetProperty("prompt").GetString(), record.GetProperty("negative").GetString(), record.GetProperty("seed").GetInt32()), Is.EqualTo(("A red disc", "blue", 6)));
        Assert.That((record.GetProperty("sampler").GetString(), record.GetProperty("guidance").GetDouble(), record.GetProperty("time_shift").GetDouble(), record.GetProperty("precision").GetString()), Is.EqualTo(("dpm-solver++", 2.75, 1d, "fp32")));
        Assert.That((record.GetProperty("encoder").GetString(), record.GetProperty("encoder_sha256").GetString()!.Length, record.GetProperty("weights_sha256").GetString()!.Length), Is.EqualTo(("words", 64, 64)));
        Assert.That(record.GetProperty("program").GetString(), Does.StartWith("pixeldit 2."));
        Assert.That(Record("a", "empty_1.json").GetProperty("seed").GetInt32(), Is.EqualTo(5), "image k of every prompt has seed + k");

        // The same command again, one picture at a time.
        var before = Names("a").ToDictionary(name => name, name => File.ReadAllBytes(At("a", name)));
        Assert.That(Sample([.. s_text, "--prompt", "A red disc", "--prompt", "", "--negative", "blue", "--count", "2", "--resolution", "8", "--steps", "2", "--seed", "5", "--out", "a", "--batch", "1", "--guidance-passes", "one"]).ExitCode, Is.Zero);
        foreach (var (name, bytes) in before) Assert.That(File.ReadAllBytes(At("a", name)), Is.EqualTo(bytes), name);
        Assert.That(Sample([.. s_text, "--prompt", "A red disc", "--resolution", "8", "--steps", "2", "--out", "a"]).Error, Does.Contain("\"prompts\" is [{").And.Contain("--overwrite replaces"));
        Assert.That(Sample([.. s_text, "--prompt", "A disc", "--resolution", "8", "--steps", "2", "--out", "a", "--overwrite", "--singles", "false"]).ExitCode, Is.Zero);
        Assert.That(Names("a"), Is.EquivalentTo((string[])["samples.json", "samples.png", "trajectory.png"]));
    }

    [Test]
    public void A_file_of_prompts_wins_over_options()
    {
        var result = Sample([.. s_text, "--prompts", "prompts.jsonl", "--negative", "grey", "--resolution", "8", "--steps", "2", "--seed", "5", "--out", "file"]);
        Assert.That(result.ExitCode, Is.Zero, result.Error);
        Assert.That(Names("file").Where(name => name.EndsWith(".png", StringComparison.Ordinal)), Is.EquivalentTo((string[])["first.png", "a-blue-square.png", "a-red-disc.png", "samples.png", "trajectory.png"]));
        Assert.That((Record("file", "first.json").GetProperty("negative").GetString(), Record("file", "first.json").GetProperty("seed").GetInt32()), Is.EqualTo(("blue", 11)));
        Assert.That((Record("file", "a-red-disc.json").GetProperty("negative").GetString(), Record("file", "a-red-disc.json").GetProperty("seed").GetInt32()), Is.EqualTo(("grey", 5)));
        Assert.That((Image("file", "a-blue-square.png").Width, Image("file", "a-blue-square.png").Height, Image("file", "first.png").Width), Is.EqualTo((16, 8, 8)));
    }

    [Test]
    public void Marks_of_the_authors_are_read_where_that_is_asked_for()
    {
        string[] sample = [.. s_text, "--prompts", "sizes.txt", "--steps", "1"];
        var released = Sample([.. sample, "--released-aspect", "--out", "released"]);
        Assert.That(released.ExitCode, Is.Zero, released.Error);
        Assert.That((Image("released", "a-wide-fox.png").Width, Image("released", "a-wide-fox.png").Height, Image("released", "a-disc.png").Width), Is.EqualTo((16, 8, 8)), "height first");
        Assert.That(Record("released", "a-disc.json").GetProperty("prompt").GetString(), Is.EqualTo("a disc"));
        var plain = Sample([.. sample, "--resolution", "8", "--out", "plain"]);
        Assert.That(plain.ExitCode, Is.Zero, plain.Error);
        Assert.That(plain.Error, Is.EqualTo("pixeldit: the prompt \"a wide fox --hw 8:16\" and 1 other holds a mark such as --ar, which is encoded as words; --aspect W:H sets the shape, and --released-aspect reads such marks as the authors' program does, height first" + Environment.NewLine));
        Assert.That(Record("plain", "a-wide-fox-hw-8-16.json").GetProperty("prompt").GetString(), Is.EqualTo("a wide fox --hw 8:16"));
    }

    [Test]
    public void Classes_are_drawn_in_any_size()
    {
        string[] sample = ["--model", "class.safetensors", "--class", "1", "--count", "1", "--steps", "2", "--device", "cpu", "--singles"];
        Assert.That(Sample([.. sample, "--width", "16", "--height", "8", "--out", "wide"]).ExitCode, Is.Zero);
        var image = Image("wide", "000000_class0001.png");
        Assert.That((image.Width, image.Height), Is.EqualTo((16, 8)));
        Assert.That((Record("wide", "samples.json").GetProperty("height").GetInt32(), Record("wide", "samples.json").GetProperty("width").GetInt32(), Record("wide", "samples.json").TryGetProperty("resolution", out _)), Is.EqualTo((8, 16, false)));
        Assert.That(Sample([.. sample, "--width", "8", "--height", "8", "--out", "square"]).ExitCode, Is.Zero);
        Assert.That(Sample([.. sample, "--resolution", "8", "--out", "square"]).ExitCode, Is.Zero, "is the same run");
        Assert.That(Record("square", "samples.json").GetProperty("resolution").GetInt32(), Is.EqualTo(8));
    }

    private static IEnumerable<TestCaseData> Mistakes()
    {
        static TestCaseData Case(string message, params string[] arguments) => new TestCaseData(message, arguments).SetName($"Mistake: {string.Join(' ', arguments)}");
        string[] text = [.. s_text, "--resolution", "8"], words = ["--encoder", "words"], classes = ["--model", "class.safetensors", "--resolution", "8"], prompt = ["--prompt", "a"];
        yield return Case("class.safetensors: holds a class-conditional model; --prompt is of text-to-image ones", [.. classes, .. prompt]);
        yield return Case("; --prompts is of text-to-image ones", [.. classes, "--prompts", "prompts.jsonl"]);
        yield return Case("; --negative is of text-to-image ones", [.. classes, "--negative", "a"]);
        yield return Case("; --released-aspect is of text-to-image ones", [.. classes, "--released-aspect"]);
        yield return Case("; --time-dtype is of text-to-image ones", [.. classes, "--time-dtype", "bf16"]);
        yield return Case("; the recipe t2i-512 is of text-to-image ones", [.. classes, "--recipe", "t2i-512"]);
        yield return Case("sampler is 'dpm-solver++', which is of text models", [.. classes, "--sampler", "dpm-solver++"]);
        yield return Case("text.safetensors: holds a text-to-image model; --class is of class-conditional ones", [.. text, "--class", "1"]);
        yield return Case("text.safetensors: holds a text-to-image model; --prompt or --prompts was expected", text);
        yield return Case("the recipe imagenet512 is of class-conditional ones", [.. text, .. prompt, "--recipe", "imagenet512"]);
        yield return Case("sampler is 'flow-dpm', which is of class models", [.. text, .. prompt, "--sampler", "flow-dpm"]);
        yield return Case("--class and prompts exclude each other", [.. text, .. prompt, "--class", "1"]);
        yield return Case("--prompt and --prompts exclude each other", [.. text, .. prompt, "--prompts", "prompts.jsonl"]);
        yield return Case("nowhere.txt: cannot be read: there is no such file", [.. text, "--prompts", "nowhere.txt"]);
        yield return Case("broken.jsonl: line 1", [.. text, "--prompts", "broken.jsonl"]);
        yield return Case("none.txt: holds no prompts", [.. text, "--prompts", "none.txt"]);
        yield return Case("one_side.jsonl: line 1 has a width without a height", [.. text, "--prompts", "one_side.jsonl"]);
        yield return Case("odd_side.jsonl: line 1: width is 18; multiples of 4, the model's patch, can be drawn, and the nearest are 16 and 20", [.. text, "--prompts", "odd_side.jsonl"]);
        yield return Case("marks.txt: line 2: --aspect_ratio \"0:1\": height:width", [.. text, "--prompts", "marks.txt", "--released-aspect"]);
        yield return Case("width is 1001; multiples of 4, the model's patch, can be drawn, and the nearest are 1000 and 1004", [.. s_text, .. prompt, "--width", "1001", "--height", "8"]);
        yield return Case("height is 3; multiples of 4, the model's patch, can be drawn, and the nearest is 4", [.. s_text, .. prompt, "--width", "8", "--height", "3"]);
        yield return Case("resolution is 17; multiples of 4", [.. s_text, .. prompt, "--resolution", "17"]);
        yield return Case("width is 8192; it must be from 1 to 4096", [.. s_text, .. prompt, "--width", "8192", "--height", "8"]);
        yield return Case("--width is given without --height", [.. s_text, .. prompt, "--width", "8"]);
        yield return Case("--aspect and --width exclude each other", [.. s_text, .. prompt, "--width", "8", "--height", "8", "--aspect", "1:1"]);
        yield return Case("--resolution and --width exclude each other", [.. text, .. prompt, "--width", "8", "--height", "8"]);
        yield return Case("--released-aspect takes sizes from the prompts", [.. s_text, .. prompt, "--width", "8", "--height", "8", "--released-aspect"]);
        yield return Case("--aspect is 'wide'; width:height from 1:4 to 4:1 was expected", [.. text, .. prompt, "--aspect", "wide"]);
        yield return Case("--aspect is '5:1'", [.. text, .. prompt, "--aspect", "5:1"]);
        yield return Case("--aspect chooses among the published sizes, which there are for a --resolution of 512 and 1024, and it is 8", [.. text, .. prompt, "--aspect", "1:1"]);
        yield return Case("--resolution is missing, and the model file does not say", [.. s_text, .. prompt]);
        yield return Case("3 prompts with 400000 images each are 1200000 images; at most 1000000", [.. text, "--prompts", "prompts.jsonl", "--count", "400000"]);
        yield return Case("a smaller --count, --singles or --npz", [.. text, .. prompt, "--count", "1000000", "--singles", "false"]);
        yield return Case("--seeds gives each image its seed, and so does line 1", [.. text, "--prompts", "prompts.jsonl", "--seeds", "seeds.txt"]);
        yield return Case("seeds.txt: holds 3 seeds; 1", [.. text, .. prompt, "--seeds", "seeds.txt"]);
        yield return Case("; output.npz holds images of one size", [.. text, "--prompts", "prompts.jsonl", "--npz"]);
        yield return Case("--encoder is missing", ["--model", "text.safetensors", "--resolution", "8", .. prompt]);
        yield return Case("; --encoder is of text-to-image ones", [.. classes, .. words]);
        yield return Case("MiB of the machine", [.. s_text, .. prompt, "--width", "4096", "--height", "4096", "--count", "32", "--batch", "32"]);
    }

    [TestCaseSource(nameof(Mistakes))]
    public void A_mistake_gets_one_line_and_nothing_is_made(string message, string[] arguments)
    {
        var result = Sample([.. arguments, "--steps", "1", "--out", "new"]);
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Output);
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(result.Error.TrimEnd().Split('\n'), Has.Length.LessThanOrEqualTo(2), "parsers say where help is");
        Assert.That(result.Error, Does.Not.Contain("internal error"));
        Assert.That(Directory.Exists(At("new")), Is.False);
    }

    [Test]
    public void What_is_read_is_not_written_over()
    {
        Directory.CreateDirectory(At("own"));
        File.WriteAllText(At("own", "foxes.json"), """["foxes"]""");
        var result = Sample([.. s_text, "--prompts", "own/foxes.json", "--resolution", "8", "--steps", "1", "--out", "own", "--overwrite"]);
        Assert.That(result.Error, Does.Contain("foxes.json: is the file to read from as well"));
        Assert.That(File.ReadAllText(At("own", "foxes.json")), Is.EqualTo("""["foxes"]"""));
        Assert.That(Names("own"), Has.Length.EqualTo(1));
    }

    [TestCase(null, 8, 1)]
    [TestCase("1.75", 8, 1.75)]
    [TestCase("many", 8, 1)]
    public void The_time_shift_is_what_the_file_says(string? said, int side, double shift)
    {
        string file = $"shift{said}.safetensors", folder = $"shifted{said}";
        var sizes = Presets.Get("micro-text");
        var metadata = new Dictionary<string, string> { ["config"] = sizes.ToJson(), ["resolution"] = $"{side}", ["text_encoder"] = "words" };
        if (said is not null) metadata["time_shift"] = said;
        SafetensorsWriter.Write(At(file), [.. ModelCost.Shapes(sizes).Select(entry => new TensorSpec(entry.Key, DataType.F32, entry.Value))], metadata, Initialization.Fill(sizes, 3, nonzero: true));
        var result = Sample("--model", file, "--prompt", "a", "--steps", "1", "--out", folder, "--device", "cpu");
        Assert.That(result.ExitCode, Is.Zero, result.Error);
        Assert.That(Record(folder, "a.json").GetProperty("time_shift").GetDouble(), Is.EqualTo(shift));
    }

    [TestCase(64 * 64, 1)]
    [TestCase(256 * 256, 1)]
    [TestCase(512 * 512, 3)]
    [TestCase(256 * 1024, 3)]
    [TestCase(1024 * 1024, 4)]
    [TestCase(704 * 1344, 4)]
    public void Or_else_it_goes_by_size(long pixels, double shift) => Assert.That(SampleOptions.ShiftOf(pixels), Is.EqualTo(shift));

    [Test]
    public void Guidance_that_leads_away_from_nothing_is_said()
    {
        var result = Sample([.. s_text, "--resolution", "8", "--prompt", "a", "--negative", "b", "--guidance", "1", "--steps", "1", "--out", "unguided"]);
        Assert.That(result.ExitCode, Is.Zero);
        Assert.That(result.Error, Does.Contain("guidance is 1").And.Contain("negative prompts have no effect"));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "signals are sent by kill")]
    public void A_signal_leaves_whole_pictures()
    {
        Signals.RequireHeard("INT");
        using var process = PixelDiTProgram.Start(_folder, null, ["sample", .. s_text, "--prompt", "a red disc", "--resolution", "8", "--count", "2000", "--steps", "20", "--batch", "1", "--out", "stopped"]);
        while (!File.Exists(At("stopped", "a-red-disc_0002.json")) && !process.HasExited) Thread.Sleep(10);
        Process.Start("kill", ["-INT", $"{process.Id}"])!.WaitForExit();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(output, Does.Match(@"kept \d+ of 2000 images in stopped; the same command begins anew"));
        string[] names = Names("stopped");
        Assert.That(names.Where(name => name.EndsWith(".png", StringComparison.Ordinal)).Except(["samples.png", "trajectory.png"]).Select(name => Path.ChangeExtension(name, ".json")), Is.SubsetOf(names), "a record beside each picture");
        foreach (string name in names.Where(name => name.EndsWith(".png", StringComparison.Ordinal))) Assert.That(() => Image("stopped", name), Throws.Nothing);
        Assert.That(names, Has.None.EndsWith(".tmp").And.None.EndsWith(".lock"));
    }
}

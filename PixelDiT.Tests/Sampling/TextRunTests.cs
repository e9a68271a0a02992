using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Formats;
using StbImageSharp;

namespace PixelDiT.Tests.Sampling;

/// <summary>Runs of prompts: a picture is its prompt's and its seed's, whatever is drawn beside it.</summary>
internal sealed class TextRunTests
{
    private static readonly ModelConfig s_sizes = Presets.Get("micro-text");
    private static readonly ImageSize s_square = new(8), s_wide = new(8, 16);
    private static readonly string[] s_sheets = ["samples.json", "samples.png", "trajectory.png"];

    private Device _device = null!;
    private TextToImageModel _model = null!;
    private TemporaryFolder _temporary = null!;

    [OneTimeSetUp]
    public void Open()
    {
        _device = Device.Open("cpu", 1);
        _model = new TextToImageModel(s_sizes, _device);
        Initialization.Draw(_model, 3, nonzero: true);
    }

    [OneTimeTearDown]
    public void Close()
    {
        _model.Dispose();
        _device.Dispose();
    }

    [SetUp]
    public void MakeFolder() => _temporary = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _temporary.Dispose();

    private static TextPlan Plan(params PlannedPrompt[] prompts) => new()
    {
        Sampling = new SamplingConfig { Sampler = Sampler.DpmSolver, Steps = 3, Guidance = 2.5, TimeShift = 3 },
        Prompts = prompts,
        PerRow = 2,
        Seed = 7,
        Weights = "00ff",
        Encoder = "words",
        EncoderIdentity = "11ee"
    };

    private static TextPlan Three() => Plan(
        new("a red disc", "", s_square, "a-red-disc"), new("a blue square", "blurry", s_wide, "a-blue-square") { Seed = 40 }, new("", "", s_square, "empty"));

    private string In(params string[] parts) => Path.Combine([_temporary.Path, .. parts]);

    private static TextStates Encode(TextPlan plan)
    {
        using var encoder = new WordsEncoder(s_sizes.TextWidth, s_sizes.TextTokens);
        return TextStates.Encode(plan, encoder, s_sizes);
    }

    private SampleRun Run(string folder, TextPlan plan, int batch = 4, bool singles = true, bool archive = false, bool overwrite = false, bool onePass = false) =>
        new(_model, plan, Encode(plan), SampleFolder.Open(In(folder), plan, overwrite), onePass) { Batch = batch, Singles = singles, Archive = archive };

    private string[] Names(string folder) => [.. Directory.GetFiles(In(folder)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private static string[] Pair(string stem) => [$"{stem}.json", $"{stem}.png"];

    private byte[] Pixels(params string[] parts) => ImageResult.FromMemory(File.ReadAllBytes(In(parts))).Data;

    [Test]
    public void Each_picture_is_a_file_with_its_record()
    {
        Run("a", Three()).Draw();
        string[] stems = [.. from name in (string[])["a-red-disc", "a-blue-square", "empty"] from place in (int[])[1, 2] select $"{name}_{place}"];
        Assert.That(Names("a"), Is.EquivalentTo((string[])[.. s_sheets, .. stems.SelectMany(Pair)]));

        var record = JsonDocument.Parse(File.ReadAllText(In("a", "a-blue-square_2.json"))).RootElement;
        Assert.That(record.EnumerateObject().Select(field => field.Name), Is.EqualTo((string[])
            ["image", "seed", "prompt", "negative", "height", "width", "recipe", "changed", "sampler", "steps", "guidance", "interval", "time_shift", "time_dtype", "precision", "encoder", "encoder_sha256", "weights_sha256", "program"]));
        Assert.That((record.GetProperty("image").GetInt32(), record.GetProperty("seed").GetInt32(), record.GetProperty("prompt").GetString(), record.GetProperty("negative").GetString()), Is.EqualTo((3, 41, "a blue square", "blurry")));
        Assert.That((record.GetProperty("height").GetInt32(), record.GetProperty("width").GetInt32(), record.GetProperty("sampler").GetString(), record.GetProperty("encoder").GetString()), Is.EqualTo((8, 16, "dpm-solver++", "words")));
        var image = ImageResult.FromMemory(File.ReadAllBytes(In("a", "a-blue-square_2.png")));
        Assert.That((image.Width, image.Height), Is.EqualTo((16, 8)));

        var run = JsonDocument.Parse(File.ReadAllText(In("a", "samples.json"))).RootElement;
        Assert.That(run.GetProperty("prompts").EnumerateArray().Select(prompt => prompt.GetProperty("file").GetString()), Is.EqualTo((string[])["a-red-disc", "a-blue-square", "empty"]));
        Assert.That(File.ReadAllLines(In("a", "samples.json")).Count(line => line.StartsWith("    {\"file\"", StringComparison.Ordinal)), Is.EqualTo(3), "a line a prompt");
        Assert.That(run.TryGetProperty("program", out _), Is.False, "another version of the program goes on with the run");
    }

    [Test]
    public void A_picture_depends_on_neither_batch_nor_neighbours_nor_passes()
    {
        Run("all", Three()).Draw();
        Run("one", Three(), batch: 1, onePass: true).Draw();
        Assert.That(Names("one"), Is.EqualTo(Names("all")));
        foreach (string name in Names("all")) Assert.That(File.ReadAllBytes(In("one", name)), Is.EqualTo(File.ReadAllBytes(In("all", name))), name);

        // Drawn without the others, and one at a time.
        Run("alone", Plan(Three().Prompts[2]) with { PerRow = 1 }).Draw();
        Assert.That(Names("alone"), Is.EquivalentTo((string[])[.. s_sheets, .. Pair("empty")]));
        Assert.That(Pixels("alone", "empty.png"), Is.EqualTo(Pixels("all", "empty_1.png")));
        Assert.That(Pixels("all", "empty_2.png"), Is.Not.EqualTo(Pixels("all", "empty_1.png")), "another seed");
        Assert.That(Pixels("all", "a-red-disc_1.png"), Is.Not.EqualTo(Pixels("all", "empty_1.png")), "another text from the same noise");
    }

    [Test]
    public void A_picture_is_that_of_the_sampler()
    {
        var plan = Three() with { RoundTime = true };
        Run("a", plan).Draw();
        using var encoder = new WordsEncoder(s_sizes.TextWidth, s_sizes.TextTokens);
        var states = encoder.Encode([new("a blue square"), new("blurry", Negative: true)]);
        float[] expected = new TextSampler(_model, plan.Sampling) { RoundTime = true }.Sample([states[0]], states[1], [41ul], 8, 16);
        Assert.That(Pixels("a", "a-blue-square_2.png"), Is.EqualTo(PixelDiT.Reference.Pictures.Picture.FromImage(expected, 3, 8, 16).Pixels));
        Run("b", plan with { Prompts = [plan.Prompts[1] with { Negative = "" }] }).Draw();
        Assert.That(Pixels("b", "a-blue-square_2.png"), Is.Not.EqualTo(Pixels("a", "a-blue-square_2.png")), "the negative prompt counts");
    }

    [Test]
    public void Only_texts_that_count_are_encoded()
    {
        Assert.That(TextStates.TextsOf(Three()), Is.EqualTo((Prompt[])[new("a red disc"), new("a blue square"), new(""), new("", true), new("blurry", true)]));
        var unguided = Three() with { Sampling = new SamplingConfig { Sampler = Sampler.Euler, Steps = 2 } };
        Assert.That(TextStates.TextsOf(unguided), Has.Count.EqualTo(3));
        Run("a", unguided).Draw();
        Assert.That(File.ReadAllText(In("a", "a-blue-square_1.json")), Does.Contain("\"negative\": null"));
    }

    [Test]
    public void States_beyond_those_the_model_takes_make_no_difference()
    {
        var plan = Plan(Three().Prompts[0]);
        using var longer = new WordsEncoder(s_sizes.TextWidth, s_sizes.TextTokens + 5);
        var states = TextStates.Encode(plan, longer, s_sizes);
        Assert.That(states.Of(plan.Prompts[0]), Is.EqualTo(Encode(plan).Of(plan.Prompts[0])));
        using var wider = new WordsEncoder(8, 4);
        Assert.That(() => TextStates.Encode(plan, wider, s_sizes), Throws.TypeOf<ConfigurationException>().With.Message.Contains("8 channels; 64"));
    }

    [Test]
    public void A_run_again_gives_the_same_files_and_another_is_refused()
    {
        Run("a", Three()).Draw();
        var before = Names("a").ToDictionary(name => name, name => File.ReadAllBytes(In("a", name)));
        Run("a", Three(), batch: 3).Draw();
        foreach (var (name, bytes) in before) Assert.That(File.ReadAllBytes(In("a", name)), Is.EqualTo(bytes), name);
        var other = Three() with { EncoderIdentity = "22dd" };
        Assert.That(() => SampleFolder.Open(In("a"), other, overwrite: false), Throws.TypeOf<ConfigurationException>().With.Message.Contains("\"encoder_sha256\" is \"11ee\", and \"22dd\" in this run"));
        Assert.That(() => SampleFolder.Open(In("a"), Three() with { Weights = "" }, overwrite: false), Throws.Nothing, "the weights are not known yet");
    }

    [Test]
    public void Overwriting_deletes_the_pictures_of_the_run_before_and_no_others()
    {
        Run("a", Three()).Draw();
        foreach (string name in (string[])["a-red-disc.png", "a-red-disc_3.png", "a-red-disc_1.txt", "holiday.png"]) File.WriteAllText(In("a", name), "mine");
        Run("a", Plan(new PlannedPrompt("x", "", s_square, "x")) with { PerRow = 1 }, overwrite: true).Draw();
        Assert.That(Names("a"), Is.EquivalentTo((string[])[.. s_sheets, .. Pair("x"), "a-red-disc.png", "a-red-disc_3.png", "a-red-disc_1.txt", "holiday.png"]));
    }

    [TestCase("A-Red-Disc_1.PNG")]
    [TestCase("empty_2.json")]
    public void Pictures_of_others_are_not_replaced(string name)
    {
        _temporary.Write(Path.Combine("a", name), [1]);
        Assert.That(() => SampleFolder.Open(In("a"), Three(), overwrite: false), Throws.TypeOf<ConfigurationException>().With.Message.Contains($"holds {name} without the samples.json"));
    }

    [TestCase("")]
    [TestCase("{\"count\": \"x\", \"prompts\": 3}")]
    [TestCase("{\"count\": 1, \"prompts\": [3, {\"file\": 4}, {\"file\": \"\\ud800\"}, {\"file\": \"../outside\"}]}")]
    public void A_damaged_record_deletes_nothing_else(string text)
    {
        _temporary.Write("outside.png", [1]);
        _temporary.Write("a/samples.json", System.Text.Encoding.UTF8.GetBytes(text));
        _temporary.Write("a/mine.png", [1]);
        Run("a", Plan(new PlannedPrompt("x", "", s_square, "x")) with { PerRow = 1 }, overwrite: true).Draw();
        Assert.That(Names("a"), Is.EquivalentTo((string[])[.. s_sheets, .. Pair("x"), "mine.png"]));
        Assert.That(File.Exists(In("outside.png")));
    }

    [Test]
    public void A_run_that_is_stopped_keeps_whole_pictures_and_is_done_again()
    {
        using var cancel = new CancellationTokenSource();
        var run = Run("a", Three(), batch: 2);
        Assert.That(() => run.Draw(report =>
        {
            if (report.Images >= 2 && report.Work > report.Images) cancel.Cancel();
        }, cancel.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(run.Saved, Is.EqualTo(2));
        Assert.That(Names("a"), Is.EquivalentTo((string[])[.. s_sheets, .. Pair("a-red-disc_1"), .. Pair("a-red-disc_2")]));
        Run("a", Three()).Draw();
        Run("b", Three()).Draw();
        foreach (string name in Names("b")) Assert.That(File.ReadAllBytes(In("a", name)), Is.EqualTo(File.ReadAllBytes(In("b", name))), name);
    }

    [Test]
    public void An_archive_has_images_of_one_size_by_the_number_of_their_prompt()
    {
        Assert.That(() => Run("a", Three(), archive: true, singles: false).Draw(), Throws.TypeOf<ConfigurationException>().With.Message.EqualTo("the images are of 8×8, 8×16; output.npz holds images of one size"));
        var plan = Plan([.. Three().Prompts.Select(prompt => prompt with { Size = s_wide })]);
        Run("b", plan, batch: 4, archive: true, singles: false).Draw();
        Assert.That(Names("b"), Is.EqualTo((string[])["output.npz", "samples.json"]));
        var images = NpzArray.Read(In("b", "output.npz"), "arr_0");
        Assert.That(images.Shape, Is.EqualTo(new long[] { 6, 8, 16, 3 }));
        var labels = NpzArray.Read(In("b", "output.npz"), "arr_1");
        Assert.That(Enumerable.Range(0, 6).Select(k => BitConverter.ToInt64(labels.Values, 8 * k)), Is.EqualTo((long[])[0, 0, 1, 1, 2, 2]));
        Run("c", plan).Draw();
        Assert.That(images.Values[(3 * 8 * 16 * 3)..(4 * 8 * 16 * 3)], Is.EqualTo(Pixels("c", "a-blue-square_2.png")));
    }

    [Test]
    public void Prompts_of_one_picture_each_stand_in_a_square()
    {
        var plan = Plan([.. Enumerable.Range(0, 7).Select(i => new PlannedPrompt($"{i}", "", s_square, $"{i}"))]);
        Assert.That((plan with { PerRow = 1 }).Columns, Is.EqualTo(3));
        Assert.That(plan.Columns, Is.EqualTo(2));
    }
}

using System.Text;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;
using StbImageSharp;

namespace PixelDiT.Tests.Commands;

/// <summary>Edits by <c>edit</c>, as a person asks for them.</summary>
internal sealed class EditCommandTests
{
    private static readonly string[] s_machine = ["--device", "cpu", "--threads", "1"], s_short = ["--steps", "3", "--n-max", "2"];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFiles()
    {
        _folder = new TemporaryFolder();
        StoredModel.WriteNew(At("text.safetensors"), Presets.Get("micro-text") with { TextWidth = 8, TextTokens = 6 }, 3, nonzero: true, DataType.F32);
        StoredModel.WriteNew(At("class.safetensors"), Presets.Get("micro"), 3, nonzero: true, DataType.F32);
        _folder.Write("pictures/a.png", Png(18, 13, 5));
        _folder.Write("pictures/b.png", Png(16, 16, 90));
        _folder.Write("pictures/mask.png", ImageFolderTests.Png(18, 13, 1, [.. Enumerable.Range(0, 18 * 13).Select(i => (byte)(i % 18 < 9 ? 255 : 0))]));
        File.WriteAllLines(At("pictures", "edits.jsonl"), [
            """{"image": "a.png", "source_prompt": "a red disc", "prompt": "a blue disc", "mask": "mask.png", "id": "first"}""",
            "",
            """{"image": "b.png", "source_prompt": "a hill", "prompt": "a lake", "seed": 9, "negative": "fog"}"""]);
        _folder.Write("note.txt", "x"u8.ToArray());
    }

    [TearDown]
    public void RemoveFiles() => _folder.Dispose();

    private string At(params string[] parts) => Path.Combine([_folder.Path, .. parts]);

    private static byte[] Png(int width, int height, int shade) => ImageFolderTests.Png(width, height, 3, [.. Enumerable.Range(0, width * height * 3).Select(i => (byte)((i * shade) % 251))]);

    private static ProgramResult Run(params string[] arguments) => PixelDiTProgram.RunHere(arguments);

    private string[] Text(params string[] more) => ["edit", "--model", At("text.safetensors"), "--encoder", "words", .. s_machine, .. s_short, .. more];

    private string[] One(params string[] more) => Text(["--image", At("pictures", "a.png"), "--source-prompt", "a red disc", "--prompt", "a blue disc", .. more]);

    private string[] Names(string folder) => [.. Directory.GetFiles(At(folder)).Select(path => Path.GetFileName(path))];

    [Test]
    public void A_picture_is_edited_measured_and_recorded()
    {
        string said = Run(One("--out", At("out"), "--mask", At("pictures", "mask.png"), "--keep-outside")).Done();
        Assert.That(Names("out"), Is.EquivalentTo((string[])["edited.json", "edited.png", "edited.sheet.png", "edited.film.png"]));
        Assert.That(said, Does.Contain("outside the mask              MSE 0.000000, PSNR infinite").And.Contain("inside the mask").And.Contain("JPEG of quality 75 outside").And.Contain("JPEG of quality 95 outside"));
        var picture = ImageResult.FromMemory(File.ReadAllBytes(At("out", "edited.png")));
        Assert.That((picture.Width, picture.Height), Is.EqualTo((18, 13)), "padding is gone");
        using var record = JsonDocument.Parse(File.ReadAllText(At("out", "edited.json")));
        Assert.That(record.RootElement.GetProperty("n_max").GetInt32(), Is.EqualTo(2));
        Assert.That(record.RootElement.GetProperty("measure").GetProperty("outside").GetProperty("largest").GetInt32(), Is.Zero);
        Assert.That(record.RootElement.GetProperty("measure").GetProperty("inside").GetProperty("mse").GetDouble(), Is.GreaterThan(0));
        Assert.That(File.ReadAllText(At("out", "edited.json")), Does.Not.Contain(_folder.Path), "no path");
    }

    [Test]
    public void Without_strength_the_picture_returns_to_the_byte()
    {
        Run("edit", "--model", At("text.safetensors"), "--encoder", "words", "--image", At("pictures", "a.png"), "--source-prompt", "a hill", "--prompt", "a lake", "--steps", "3", "--n-max", "0", "--out", At("none"), "--device", "cpu").Done();
        Run(Text("--image", At("pictures", "a.png"), "--source-prompt", "a hill", "--prompt", "A hill!", "--guidance", "2", "--source-guidance", "2", "--out", At("alike"))).Done();
        byte[] before = ImageResult.FromMemory(File.ReadAllBytes(At("pictures", "a.png"))).Data;
        foreach (string folder in (string[])["none", "alike"]) Assert.That(ImageResult.FromMemory(File.ReadAllBytes(At(folder, "edited.png"))).Data, Is.EqualTo(before), folder);
    }

    [Test]
    public void Edits_of_a_file_are_averaged_and_gone_on_with()
    {
        string[] arguments = Text("--edits", At("pictures", "edits.jsonl"), "--out", At("out"));
        string said = Run(arguments).Done();
        Assert.That(said, Does.Contain("first:").And.Contain("b:").And.Contain("mean of 2 edits:").And.EndWith($"wrote 2 edits to {At("out")}\n"));
        string[] all = Names("out");
        Assert.That(all, Has.Length.EqualTo(9).And.Contain("edits.json").And.Contain("first.png").And.Contain("b.film.png"));
        var before = all.ToDictionary(name => name, name => File.ReadAllBytes(At("out", name)));

        File.Delete(At("out", "b.json"));
        foreach (string name in (string[])["b.png", "b.sheet.png", "b.film.png"]) File.Delete(At("out", name));
        File.Delete(At("out", "first.sheet.png"));
        DateTime kept = File.GetLastWriteTimeUtc(At("out", "first.png"));
        Assert.That(Run(arguments).Done(), Does.Not.Contain("done before"));
        File.Delete(At("out", "b.png"));
        Assert.That(Run(arguments).Done(), Does.Contain("1 edit done before"));
        foreach (string name in all) Assert.That(File.ReadAllBytes(At("out", name)), Is.EqualTo(before[name]), name);
        Assert.That(kept, Is.LessThanOrEqualTo(File.GetLastWriteTimeUtc(At("out", "first.png"))));
    }

    [Test]
    public void Another_edit_and_foreign_pictures_are_left_alone()
    {
        Run(One("--out", At("out"))).Done();
        byte[] before = File.ReadAllBytes(At("out", "edited.png"));
        var other = Run(One("--out", At("out"), "--seed", "4"));
        Assert.That((other.ExitCode, other.Error), Is.EqualTo((1, $"pixeldit: {At("out", "edited.json")}: \"seed\" is 0, and 4 in this edit; --overwrite replaces that edit, another --out leaves it alone{Environment.NewLine}")));
        Assert.That(File.ReadAllBytes(At("out", "edited.png")), Is.EqualTo(before));
        Run(One("--out", At("out"), "--seed", "4", "--overwrite")).Done();
        Assert.That(File.ReadAllBytes(At("out", "edited.png")), Is.Not.EqualTo(before));

        _folder.Write("mine/edited.png", [1, 2, 3]);
        Assert.That(Run(One("--out", At("mine"))).Error, Does.Contain("edited.png: is there already, without the record of an edit beside it"));
        Assert.That(File.ReadAllBytes(At("mine", "edited.png")), Is.EqualTo((byte[])[1, 2, 3]));
        File.Copy(At("pictures", "a.png"), At("pictures", "edited.png"));
        Assert.That(Run(Text("--image", At("pictures", "edited.png"), "--source-prompt", "a", "--prompt", "b", "--out", At("pictures"), "--overwrite")).Error, Does.Contain("is the file to read from as well"));
    }

    [Test]
    public void A_class_model_changes_a_class()
    {
        string[] edit = ["edit", "--model", At("class.safetensors"), .. s_machine, .. s_short, "--image", At("pictures", "b.png"), "--fit", "cut"];
        Run([.. edit, "--source-class", "1", "--class", "none", "--out", At("out")]).Done();
        Assert.That(File.ReadAllText(At("out", "edited.json")), Does.Contain("\"source_class\": 1"));
        Assert.That(Run([.. edit, "--source-class", "1", "--class", "77", "--out", At("new")]).Error, Does.Contain("class '77' is unknown"));
        Assert.That(Run([.. edit, "--source-class", "1-3", "--class", "2", "--out", At("new")]).Error, Does.Contain("class '1-3' is several; one was expected"));
        Assert.That(Run([.. edit, "--source-prompt", "a", "--class", "2", "--out", At("new")]).Error, Does.Contain("--source-prompt is of text-to-image ones"));
    }

    [Test]
    public void States_of_two_programs_are_compared_step_by_step()
    {
        Run(One("--out", At("one"), "--states", At("one.safetensors"))).Done();
        Run(One("--out", At("two"), "--states", At("two.safetensors"), "--guidance", "13.4")).Done();
        using (var file = SafetensorsReader.Open(At("one.safetensors"))) Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo((string[])["step.001.time", "step.001.v", "step.001.x", "step.002.time", "step.002.v", "step.002.x"]));
        Assert.That(Run("compare", At("one.safetensors"), At("one.safetensors")).ExitCode, Is.Zero);
        var compared = Run("compare", At("one.safetensors"), At("two.safetensors"));
        Assert.That(compared.ExitCode, Is.EqualTo(1));
        Assert.That(compared.Output + compared.Error, Does.Contain("step.001.v"), "the first wrong tensor");
    }

    private static IEnumerable<TestCaseData> Mistakes()
    {
        static TestCaseData Case(string name, string message, params string[] arguments) => new TestCaseData(message, arguments).SetName($"Edit: {name}");
        yield return Case("no picture", "--image is missing; the picture's file was expected", "--source-prompt", "a", "--prompt", "b");
        yield return Case("no source", "--source-prompt is missing; what the picture shows was expected", "--image", "pictures/a.png", "--prompt", "b");
        yield return Case("a folder", "a folder; a picture was expected, or --edits", "--image", "pictures", "--source-prompt", "a", "--prompt", "b");
        yield return Case("a text file", "note.txt", "--image", "note.txt", "--source-prompt", "a", "--prompt", "b");
        yield return Case("a class", "--class is of class-conditional ones", "--image", "pictures/a.png", "--source-prompt", "a", "--class", "1");
        yield return Case("nothing to keep outside of", "--keep-outside keeps what is outside the mask; --mask is missing", "--image", "pictures/a.png", "--source-prompt", "a", "--prompt", "b", "--keep-outside");
        yield return Case("a mask of another size", "the mask has 16 × 16 pixels; 18 × 13 were expected", "--image", "pictures/a.png", "--source-prompt", "a", "--prompt", "b", "--mask", "pictures/b.png");
        yield return Case("n-min beyond n-max", "n-min is 3; it must be from 0 to n-max, 2", "--image", "pictures/a.png", "--source-prompt", "a", "--prompt", "b", "--n-min", "3");
        yield return Case("a file that is the folder", "note.txt: is a file; a folder was expected", "--image", "pictures/a.png", "--source-prompt", "a", "--prompt", "b", "--out", "note.txt");
        yield return Case("edits and a prompt", "--prompt and --edits exclude each other", "--edits", "pictures/edits.jsonl", "--prompt", "b");
        yield return Case("edits that are none", "note.txt: line 1 is no JSON", "--edits", "note.txt");
        yield return Case("states of many", "--states is of one edit; --edits excludes it", "--edits", "pictures/edits.jsonl", "--states", "states.safetensors");
    }

    [TestCaseSource(nameof(Mistakes))]
    public void A_mistake_is_one_clear_line(string message, string[] arguments)
    {
        string[] given = [.. arguments.Select((argument, i) => i > 0 && arguments[i - 1] is ("--image" or "--mask" or "--out" or "--edits" or "--states") ? At(argument) : argument)];
        var result = Run(Text([.. given, .. arguments.Contains("--out") ? (string[])[] : ["--out", At("new")]]));
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Output);
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(result.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1));
        Assert.That(At("new"), Does.Not.Exist);
    }

    [TestCase("""{"source_prompt": "a", "prompt": "b"}""", "line 1 has no \"image\"")]
    [TestCase("""{"image": "a.png", "prompt": "b"}""", "line 1 has no \"source_prompt\"")]
    [TestCase("""["a.png"]""", "line 1 holds")]
    [TestCase("""{"image": "a.png", "source_prompt": "a", "prompt": "b", "seed": -1}""", "line 1 holds \"-1\" under \"seed\"; a whole number from 0 to 2^64 - 1 was expected")]
    [TestCase("""{"image": "a.png", "source_prompt": "a", "prompt": 7}""", "line 1 holds \"7\" under \"prompt\"; a text was expected")]
    [TestCase("""{"image": "none.png", "source_prompt": "a", "prompt": "b"}""", "none.png")]
    [TestCase("", "holds no edits")]
    public void A_line_of_edits_that_is_wrong_is_named(string line, string message)
    {
        File.WriteAllText(At("pictures", "wrong.jsonl"), line, Encoding.UTF8);
        var result = Run(Text("--edits", At("pictures", "wrong.jsonl"), "--out", At("new")));
        Assert.That((result.ExitCode, result.Error), Is.EqualTo((1, result.Error)));
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(At("new"), Does.Not.Exist);
    }
}

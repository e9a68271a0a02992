using System.Text.Json.Nodes;
using NUnit.Framework;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Data.Archives;
using PixelDiT.Tests.Data.Decoding;

namespace PixelDiT.Tests.Commands;

/// <summary>How pictures are brought to their size is part of a run: it goes on as it began, whatever is the default by then.</summary>
public sealed class ResizeOptionTests
{
    private static readonly string[] s_train = ["train", "--preset", "micro", "--hidden", "16", "--heads", "2", "--patch-depth", "1", "--pixel-hidden", "4", "--resolution", "8", "--patch", "4", "--batch", "2", "--sample-steps", "0", "--threads", "1", "--no-cache"];

    private TemporaryFolder _folder = null!;

    private string Data => Path.Combine(_folder.Path, "pictures");

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        var random = new Random(1);
        for (int i = 0; i < 4; i++) _folder.Write($"pictures/{i % 2}/{i}.png", PngBytes.Drawn(20, 17, (_, _) => ((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256))));
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void A_run_that_does_not_say_goes_on_as_it_began_to_the_bit()
    {
        Train("--data", Data, "--out", At("whole"), "--steps", "4", "--resize", "area").Done();
        Train("--data", Data, "--out", At("run"), "--steps", "2", "--resize", "area").Done();
        Assert.That(Config("run")["resize"]!.GetValue<string>(), Is.EqualTo("area"));
        // As version 1.0.0 left it.
        var config = Config("run");
        config.Remove("resize");
        File.WriteAllText(Path.Combine(At("run"), "config.json"), config.ToJsonString());
        var resumed = Run("train", "--resume", "--out", At("run"), "--steps", "3");
        Assert.That(resumed.Done(), Does.Not.Contain("resize"));
        Assert.That(resumed.Error, Is.Empty);
        Assert.That(Config("run")["resize"]!.GetValue<string>(), Is.EqualTo("area"), "from now on it says so");
        Run("train", "--resume", "--out", At("run"), "--steps", "4").Done();
        Same("whole", "run");
        Assert.That(Run("train", "--resume", "--out", At("run"), "--steps", "5", "--resize", "adm") is { ExitCode: 1, Error: var error } ? error : "", Does.Contain("resize is adm here and area in"));
    }

    [Test]
    public void A_new_run_is_cut_as_ADM_does_and_keeps_that_without_its_config()
    {
        Train("--data", Data, "--out", At("whole"), "--steps", "4").Done();
        Train("--data", Data, "--out", At("area"), "--steps", "4", "--resize", "area").Done();
        Assert.That(File.ReadAllBytes(Path.Combine(At("whole"), "model.safetensors")), Is.Not.EqualTo(File.ReadAllBytes(Path.Combine(At("area"), "model.safetensors"))));
        Train("--data", Data, "--out", At("run"), "--steps", "2").Done();
        Assert.That(Config("run")["resize"]!.GetValue<string>(), Is.EqualTo("adm"));
        File.Delete(Path.Combine(At("run"), "config.json"));
        Train("--data", Data, "--out", At("run"), "--steps", "4", "--resume").Done();
        Same("whole", "run");
        Assert.That(Run("train", "--resume", "--out", At("run"), "--steps", "5", "--resize", "area").Error, Does.Contain("resize is area here and adm in"));
    }

    [Test]
    public void The_background_is_part_of_a_run()
    {
        Train("--data", Data, "--out", At("run"), "--steps", "1", "--background", "#102030").Done();
        Assert.That(Config("run")["background"]!.GetValue<string>(), Is.EqualTo("#102030"));
        Run("train", "--resume", "--out", At("run"), "--steps", "2").Done();
        Assert.That(Run("train", "--resume", "--out", At("run"), "--steps", "3", "--background", "white").Error, Does.Contain("background is white here and #102030 in"));
        Assert.That(Train("--data", Data, "--out", At("new"), "--steps", "1", "--background", "blue").Error, Does.Contain("background is 'blue'; white, black, none or a colour such as #20a0ff was expected"));
    }

    [Test]
    public void Drawings_have_no_such_setting()
    {
        Train("--data", "shapes", "--out", At("run"), "--steps", "1").Done();
        Assert.That(Config("run").ContainsKey("resize"), Is.False);
        Run("train", "--resume", "--out", At("run"), "--steps", "2").Done();
        Assert.That(Config("run").ContainsKey("resize"), Is.False);
        Assert.That(Train("--data", "shapes", "--out", At("other"), "--steps", "1", "--resize", "adm").Error, Does.Contain("data 'shapes' is drawn at its size; --resize adm is of pictures of any size"));
    }

    [Test]
    public void A_zip_is_trained_on_and_shown()
    {
        var zip = new ZipBytes();
        for (int i = 0; i < 4; i++) zip.Add($"{i}.png", PngBytes.Plain((byte)(60 * i), 9, 9));
        string path = _folder.Write("a.zip", zip.Add("dataset.json", """{"labels": [["0.png", 0], ["1.png", 1], ["2.png", 0], ["3.png", 1]]}""").ToArray());
        Train("--data", $"zip:{path}", "--out", At("run"), "--steps", "2").Done();
        Run("train", "--resume", "--out", At("run"), "--steps", "3").Done();
        string shown = Run("data", $"zip:{path}", "--resolution", "8", "--no-estimate", "--no-cache", "--out", At("sheet.png")).Done();
        Assert.That(shown, Does.Contain("4 images of 8×8, 2 classes").And.Contain("class 0  0  2"));
        Assert.That(new FileInfo(At("sheet.png")).Length, Is.GreaterThan(0));
    }

    private ProgramResult Train(params string[] arguments) => Run([.. s_train, .. arguments]);

    private static ProgramResult Run(params string[] arguments) => PixelDiTProgram.RunHere(arguments);

    private string At(string name) => Path.Combine(_folder.Path, name);

    private JsonObject Config(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(At(run), "config.json")))!.AsObject();

    private void Same(string one, string other)
    {
        foreach (string name in (string[])["model.safetensors", "training.safetensors"]) Assert.That(File.ReadAllBytes(Path.Combine(At(other), name)), Is.EqualTo(File.ReadAllBytes(Path.Combine(At(one), name))), name);
    }
}

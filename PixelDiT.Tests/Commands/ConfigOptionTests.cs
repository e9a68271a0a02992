using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Commands;

/// <summary>A verb that draws takes its options from a file too, where the command line wins.</summary>
internal sealed class ConfigOptionTests
{
    private string _folder = "";

    [OneTimeSetUp]
    public void MakeModel()
    {
        _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;
        StoredModel.WriteNew(At("class.safetensors"), Presets.Get("micro"), 3, nonzero: true, DataType.F32);
        StoredModel.WriteNew(At("text.safetensors"), Presets.Get("micro-text"), 3, nonzero: true, DataType.F32);
    }

    [OneTimeTearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private string Config(string name, string json)
    {
        File.WriteAllText(At(name), json);
        return At(name);
    }

    private byte[] Pictures(string folder, string name = "samples.png") => File.ReadAllBytes(Path.Combine(At(folder), name));

    [Test]
    public void Values_of_a_file_are_those_of_options()
    {
        PixelDiTProgram.RunHere("sample", "--model", At("class.safetensors"), "--out", At("typed"), "--class", "2,none", "--count", "2", "--resolution", "8", "--steps", "3", "--guidance", "1.7", "--interval", "0.1,0.9", "--seed", "7", "--singles", "--device", "cpu").Done();
        string path = Config("all.json", $$"""
            {
              // Written by hand.
              "model": "{{At("class.safetensors").Replace("\\", "\\\\")}}", "class": [2, "none"], "count": 2.0, "resolution": 8, "STEPS": 3, "guidance": 1.7,
              "interval": [0.1, 0.9], "seed": 7, "singles": true, "npz": false, "device": "cpu",
            }
            """);
        PixelDiTProgram.RunHere("sample", "--config", path, "--out", At("read")).Done();
        Assert.That(Directory.GetFiles(At("read")).Select(Path.GetFileName), Is.EquivalentTo(Directory.GetFiles(At("typed")).Select(Path.GetFileName)));
        foreach (string file in Directory.GetFiles(At("typed"))) Assert.That(Pictures("read", Path.GetFileName(file)), Is.EqualTo(File.ReadAllBytes(file)), file);
    }

    [Test]
    public void The_command_line_wins()
    {
        string path = Config("wins.json", """{"steps": 3, "seed": 9, "singles": true, "prompt": ["a", "b c"], "encoder": "words", "resolution": 8, "device": "cpu"}""");
        PixelDiTProgram.RunHere("sample", "--model", At("text.safetensors"), "--config", path, "--seed", "4", "--prompt", "-d", "--singles=false", "--out", At("won")).Done();
        PixelDiTProgram.RunHere("sample", "--model", At("text.safetensors"), "--steps", "3", "--seed", "4", "--encoder", "words", "--prompt", "-d", "--singles=false", "--resolution", "8", "--device", "cpu", "--out", At("plain")).Done();
        Assert.That(Pictures("won"), Is.EqualTo(Pictures("plain")));
    }

    [Test]
    public void An_empty_text_takes_no_other_word_and_a_false_flag_excludes_nothing()
    {
        string path = Config("empty.json", """{"negative": "", "prompt": ["", "a"], "steps": 2, "encoder": "words", "low-memory": false, "no-instruction": false, "resolution": 8, "device": "cpu", "apng": false}""");
        PixelDiTProgram.RunHere("sample", "--model", At("text.safetensors"), "--config", path, "--singles", "--out", At("empty")).Done();
        Assert.That(Directory.GetFiles(At("empty"), "*.png").Select(Path.GetFileName), Is.EquivalentTo((string[])["samples.png", "trajectory.png", "a.png", "empty.png"]));
        path = Config("false.json", """{"released-aspect": false, "class": [0], "steps": 2, "resolution": 8, "device": "cpu"}""");
        PixelDiTProgram.RunHere("sample", "--model", At("class.safetensors"), "--config", path, "--out", At("false")).Done();
        var again = PixelDiTProgram.RunHere("sample", "--again", Path.Combine(At("false"), "samples.png"), "--model", At("class.safetensors"), "--config", Config("flags.json", """{"singles": false, "npz": false}"""), "--out", At("false-again"), "--device", "cpu");
        Assert.That(again.Done(), Does.Contain("the same"));
    }

    [Test]
    public void What_the_command_line_says_another_way_wins_too()
    {
        File.WriteAllText(At("seeds.txt"), "5\n");
        string path = Config("ways.json", """{"seed": 9, "resolution": 16, "class": 0, "count": 1, "steps": 2, "device": "cpu", "guidance": 1e-40}""");
        string output = PixelDiTProgram.RunHere("sample", "--model", At("class.safetensors"), "--config", path, "--seeds", At("seeds.txt"), "--width", "16", "--height", "8", "--singles", "--out", At("ways")).Done();
        string record = File.ReadAllText(Path.Combine(At("ways"), "samples.json"));
        Assert.That(record, Does.Contain("\"seeds\": [5]").And.Contain("\"height\": 8").And.Contain("1E-40"), output);
    }

    [Test]
    public void Each_mistake_is_said_of_its_place()
    {
        var result = PixelDiTProgram.RunHere("sample", "--model", At("class.safetensors"), "--config", Config("both.json", """{"sampler": "ddim"}"""), "--steps", "x");
        Assert.That(result.Error, Does.Match("both\\.json: [^\\n]*ddim").And.Match("pixeldit: [^\\n:]*'x'"));
    }

    [TestCase("""{"setps": 3}""", "\"setps\" is unknown; known are model, ", "did you mean steps?")]
    [TestCase("""{"steps": 3, "STEPS": 4}""", "'steps' occurs twice", "")]
    [TestCase("""{"steps": "many"}""", "refused.json: ", "'many'")]
    [TestCase("""{"steps": 1.5}""", "refused.json: ", "'1.5'")]
    [TestCase("""{"singles": 1}""", "singles is 1; true or false was expected", "")]
    [TestCase("""{"prompt": {"text": "a"}}""", "a text or a list of texts", "")]
    [TestCase("""{"class": []}""", "class is []; a text or a list of texts, not empty, was expected", "")]
    [TestCase("""{"out": ["o", "b"]}""", "out is [\"o\", \"b\"]; a text or a number was expected", "")]
    [TestCase("""{"class": null}""", "class is null; ", "")]
    [TestCase("""{"sampler": "ddim"}""", "refused.json: ", "ddim")]
    [TestCase("[1]", "is a JSON array; an object", "")]
    [TestCase("{", "is not JSON: line 1", "")]
    [TestCase("""{"config": "other.json"}""", "\"config\" is unknown", "")]
    public void What_no_option_takes_is_refused(string json, string message, string more)
    {
        var result = PixelDiTProgram.RunHere("sample", "--model", At("class.safetensors"), "--config", Config("refused.json", json), "--out", At("refused"));
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain(message).And.Contain(more));
        Assert.That(Directory.Exists(At("refused")), Is.False);
    }

    [TestCase("sample"), TestCase("edit"), TestCase("explain"), TestCase("evaluate")]
    public void A_file_that_is_not_there_is_named(string verb)
    {
        var result = PixelDiTProgram.RunHere(verb, "--config", At("absent.json"));
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain("absent.json: "));
        Assert.That(result.Error.Trim().Split('\n'), Has.Length.EqualTo(1));
        Assert.That(PixelDiTProgram.RunHere(verb, "--config", "").Error, Does.Contain("--config is ''"));
        Assert.That(PixelDiTProgram.RunHere(verb, "--config").Error, Does.Contain("--config"));
    }
}

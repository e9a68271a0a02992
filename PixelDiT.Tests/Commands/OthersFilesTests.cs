using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Commands;

/// <summary>Files that a person put where a verb writes, or that a verb reads, stay as they are.</summary>
internal sealed class OthersFilesTests
{
    private static readonly string[] s_train = ["train", "--preset", "micro", "--hidden", "16", "--heads", "2", "--patch-depth", "1", "--pixel-hidden", "4", "--resolution", "16", "--batch", "2", "--steps", "2", "--sample-steps", "2", "--device", "cpu", "--threads", "1"];

    private string _folder = "";

    [SetUp]
    public void MakeFolder()
    {
        _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;
        StoredModel.WriteNew(At("model.safetensors"), Presets.Get("micro"), 3, nonzero: true, DataType.F32);
    }

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string At(params string[] parts) => Path.Combine([_folder, .. parts]);

    private ProgramResult Sample(string folder, params string[] arguments) => PixelDiTProgram.RunHere(["sample", "--model", At("model.safetensors"), "--class", "0", "--count", "2", "--resolution", "8", "--steps", "2", "--device", "cpu", "--out", At(folder), .. arguments]);

    private string Mine(params string[] parts)
    {
        string path = At(parts);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "mine");
        return path;
    }

    private static void RequireRefused(ProgramResult result, string mine, string message)
    {
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Output);
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(File.ReadAllText(mine), Is.EqualTo("mine"));
    }

    [TestCase("animation.png", "--apng")]
    [TestCase("000001_class0000.png", "--singles")]
    [TestCase("000001_class0000.json", "--singles")]
    public void A_sampling_run_again_replaces_its_own_pictures_only(string name, string option)
    {
        Sample("drawn").Done();
        string mine = Mine("drawn", name);
        RequireRefused(Sample("drawn", option), mine, $"{name}: is there already, and no run of this program has written it");
        File.Delete(mine);
        Sample("drawn", option).Done();
        Sample("drawn", option).Done();
        Sample("drawn", option, "--no-metadata").Done();
        Sample("drawn", option, "--no-metadata").Done();
        Mine("drawn", name);
        Sample("drawn", option, "--overwrite").Done();
    }

    [Test]
    public void A_link_in_the_place_of_a_sheet_is_not_written_through()
    {
        Sample("linked").Done();
        string mine = Mine("elsewhere.png");
        File.Delete(At("linked", "samples.png"));
        File.CreateSymbolicLink(At("linked", "samples.png"), mine);
        RequireRefused(Sample("linked"), mine, "samples.png: is there already");
    }

    [Test]
    public void A_training_run_begins_in_no_folder_of_numbered_pictures_and_in_none_that_it_is_trained_on()
    {
        string mine = Mine("run", "samples", "00000002.png");
        RequireRefused(PixelDiTProgram.RunHere([.. s_train, "--data", "shapes", "--sample-every", "1", "--out", At("run")]), mine, "00000002.png");
        Sample("pictures", "--singles").Done();
        mine = Mine("pictures", "note.txt");
        foreach (string place in (string[])[At("pictures"), At("pictures", "run")])
            RequireRefused(PixelDiTProgram.RunHere([.. s_train, "--data", At("pictures"), "--overwrite", "--out", place]), mine, "lies within the images to train on");
    }

    [Test]
    public void What_is_read_is_not_written_over_even_with_overwrite()
    {
        Sample("pictures", "--singles").Done();
        string mine = Mine("pictures", "000000_class0000.json");
        RequireRefused(PixelDiTProgram.RunHere("data", At("pictures"), "--resolution", "16", "--no-estimate", "--out", mine, "--overwrite"), mine, "is among the files of");
        RequireRefused(PixelDiTProgram.RunHere("evaluate", "--samples", $"folder:{At("pictures")}", "--reference", "shapes", "--resolution", "16", "--json", mine, "--overwrite"), mine, "is among the files of");
        RequireRefused(PixelDiTProgram.RunHere("encode", "--encoder", "words", "--model", At("model.safetensors"), "--data", $"folder:{At("pictures")}", "--out", mine, "--overwrite"), mine, "is among the files of");
        PixelDiTProgram.RunHere([.. s_train, "--data", "shapes", "--out", At("run")]).Done();
        Assert.That(PixelDiTProgram.RunHere("report", At("run"), "--out", At("run", "config.json"), "--overwrite").Error, Does.Contain("is among the files of"));
        PixelDiTProgram.RunHere("report", At("run")).Done();
        PixelDiTProgram.RunHere("report", At("run")).Done();
        Assert.That(File.ReadAllText(At("run", "config.json")), Does.StartWith("{"));
        string config = At("c.json");
        File.WriteAllText(config, """{"steps": 2, "device": "cpu", "resolution": 8, "class": 0}""");
        var explained = PixelDiTProgram.RunHere("explain", "--model", At("model.safetensors"), "--config", config, "--out", config, "--overwrite");
        Assert.That(explained.Error, Does.Contain("is the file to read from as well"));
        Assert.That(File.ReadAllText(config), Does.StartWith("{"));
    }

    [Test]
    public void An_empty_value_takes_no_other_word_and_an_unknown_verb_has_no_help()
    {
        var result = Sample("empty", "--recipe=", "--singles");
        Assert.That((result.ExitCode, result.Error), Is.EqualTo((1, result.Error)));
        Assert.That(result.Error, Does.Contain("''"));
        var help = PixelDiTProgram.RunHere("help", "sampel");
        Assert.That(help.ExitCode, Is.EqualTo(1));
        Assert.That(help.Error, Does.Contain("did you mean sample"));
        Assert.That(PixelDiTProgram.RunHere("help", "sample").Done(), Does.Contain("--sampler"));
        var version = PixelDiTProgram.RunHere("sample", "--version");
        Assert.That(version.ExitCode, Is.EqualTo(1));
        Assert.That(version.Error, Does.Contain("sample has no option --version"));
    }
}

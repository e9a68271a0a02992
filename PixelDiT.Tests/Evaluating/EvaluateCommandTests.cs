using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Formats.Numpy;
using PixelDiT.Reference.Pictures;
using PixelDiT.Tests.Commands;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Formats;
using PixelDiT.Tests.Vision;

namespace PixelDiT.Tests.Evaluating;

/// <summary>The verb as a stranger uses it, with a cache folder of its own.</summary>
[NonParallelizable]
internal sealed class EvaluateCommandTests
{
    private TemporaryFolder _folder = null!;
    private string? _cache;
    private string _inception = "", _real = "", _made = "", _model = "";

    [OneTimeSetUp]
    public void Prepare()
    {
        _folder = new TemporaryFolder();
        _cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", Path.Combine(_folder.Path, "cache"));
        _inception = InceptionFile.Write(_folder.Path);
        (_real, _made, _model) = (Path.Combine(_folder.Path, "real"), Path.Combine(_folder.Path, "made"), Path.Combine(_folder.Path, "model.safetensors"));
        for (int i = 0; i < 12; i++)
        {
            // Of several sizes, some in folders below.
            Write(Path.Combine(_real, i < 6 ? "" : "more/below", $"{i}.png"), i, 20 + i, 24);
            Write(Path.Combine(_made, $"{i}.png"), 100 + i, 16, 16);
        }
        PixelDiTProgram.RunHere("init", "--preset", "micro", "--nonzero", "--out", _model).Done();
    }

    [OneTimeTearDown]
    public void Remove()
    {
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", _cache);
        _folder.Dispose();
    }

    [Test]
    public void Two_folders_are_compared_and_the_second_time_the_reference_comes_from_the_cache()
    {
        string json = Path.Combine(_folder.Path, "first.json"), again = Path.Combine(_folder.Path, "second.json");
        string said = PixelDiTProgram.RunHere("evaluate", "--samples", _made, "--reference", _real, "--inception", _inception, "--json", json).Done();
        Assert.That(said, Does.Contain("FID").And.Contains("sFID").And.Contains("recall").And.Contains("12 images").And.Contains("preprocessing tensorflow").And.Contains("singular"));
        string second = PixelDiTProgram.RunHere("evaluate", "--samples", _made, "--reference", _real, "--inception", _inception, "--json", again).Done();
        Assert.That(second, Does.Contain("statistics from the cache"));
        var (one, two) = (Metrics(json), Metrics(again));
        Assert.That(two, Is.EqualTo(one), "a cached reference gives the same numbers, to the bit");
        Assert.That(one["fid"], Is.GreaterThan(0));
        Assert.That(one.Keys, Is.SupersetOf((string[])["fid", "sfid", "inception_score", "precision", "recall"]));

        // A cache that is damaged is as good as none.
        string cached = Directory.GetFiles(Path.Combine(_folder.Path, "cache", "pixeldit", "statistics"), "*.npz").OrderBy(File.GetLastWriteTimeUtc).Last();
        byte[] bytes = File.ReadAllBytes(cached);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(cached, bytes);
        string third = PixelDiTProgram.RunHere("evaluate", "--samples", _made, "--reference", _real, "--inception", _inception, "--json", again, "--overwrite").Done();
        Assert.That(third, Does.Not.Contain("statistics from the cache"));
        Assert.That(Metrics(again), Is.EqualTo(one));
    }

    [Test]
    public void A_set_is_at_no_distance_from_its_own_statistics()
    {
        string statistics = Path.Combine(_folder.Path, "made.npz"), json = Path.Combine(_folder.Path, "own.json");
        PixelDiTProgram.RunHere("evaluate", "--samples", _made, "--inception", _inception, "--stats-out", statistics).Done();
        using (var file = NpzReader.Open(statistics))
        {
            Assert.That(file.Entries.Select(entry => entry.Name), Is.SupersetOf((string[])["mu", "sigma", "mu_s", "sigma_s"]));
            Assert.That(file["sigma_s"].Shape, Is.EqualTo((long[])[2023, 2023]));
        }
        Assert.That(NpzArray.Read(statistics, "sigma").Shape, Is.EqualTo((long[])[2048, 2048]));
        string said = PixelDiTProgram.RunHere("evaluate", "--samples", _made, "--reference", statistics, "--inception", _inception, "--json", json).Done();
        Assert.That(said, Does.Contain("statistics from the file").And.Contains("precision and recall need pictures"));
        Assert.That(Metrics(json)["fid"], Is.EqualTo(0).Within(1e-4), "a singular covariance leaves 1e-7 of the traces");
        Refused("--preprocess tensorflow was expected", "--samples", _made, "--reference", statistics, "--inception", _inception, "--preprocess", "pytorch");
    }

    [Test]
    public void A_models_images_and_those_of_its_archive_measure_the_same()
    {
        string[] drawing = ["--class", "0-1", "--count", "6", "--steps", "2", "--resolution", "16", "--seed", "3"];
        string run = Path.Combine(_folder.Path, "run"), direct = Path.Combine(_folder.Path, "direct.json"), archived = Path.Combine(_folder.Path, "archived.json");
        PixelDiTProgram.RunHere(["sample", "--model", _model, "--npz", "--out", run, .. drawing]).Done();
        string said = PixelDiTProgram.RunHere(["evaluate", "--samples", _model, "--inception", _inception, "--json", direct, .. drawing]).Done();
        PixelDiTProgram.RunHere("evaluate", "--samples", Path.Combine(run, "output.npz"), "--inception", _inception, "--json", archived).Done();
        Assert.That(said, Does.Contain("(model), 12 images"));
        Assert.That(Metrics(direct), Is.EqualTo(Metrics(archived)));
    }

    [Test]
    public void Without_weights_classes_are_compared()
    {
        string json = Path.Combine(_folder.Path, "classes.json"), self = Path.Combine(_folder.Path, "self.json");
        string said = PixelDiTProgram.RunHere("evaluate", "--samples", _model, "--reference", "shapes", "--images", "300", "--count", "4", "--steps", "2", "--resolution", "16", "--json", json).Done();
        Assert.That(said, Does.Contain("class agreement").And.Contains("no FID"));
        PixelDiTProgram.RunHere("evaluate", "--samples", "shapes", "--reference", "shapes", "--images", "300", "--resolution", "16", "--json", self).Done();
        var (drawn, same) = (Metrics(json), Metrics(self));
        Assert.That(same["class_mean_distance"], Is.Zero);
        Assert.That(same["class_spectrum_distance"], Is.Zero);
        Assert.That(same["class_agreement"], Is.GreaterThan(0.9));
        Assert.That(drawn["class_agreement"], Is.LessThan(0.5), "a model of random weights draws noise");
        Assert.That(drawn["class_mean_distance"], Is.GreaterThan(0.01));
        Assert.That(drawn["class_spectrum_distance"], Is.GreaterThan(0.1));
    }

    [Test]
    public void A_picture_that_cannot_be_read_is_left_out_and_named()
    {
        string folder = Path.Combine(_folder.Path, "broken");
        for (int i = 0; i < 3; i++) Write(Path.Combine(folder, $"{i}.png"), i, 16, 16);
        File.WriteAllText(Path.Combine(folder, "bad.png"), "no picture");
        var result = PixelDiTProgram.RunHere("evaluate", "--samples", folder, "--inception", _inception);
        Assert.That(result.Done(), Does.Contain("(folder), 3 images"));
        Assert.That(result.Error, Does.Contain("left out").And.Contains("bad.png"));
    }

    [Test]
    public void Wrong_arguments_are_refused_before_any_work()
    {
        string file = Path.Combine(_folder.Path, "there.json");
        File.WriteAllText(file, "{}");
        Refused("names no pictures", "--samples", Path.Combine(_folder.Path, "nothing"), "--reference", _real);
        Refused("nothing to measure against", "--samples", _made);
        Refused("--inception was expected", "--samples", _made, "--reference", _real, "--stats-out", "x.npz");
        Refused("is there already", "--samples", _made, "--reference", _real, "--inception", _inception, "--json", file);
        Refused("there is no folder", "--samples", _made, "--reference", _real, "--inception", _inception, "--json", Path.Combine(_folder.Path, "none", "x.json"));
        Refused("have no classes", "--samples", _made, "--reference", _real);
        Refused("--steps says how a model draws", "--samples", _made, "--reference", _real, "--steps", "3");
        Refused("a model is measured as --samples", "--samples", _made, "--reference", _model, "--inception", _inception);
        Refused("--resolution gives it", "--samples", _made, "--reference", "shapes", "--inception", _inception);
        Refused("none of its", "--samples", _made, "--reference", _real, "--inception", _model);
        Refused("it must be 2 or more", "--samples", _made, "--reference", _real, "--inception", _inception, "--images", "1");
        Assert.That(File.ReadAllText(file), Is.EqualTo("{}"));
    }

    [Test]
    public void An_interrupted_evaluation_leaves_nothing()
    {
        Signals.RequireHeard("INT");
        string json = Path.Combine(_folder.Path, "late.json"), before = Listing();
        using var process = PixelDiTProgram.Start(_folder.Path, null, "evaluate", "--samples", "shapes", "--reference", _real, "--resolution", "32", "--images", "5000", "--inception", _inception, "--json", json, "--no-cache");
        Assert.That(process.StandardOutput.ReadLine(), Is.Not.Null);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"])) kill.WaitForExit();
        var error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(error.Result, Does.Contain("interrupted"));
        Assert.That(Listing(), Is.EqualTo(before));

        string Listing() => string.Join('\n', Directory.GetFiles(_folder.Path).Order());
    }

    private static void Refused(string message, params string[] arguments)
    {
        var result = PixelDiTProgram.RunHere(["evaluate", .. arguments]);
        Assert.That(result.ExitCode, Is.EqualTo(1), message);
        Assert.That(result.Error, Does.Contain(message));
    }

    private static Dictionary<string, double> Metrics(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.GetProperty("metrics").EnumerateObject().ToDictionary(metric => metric.Name, metric => metric.Value.GetDouble());
    }

    private static void Write(string path, int seed, int height, int width)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        PngWriter.Write(path, InceptionNetworkTests.Drawn(seed, height, width));
    }
}

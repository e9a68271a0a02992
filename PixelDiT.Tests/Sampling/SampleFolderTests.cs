using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Sampling;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Sampling;

/// <summary>A folder holds one run, and its record says which.</summary>
internal sealed class SampleFolderTests
{
    private static readonly ClassPlan s_plan = new() { Size = new(16), Classes = [3, 1], ClassNames = ["a", "b", "c", "d"], PerRow = 2, Seed = 5, Weights = "00ff" };

    private TemporaryFolder _temporary = null!;

    private string Path => _temporary.Path;

    [SetUp]
    public void Make() => _temporary = new TemporaryFolder();

    [TearDown]
    public void Remove() => _temporary.Dispose();

    private string Refusal(ClassPlan plan, bool overwrite = false) =>
        ((PixelDiTException)Assert.Catch(() => SampleFolder.Open(Path, plan, overwrite))!).Message;

    private static IEnumerable<TestCaseData> Others()
    {
        static TestCaseData Case(ClassPlan plan, string message) => new TestCaseData(plan, message).SetName($"Another_run_is_refused: {message}");
        var sampling = s_plan.Sampling;
        yield return Case(s_plan with { Sampling = sampling with { Steps = 7 } }, "\"steps\" is 100, and 7 in this run");
        yield return Case(s_plan with { Sampling = sampling with { Guidance = 3.25 } }, "\"guidance\" is 1, and 3.25 in this run");
        yield return Case(s_plan with { Sampling = sampling with { Interval = (0.1f, 1) } }, "\"interval\" is [0,1], and [0.1,1] in this run");
        yield return Case(s_plan with { Sampling = sampling with { TimeShift = 2 } }, "\"time_shift\" is 1, and 2 in this run");
        yield return Case(s_plan with { Sampling = sampling with { Sampler = Sampler.Heun } }, "\"sampler\" is \"flow-dpm\", and \"heun\" in this run");
        yield return Case(s_plan with { Size = new(32) }, "\"resolution\" is 16, and 32 in this run");
        yield return Case(s_plan with { Classes = [1, 3] }, "\"classes\" is [3,1], and [1,3] in this run");
        yield return Case(s_plan with { ClassNames = [] }, "\"class_names\" is [\"d\",\"b\"], and null in this run");
        yield return Case(s_plan with { PerRow = 3 }, "\"count\" is 2, and 3 in this run");
        yield return Case(s_plan with { Seed = 6 }, "\"seed\" is 5, and 6 in this run");
        yield return Case(s_plan with { Seeds = [1, 2, 3, 4] }, "\"seeds\" is absent, and [1,2,3,4] in this run");
        yield return Case(s_plan with { Weights = "00fe" }, "\"weights_sha256\" is \"00ff\", and \"00fe\" in this run");
        yield return Case(s_plan with { Recipe = SamplingRecipes.Get("imagenet512") }, "\"recipe\" is null, and \"imagenet512\" in this run");
    }

    [TestCaseSource(nameof(Others))]
    public void Another_run_is_refused(ClassPlan other, string message)
    {
        SampleFolder.Open(Path, s_plan, overwrite: false).Begin();
        Assert.That(() => SampleFolder.Open(Path, s_plan, overwrite: false), Throws.Nothing);
        Assert.That(Refusal(other), Does.StartWith($"{System.IO.Path.Combine(Path, "samples.json")}: {message}; --overwrite replaces"));
    }

    [Test]
    public void A_list_of_seeds_is_not_a_first_seed()
    {
        SampleFolder.Open(Path, s_plan with { Seeds = [5, 6, 7, 8] }, overwrite: false).Begin();
        Assert.That(Refusal(s_plan), Does.Contain("\"seed\" is absent, and 5 in this run"));
    }

    [Test]
    public void A_record_names_what_leaves_the_recipe()
    {
        var recipe = SamplingRecipes.Get("imagenet512");
        var plan = s_plan with { Recipe = recipe, Sampling = recipe.Sampling with { Guidance = 4, Interval = (0, 1) }, Size = new(512), Seed = recipe.Seed };
        var record = JsonDocument.Parse(SampleRecord.Run(plan)).RootElement;
        Assert.That(record.GetProperty("recipe").GetString(), Is.EqualTo("imagenet512"));
        Assert.That(record.GetProperty("changed").EnumerateArray().Select(field => field.GetString()), Is.EqualTo((string[])["guidance", "interval"]));
        Assert.That(record.GetProperty("guidance").GetDouble(), Is.EqualTo(4));
        Assert.That(record.GetProperty("time_shift").GetDouble(), Is.EqualTo(2));
    }

    [Test]
    public void Overwriting_deletes_the_files_of_a_run_and_no_others()
    {
        string[] own = ["samples.png", "trajectory.png", "output.npz", "output.npz.part", "output.npz.count", "000000_class0003.png", "000000_class0003.json", "1000000_class0001.png"];
        string[] others = ["notes.txt", "cat.png", "class0003_0000.png", "000000_class0003.txt"];
        foreach (string name in (string[])[.. own, .. others]) _temporary.Write(name, [1]);
        var folder = SampleFolder.Open(Path, s_plan, overwrite: true);
        Assert.That(Directory.GetFiles(Path), Has.Length.EqualTo(own.Length + others.Length), "nothing happens before there is an image");
        Assert.That(folder.HasArchive || folder.HasPart, Is.False, "another run's archive is not gone on with");
        folder.Begin();
        Assert.That(Directory.GetFiles(Path).Select(System.IO.Path.GetFileName), Is.EquivalentTo((string[])[.. others, "samples.json"]));
    }

    [TestCase("samples.png")]
    [TestCase("trajectory.png")]
    [TestCase("output.npz")]
    [TestCase("output.npz.part")]
    [TestCase("output.npz.count")]
    public void Files_without_a_record_are_refused(string name)
    {
        _temporary.Write(name, [1]);
        Assert.That(Refusal(s_plan), Does.Contain($"holds {name} without the samples.json"));
    }

    [TestCase("", "is not JSON")]
    [TestCase("{\"steps\": 1", "is not JSON")]
    [TestCase("[]", "is a JSON Array")]
    [TestCase("{\"steps\": 1, \"steps\": 1}", "is not JSON")]
    [TestCase("{}", "\"recipe\" is absent, and null in this run")]
    public void A_damaged_record_is_refused(string text, string message)
    {
        _temporary.Write("samples.json", System.Text.Encoding.UTF8.GetBytes(text));
        Assert.That(Refusal(s_plan), Does.Contain(message));
    }

    [Test]
    public void A_long_value_is_clipped()
    {
        SampleFolder.Open(Path, s_plan with { Seeds = [.. Enumerable.Range(0, 1000).Select(k => (ulong)k)] }, overwrite: false).Begin();
        Assert.That(Refusal(s_plan with { Seeds = [.. Enumerable.Range(1, 1000).Select(k => (ulong)k)] }), Has.Length.LessThan(500 + Path.Length));
    }

    [TestCase("file")]
    [TestCase("file/below/it")]
    public void A_file_in_the_way_is_refused(string path)
    {
        _temporary.Write("file", []);
        Assert.That(() => SampleFolder.RequireUsable(System.IO.Path.Combine(Path, path)), Throws.TypeOf<FileFormatException>().With.Message.Contains("is a file"));
    }
}

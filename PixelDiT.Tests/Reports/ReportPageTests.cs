using System.Text.RegularExpressions;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Reports;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Watching;
using PixelDiT.Tests.Commands;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Training;

namespace PixelDiT.Tests.Reports;

/// <summary>The page about a run: everything that is there, nothing that runs, and no name that is more than text.</summary>
public sealed partial class ReportPageTests
{
    private const string Hostile = "<script>document.title='ran';alert(1)</script>", Quoted = "\" onerror=\"alert(2)";

    private static readonly DateTimeOffset s_now = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();

    private string Run => Path.Combine(_folder.Path, "<b>run");

    /// <summary>A run of nine steps in two parts, with three grids, whose classes have hostile names.</summary>
    [OneTimeSetUp]
    public void Train()
    {
        var sizes = SmallRun.Classes with { PatchDepth = 1 };
        var config = new TrainingConfig { Batch = 4, Size = 16, Seed = 5, Optimizer = new() { LearningRate = 1e-3 } };
        var watch = new WatchConfig { Sampling = new SamplingConfig { Steps = 1, Guidance = 1 }, SampleEvery = 3 };
        foreach (int steps in (int[])[5, 10])
        {
            using var device = Device.Open("cpu", 1);
            string settings = $$"""{"data": "shapes", "steps": {{steps}}, "batch": 4, "lr": 0.001, "ema": 0.9, "clip": 1, "note": "</td><img src=x onerror=alert(3)>"}""";
            using var run = TrainingRun.Create(Run, device, new ClassData(new Named()), sizes, config with { Steps = steps }, steps == 5 ? ExistingRun.Refuse : ExistingRun.Resume, settings, watch: watch);
            run.Run(0, _ => { });
        }
    }

    [OneTimeTearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void A_name_is_text_and_nothing_in_the_page_runs()
    {
        string page = ReportPage.Compose(RunSummary.Read(Run), s_now);
        Assert.That(page, Does.Contain("&lt;script&gt;document.title=&#39;ran&#39;;alert(1)&lt;/script&gt;").And.Contain("&quot; onerror=&quot;alert(2)").And.Contain("&lt;b&gt;run"));
        Assert.That(page, Does.Not.Contain("<script").And.Not.Contain("<img src=x").And.Contain("default-src 'none'"));
        // No file and no address but those in the page itself.
        Assert.That(Sources().Matches(page).Select(match => match.Groups[1].Value), Is.All.StartsWith("data:image/png;base64,"));
        Assert.That(page, Does.Not.Contain("http://").And.Not.Contain("https://").And.Not.Contain("url(").And.Not.Contain("@import"));
    }

    [Test]
    public void Curves_pictures_and_what_happened_are_there()
    {
        string page = ReportPage.Compose(RunSummary.Read(Run), s_now);
        Assert.That(Count(page, "<svg "), Is.EqualTo(7));
        Assert.That(Count(page, "<title id="), Is.EqualTo(7));
        Assert.That(Count(page, "<img "), Is.EqualTo(3));
        Assert.That(Count(page, "<line class=\"resumed\""), Is.EqualTo(7), "the run went on once, in every plot");
        Assert.That(page, Does.Contain("<strong>Finished</strong>, step 10 of 10").And.Contain("went on after a stop</dt><dd>once").And.Contain("clipped at 1").And.Contain("alt=\"Sample grid, step 3; its rows are "));
    }

    [Test]
    public void The_state_of_a_run_is_what_its_folder_shows()
    {
        string folder = Path.Combine(_folder.Path, "states");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"data": "shapes", "steps": 3, "batch": 4, "lr": 0.001, "ema": 0.9}""");
        string log = Path.Combine(folder, "loss.csv");
        Assert.That(RunSummary.Read(folder).State, Is.EqualTo(RunState.Interrupted));
        Assert.That(ReportPage.Compose(RunSummary.Read(folder), s_now), Does.Contain("No step has been made yet"));
        File.WriteAllText(log, "step,loss,grad_norm,lr,images_per_second\n1,1.5,1,0.1,10\n2,NaN,NaN,0.1,10\n");
        Assert.That(RunSummary.Read(folder).State, Is.EqualTo(RunState.Interrupted));
        Assert.That(ReportPage.Compose(RunSummary.Read(folder), s_now), Does.Contain("class=\"skipped\"").And.Contain("steps skipped"));
        File.WriteAllText(Path.Combine(folder, "failure.safetensors"), "");
        Assert.That(RunSummary.Read(folder).State, Is.EqualTo(RunState.Failed));
        using (FolderLock.Take(folder)) Assert.That(RunSummary.Read(folder).State, Is.EqualTo(RunState.Running));
        File.AppendAllText(log, "3,1,1,0.1,10,0.5\n4");
        Assert.That(RunSummary.Read(folder).State, Is.EqualTo(RunState.Finished));
        Assert.That(RunSummary.Read(folder).History["loss_t00"], Is.All.NaN);
        Assert.That(() => RunSummary.Read(_folder.Path), Throws.TypeOf<FileFormatException>().With.Message.Contains("holds no run"));
        Assert.That(() => RunSummary.Read(Path.Combine(_folder.Path, "none")), Throws.TypeOf<FileFormatException>().With.Message.Contains("no such folder"));
    }

    [Test]
    public void A_file_of_somebody_else_is_not_replaced_and_its_own_page_is()
    {
        string page = Path.Combine(_folder.Path, "page.html"), theirs = Path.Combine(_folder.Path, "theirs.html");
        File.WriteAllText(theirs, "<html>mine");
        Assert.That(PixelDiTProgram.RunHere("report", Run, "--out", theirs).Error, Does.Contain("no page of this verb; --overwrite replaces it"));
        Assert.That(File.ReadAllText(theirs), Is.EqualTo("<html>mine"));
        PixelDiTProgram.RunHere("report", Run, "--out", page).Done();
        PixelDiTProgram.RunHere("report", Run, "--out", page).Done();
        PixelDiTProgram.RunHere("report", Run, "--out", theirs, "--overwrite").Done();
        Assert.That(ReportPage.IsOne(theirs));
        Assert.That(PixelDiTProgram.RunHere("info", Run).Done(), Does.Contain("finished at step 10 of 10").And.Contain("checkpoint of step 10: ").And.Contain("lr                 0.001"));
    }

    [TestCase(0.001, 0.001), TestCase(0, 5000), TestCase(0.002, 3), TestCase(-4, 7), TestCase(1e-9, 1e9), TestCase(0, 0)]
    public void Ticks_are_few_and_lie_within(double low, double high)
    {
        foreach (bool mayBeLogarithmic in (bool[])[false, true])
        {
            var axis = new Axis([low, high], mayBeLogarithmic);
            double[] ticks = [.. axis.Ticks()];
            Assert.That(ticks, Has.Length.InRange(1, 20).And.Ordered);
            Assert.That(ticks.Select(axis.At), Is.All.InRange(-1e-6, 1 + 1e-6));
        }
    }

    [Test]
    public void A_mean_counts_its_beginning_no_more_than_the_rest()
    {
        Assert.That(new Curve("x", [4, double.NaN, 4, 4], 5).Smoothed(), Is.All.EqualTo(4).Within(1e-12));
        Assert.That(new Curve("x", [1, 2, 3], 1).Smoothed(), Is.EqualTo((double[])[1, 2, 3]));
    }

    [Test]
    public void A_browser_shows_it_and_runs_nothing()
    {
        string page = Path.Combine(_folder.Path, "browser.html");
        ReportPage.Write(page, RunSummary.Read(Run), s_now);
        using var browser = Browser.Open(Path.Combine(_folder.Path, "profile"));
        browser.Show(page);
        string shown = browser.Ask("document.documentElement.outerHTML");
        Assert.That(browser.Errors, Is.Empty);
        // The browser writes out the elements that it has made of the page.
        Assert.That(shown, Does.Contain("&lt;script&gt;document.title='ran';alert(1)&lt;/script&gt;</td>").And.Not.Contain("<script").And.Not.Contain("<title>ran</title>"));
        Assert.That(shown, Does.Match("<title>&lt;b&gt;run · PixelDiT</title>"));
        Assert.That((Count(shown, "<svg "), Count(shown, "<img "), Count(shown, "<h2>")), Is.EqualTo((7, 3, 5)));
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    [GeneratedRegex("(?:src|href)=\"([^\"]*)\"")]
    private static partial Regex Sources();

    /// <summary>The drawings under names that would be markup.</summary>
    private sealed class Named : IImageSource
    {
        private readonly Shapes _shapes = new(16);

        public string Name => _shapes.Name;

        public int Classes => _shapes.Classes;

        public IReadOnlyList<string> ClassNames => [Hostile, Quoted, .. _shapes.ClassNames.Skip(2)];

        public IReadOnlyList<long> ClassCounts => _shapes.ClassCounts;

        public string ListingHash => _shapes.ListingHash;

        public IReadOnlyList<SkippedImage> Skipped => _shapes.Skipped;

        public int Label(long index) => _shapes.Label(index);

        public long Count => _shapes.Count;

        public int Channels => _shapes.Channels;

        public int Height => _shapes.Height;

        public int Width => _shapes.Width;

        public int Read(long index, Span<float> image) => _shapes.Read(index, image);
    }
}

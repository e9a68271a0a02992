using System.Diagnostics;
using NUnit.Framework;
using PixelDiT.Reference.Explaining;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Explaining;
using PixelDiT.Tests.Reports;
using StbImageSharp;

namespace PixelDiT.Tests.Commands;

/// <summary>Pages by <c>explain</c>, as a person asks for them, and as a browser shows them.</summary>
internal sealed class ExplainCommandTests
{
    private const string Hostile = "<script>document.title='ran'</script>";

    private static readonly string[] s_machine = ["--device", "cpu", "--threads", "1"];

    private readonly TemporaryFolder _folder = new();

    [OneTimeSetUp]
    public void MakeModels()
    {
        foreach (string kind in ExplainedModels.Kinds)
        {
            var sizes = ExplainedModels.Sizes(kind);
            var metadata = new Dictionary<string, string> { ["config"] = sizes.ToJson(), ["height"] = "8", ["width"] = "12" };
            if (kind == "full") metadata["class_names"] = $"""["a","b","c","{Hostile}","</script><img src=x onerror=alert(1)>","f","g","h","i","j"]""";
            SafetensorsWriter.Write(At($"{kind}.safetensors"), [.. ModelCost.Shapes(sizes).Select(entry => new TensorSpec(entry.Key, DataType.F32, entry.Value))], metadata, Initialization.Fill(sizes, 3, nonzero: true));
        }
        _folder.Write("picture.png", ImageFolderTests.Png(40, 30, 3, [.. Enumerable.Range(0, 40 * 30 * 3).Select(i => (byte)(i % 251))]));
    }

    [OneTimeTearDown]
    public void RemoveFolder() => _folder.Dispose();

    private string At(string name) => Path.Combine(_folder.Path, name);

    private ProgramResult Explain(string kind, string page, params string[] more)
        => PixelDiTProgram.RunHere(["explain", "--model", At($"{kind}.safetensors"), .. kind == "text" ? ["--encoder", "words"] : (string[])[], "--steps", kind == "large" ? "16" : "4", "--out", At(page), .. s_machine, .. more]);

    [Test]
    public void A_browser_shows_every_kind_of_model_and_its_controls_change_what_is_shown()
    {
        using var browser = Browser.Open(At("profile"));
        foreach (string kind in ExplainedModels.Kinds)
        {
            string page = $"{kind}.html";
            Assert.That(Explain(kind, page, kind == "text" ? ["--prompt", $"a red {Hostile}"] : ["--class", "3"]).Done(), Does.Contain("wrote "));
            browser.Show(At(page));
            Assert.That(browser.Ask("document.documentElement.dataset.ready"), Is.EqualTo("yes"), $"{kind}: {string.Join('\n', browser.Errors)}");

            Changes("the slider moves the way", "document.getElementById('step').value = 0; document.getElementById('step').dispatchEvent(new Event('input'))", "document.getElementById('state').src");
            Changes("another traced step", "[...document.querySelectorAll('#traced input')].at(-1).click()", "document.querySelector('#velocities img').src");
            Changes("a block opens", "document.querySelector('#stages button.more').click()", "document.querySelectorAll('#stages tr').length");
            Changes("a stage is chosen", "[...document.querySelectorAll('#stages td:first-child button')].at(-1).click()", "document.querySelector('#stage h3').textContent");
            Changes("a bar chooses a stage", "document.querySelector('#depth rect').dispatchEvent(new MouseEvent('click'))", "document.querySelector('#stage h3').textContent");
            Changes("another patch, by keyboard", "document.getElementById('attentionPicker').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }))", "document.querySelector('#heads canvas').toDataURL() + document.getElementById('attentionText').textContent");
            Changes("another block", "document.querySelectorAll('#attentionBlocks input')[1].click()", "document.querySelector('#heads canvas').toDataURL()");
            Assert.That(browser.Ask("document.querySelectorAll('#patchTokens img').length"), Is.EqualTo("6"), kind);
            if (kind == "none")
            {
                Assert.That(browser.Ask("document.querySelectorAll('.absent').length"), Is.EqualTo("3"), "pixel tokens, modulation, compaction");
            }
            else
            {
                Changes("another channel", "document.querySelectorAll('#modulationChannels input')[1].click()", "document.querySelector('#maps canvas').toDataURL()");
                Assert.That(browser.Ask("document.querySelectorAll('#maps canvas').length"), Is.EqualTo(kind == "post" ? "12" : "18"), kind);
                Assert.That(browser.Ask("document.querySelectorAll('#compacted canvas').length"), Is.EqualTo(kind == "no-compaction" ? "0" : "6"), kind);
            }
            if (kind == "text") Changes("a word is chosen", "document.querySelectorAll('.words button')[1].click()", "document.querySelector('#heads canvas').toDataURL()");
            Assert.That(browser.Ask("document.title"), Does.Contain(kind switch { "text" => Hostile, "full" => $"class 3, {Hostile}", _ => "class 3" }), "names are text");
            Assert.That(browser.Ask("[...document.querySelectorAll('img')].filter(image => !image.complete || image.naturalWidth === 0).length"), Is.EqualTo("0"), kind);
            Assert.That(browser.Errors, Is.Empty, kind);

            var seen = ImageResult.FromMemory(browser.Look(), ColorComponents.RedGreenBlue);
            Assert.That(seen.Data.Chunk(3).Select(pixel => (pixel[0], pixel[1], pixel[2])).Distinct().Count(), Is.GreaterThan(200), $"{kind}: pictures are in the window");

            void Changes(string what, string action, string shown)
            {
                string before = browser.Ask(shown);
                browser.Ask($"(() => {{ {action} }})()");
                Assert.That(browser.Ask(shown), Is.Not.EqualTo(before), $"{kind}: {what}");
            }
        }
    }

    [Test]
    public void Nothing_in_a_page_comes_from_elsewhere_and_no_name_is_markup()
    {
        Explain("full", "named.html", "--class", "4").Done();
        string page = File.ReadAllText(At("named.html"));
        Assert.That(page, Does.Contain("default-src 'none'; img-src data:").And.Contain("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
        Assert.That(page, Does.Not.Contain("<img src=x").And.Not.Contain("https://").And.Not.Contain("url(").And.Not.Contain("@import"));
        Assert.That(page.Split("</script>"), Has.Length.EqualTo(3), "the data and the script end where they should");
        Assert.That(page.Split("http://"), Has.Length.EqualTo(2), "the name of SVG, which is no address to load from");
    }

    [Test]
    public void A_page_of_a_picture_of_256_stays_below_20_MB()
    {
        var sizes = Presets.Get("small") with { Hidden = 96, PatchDepth = 2 };
        StoredModel.WriteNew(At("large.safetensors"), sizes, 3, nonzero: true, DataType.F32);
        Explain("large", "large.html", "--class", "1", "--resolution", "256", "--guidance", "1").Done();
        // A deeper and wider model has no more of attention and maps in its page: what is chosen goes by their bytes.
        Assert.That(new FileInfo(At("large.html")).Length, Is.LessThan(20_000_000));
    }

    [Test]
    public void A_picture_of_any_size_is_explained()
    {
        Explain("gray", "picture.html", "--class", "none", "--image", At("picture.png"), "--trace-steps", "1,3", "--blocks", "1", "--channels", "1").Done();
        string page = File.ReadAllText(At("picture.html"));
        Assert.That(page, Does.Contain("<h1>picture.png, no class</h1>").And.Contain("\"isPicture\":true").And.Contain("at step 1, 3 (--trace-steps").And.Contain("attention of patch block 1 of 0 to 1"));
        Explain("full", "wide.html", "--class", "1", "--width", "20", "--height", "4").Done();
        Assert.That(File.ReadAllText(At("wide.html")), Does.Contain("The picture is 20 wide and 4 high, of 5 patches"));
    }

    private static IEnumerable<TestCaseData> Mistakes()
    {
        static TestCaseData Case(string kind, string message, params string[] arguments) => new TestCaseData(kind, message, arguments).SetName($"Mistake: {kind} {string.Join(' ', arguments)}");
        yield return Case("full", "holds a class-conditional model of 10 classes; --class was expected");
        yield return Case("full", "2 classes are given; one was expected", "--class", "1,2");
        yield return Case("full", "class '10' is unknown", "--class", "10");
        yield return Case("full", "--prompt is of text-to-image ones", "--prompt", "a");
        yield return Case("text", "--prompt or --prompts was expected");
        yield return Case("text", "2 prompts are given; one was expected", "--prompt", "a", "--prompt", "b");
        yield return Case("text", "--class is of class-conditional ones", "--class", "1");
        yield return Case("full", "trace-steps names 4; the sampler's steps are 0 to 3", "--class", "1", "--trace-steps", "0,4");
        yield return Case("full", "--trace-steps is '1,x'; whole numbers with commas were expected", "--class", "1", "--trace-steps", "1,x");
        yield return Case("full", "blocks names 2; the model's patch blocks are 0 to 1", "--class", "1", "--blocks", "2");
        yield return Case("none", "the model has no pixel level", "--class", "1", "--pixel-blocks", "0");
        yield return Case("full", "channels is 9; it must be from 1 to 8", "--class", "1", "--channels", "9");
        yield return Case("full", "resolution is 10; multiples of 4", "--class", "1", "--resolution", "10");
        yield return Case("full", "nowhere.png: cannot be read", "--class", "1", "--image", "nowhere.png");
        yield return Case("full", "sampler is 'dpm-solver++', which is of text models", "--class", "1", "--sampler", "dpm-solver++");
        yield return Case("full", "explain has no option --count", "--class", "1", "--count", "2");
    }

    [TestCase("", "--out is ''; a file was expected"), TestCase("stopped", "is a folder; a file was expected"), TestCase("nowhere/page.html", "there is no such folder")]
    public void A_page_that_cannot_be_written_is_refused_before_any_work(string page, string message)
    {
        Directory.CreateDirectory(At("stopped"));
        var result = PixelDiTProgram.RunHere(["explain", "--model", At("full.safetensors"), "--class", "1", "--out", page.Length == 0 ? page : At(page), .. s_machine]);
        Assert.That((result.ExitCode, result.Output), Is.EqualTo((1, "")));
        Assert.That(result.Error, Does.Contain(message));
    }

    [TestCaseSource(nameof(Mistakes))]
    public void A_mistake_gets_one_line_and_nothing_is_made(string kind, string message, string[] arguments)
    {
        var result = Explain(kind, "new.html", arguments);
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Output);
        Assert.That(result.Error, Does.Contain(message).And.Not.Contain("internal error"));
        Assert.That(File.Exists(At("new.html")), Is.False);
    }

    [Test]
    public void A_file_of_somebody_else_is_not_replaced_and_its_own_page_is()
    {
        File.WriteAllText(At("theirs.html"), "<html>mine");
        Assert.That(Explain("full", "theirs.html", "--class", "1").Error, Does.Contain("no page of this verb; --overwrite replaces it"));
        Assert.That(File.ReadAllText(At("theirs.html")), Is.EqualTo("<html>mine"));
        Explain("full", "theirs.html", "--class", "1", "--overwrite").Done();
        Assert.That(ExplainPage.IsOne(At("theirs.html")));
        Explain("full", "theirs.html", "--class", "2").Done();
        Assert.That(Explain("full", "full.safetensors", "--class", "1", "--overwrite").Error, Does.Contain("is the file to read from as well"));
        Assert.That(Explain("full", "picture.png", "--class", "1", "--overwrite", "--image", At("picture.png")).Error, Does.Contain("is the file to read from as well"));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "signals are sent by kill")]
    public void A_signal_leaves_nothing_half_written()
    {
        Signals.RequireHeard("INT");
        Directory.CreateDirectory(At("stopped"));
        using var process = PixelDiTProgram.Start(_folder.Path, null, ["explain", "--model", "full.safetensors", "--class", "1", "--resolution", "64", "--steps", "10000", "--out", "stopped/page.html", .. s_machine]);
        // The first line of progress is there when the way has begun.
        for (string? line = ""; line?.StartsWith("step ", StringComparison.Ordinal) == false; line = process.StandardOutput.ReadLine())
        {
        }
        Process.Start("kill", ["-INT", $"{process.Id}"])!.WaitForExit();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(Directory.GetFileSystemEntries(At("stopped")), Is.Empty);
    }
}

using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Diffusion;
using PixelDiT.Reference.Models.Weights;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Formats;
using PixelDiT.Tests.Models;
using StbImageSharp;

namespace PixelDiT.Tests.Sampling;

/// <summary>Runs of many images: what they write, and that an interruption leaves no mark.</summary>
internal sealed class SampleRunTests
{
    private const int Side = 8, ImageBytes = Side * Side * 3;

    private Device _device = null!;
    private SmallModel _small = null!;
    private TemporaryFolder _temporary = null!;

    [SetUp]
    public void Open()
    {
        _device = Device.Open("cpu", 1);
        _small = new SmallModel(_device, SmallModel.Config()).Fill();
        _temporary = new TemporaryFolder();
    }

    [TearDown]
    public void Close()
    {
        _temporary.Dispose();
        _small.Dispose();
        _device.Dispose();
    }

    private ClassPlan Plan() => new()
    {
        Sampling = new SamplingConfig { Steps = 2, Guidance = 2 },
        Size = new(Side),
        Classes = [2, 0, 1],
        ClassNames = ["cat", "dog \"é\"", "owl"],
        PerRow = 4,
        Seed = 40,
        Weights = WeightHash.Of(_small.Model)
    };

    private string In(params string[] parts) => Path.Combine([_temporary.Path, .. parts]);

    private SampleRun Run(string folder, ClassPlan plan, int batch = 5, bool archive = true, bool singles = false, bool overwrite = false) =>
        new(_small.Model, plan, SampleFolder.Open(In(folder), plan, overwrite)) { Archive = archive, Singles = singles, Batch = batch };

    private byte[] Archive(string folder) => File.ReadAllBytes(In(folder, "output.npz"));

    private string[] Names(string folder) => [.. Directory.GetFiles(In(folder)).Select(path => Path.GetFileName(path)).Order()];

    /// <summary>Draws until some images are on the disk and another batch has begun.</summary>
    private void Interrupt(string folder, ClassPlan plan, int images, int batch)
    {
        using var cancel = new CancellationTokenSource();
        var run = Run(folder, plan, batch);
        Assert.That(() => run.Draw(report =>
        {
            if (report.Images >= images && report.Work > report.Images) cancel.Cancel();
        }, cancel.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(run.Saved, Is.EqualTo(images));
    }

    [Test]
    public void The_archive_holds_the_images_and_labels_in_order()
    {
        var plan = Plan();
        Run("a", plan).Draw();

        Assert.That(Names("a"), Is.EqualTo((string[])["output.npz", "samples.json"]));
        var images = NpzArray.Read(In("a", "output.npz"), "arr_0");
        Assert.That((images.Type, images.Shape), Is.EqualTo(("|u1", new long[] { 12, Side, Side, 3 })));
        int[] order = [2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, 1];
        float[] expected = new ClassSampler(_small.Model, plan.Sampling).Sample(order, Side, Side, 40, 12);
        Assert.That(images.Values, Is.EqualTo(Picture.FromBatch(expected, 3, Side, Side).SelectMany(picture => picture.Pixels)));
        var labels = NpzArray.Read(In("a", "output.npz"), "arr_1");
        Assert.That((labels.Type, labels.Shape), Is.EqualTo(("<i8", new long[] { 12 })));
        Assert.That(Enumerable.Range(0, 12).Select(k => (int)BitConverter.ToInt64(labels.Values, 8 * k)), Is.EqualTo(order));
    }

    [Test]
    public void An_interrupted_run_goes_on_to_the_same_bytes_with_another_batch()
    {
        Run("whole", Plan()).Draw();
        Interrupt("parts", Plan(), images: 5, batch: 5);
        Assert.That(Names("parts"), Is.EqualTo((string[])["output.npz.count", "output.npz.part", "samples.json"]));
        Interrupt("parts", Plan(), images: 8, batch: 3);
        Run("parts", Plan(), batch: 4).Draw();
        Assert.That(Names("parts"), Is.EqualTo(Names("whole")));
        Assert.That(Archive("parts"), Is.EqualTo(Archive("whole")));
    }

    private static IEnumerable<TestCaseData> Damages()
    {
        static TestCaseData Case(string name, Action<string, string> damage) => new TestCaseData(damage).SetName($"A_run_that_was_killed_goes_on_to_the_same_bytes: {name}");
        yield return Case("half an image at the end", (part, _) => File.WriteAllBytes(part, [.. File.ReadAllBytes(part), .. new byte[ImageBytes / 2]]));
        yield return Case("images that were not counted", (part, _) => File.WriteAllBytes(part, [.. File.ReadAllBytes(part), .. new byte[3 * ImageBytes]]));
        yield return Case("the file ends in an image that was counted", (part, _) => File.WriteAllBytes(part, File.ReadAllBytes(part)[..^(ImageBytes + 7)]));
        yield return Case("the file ends in the header", (part, _) => File.WriteAllBytes(part, File.ReadAllBytes(part)[..20]));
        yield return Case("an empty file", (part, _) => File.WriteAllBytes(part, []));
        yield return Case("no count", (_, count) => File.Delete(count));
        yield return Case("no part", (part, _) => File.Delete(part));
        yield return Case("neither", (part, count) => { File.Delete(part); File.Delete(count); });
    }

    [TestCaseSource(nameof(Damages))]
    public void A_run_that_was_killed_goes_on_to_the_same_bytes(Action<string, string> damage)
    {
        Run("whole", Plan()).Draw();
        Interrupt("parts", Plan(), images: 5, batch: 5);
        damage(In("parts", "output.npz.part"), In("parts", "output.npz.count"));
        Run("parts", Plan()).Draw();
        Assert.That(Names("parts"), Is.EqualTo(Names("whole")));
        Assert.That(Archive("parts"), Is.EqualTo(Archive("whole")));
    }

    [TestCase(12)]
    [TestCase(11)]
    public void A_run_that_was_killed_while_it_closed_the_archive_closes_it_again(int counted)
    {
        Run("a", Plan()).Draw();
        byte[] whole = Archive("a");
        File.Move(In("a", "output.npz"), In("a", "output.npz.part"));
        File.WriteAllText(In("a", "output.npz.count"), $"{counted}\n");
        Run("a", Plan()).Draw();
        Assert.That(Archive("a"), Is.EqualTo(whole));
    }

    [Test]
    public void A_complete_archive_is_left_as_it_is()
    {
        Run("a", Plan()).Draw();
        File.WriteAllText(In("a", "output.npz.count"), "12\n");
        var written = File.GetLastWriteTimeUtc(In("a", "output.npz"));
        var run = Run("a", Plan());
        run.Draw(_ => Assert.Fail("nothing is drawn"));
        Assert.That((run.Saved, File.GetLastWriteTimeUtc(In("a", "output.npz"))), Is.EqualTo((12L, written)));
    }

    [TestCase("many\n")]
    [TestCase("13\n")]
    [TestCase("")]
    [TestCase("-1\n")]
    [TestCase("99999999999999999999999999999999999999\n")]
    public void A_damaged_count_is_refused_by_name(string text)
    {
        Interrupt("a", Plan(), images: 5, batch: 5);
        File.WriteAllText(In("a", "output.npz.count"), text);
        Assert.That(() => Run("a", Plan()).Draw(), Throws.TypeOf<FileFormatException>().With.Message.Contains("output.npz.count").And.Message.Contains("from 0 to 12"));
    }

    [Test]
    public void Two_runs_at_once_do_not_write_one_archive()
    {
        Interrupt("a", Plan(), images: 5, batch: 5);
        using var other = new ImageArchive(In("a"), Plan(), 3);
        Assert.That(() => Run("a", Plan()).Draw(), Throws.TypeOf<FileFormatException>().With.Message.Contains("output.npz.part"));
    }

    [Test]
    public void Singles_have_their_seeds_and_settings_beside_them()
    {
        var plan = Plan() with { Seeds = [.. Enumerable.Range(0, 12).Select(k => (ulong)(100 - k))], Classes = [1, 1, 0] };
        Run("a", plan, archive: false, singles: true).Draw();
        string[] stems = ["000000_class0001", "000004_class0001", "000007_class0001", "000008_class0000", "000011_class0000"];
        Assert.That(Names("a"), Is.SupersetOf(stems.SelectMany(stem => (string[])[$"{stem}.png", $"{stem}.json"])));
        Assert.That(Names("a"), Has.Length.EqualTo(27), "12 pictures, 12 records, grid, film strip, record");

        float[] seventh = new ClassSampler(_small.Model, plan.Sampling).Sample([1], [93ul], Side, Side);
        Assert.That(ImageResult.FromMemory(File.ReadAllBytes(In("a", "000007_class0001.png"))).Data, Is.EqualTo(Picture.FromImage(seventh, 3, Side, Side).Pixels));
        var record = JsonDocument.Parse(File.ReadAllText(In("a", "000007_class0001.json"))).RootElement;
        Assert.That(record.GetProperty("image").GetInt32(), Is.EqualTo(7));
        Assert.That(record.GetProperty("seed").GetUInt64(), Is.EqualTo(93));
        Assert.That(record.GetProperty("class").GetInt32(), Is.EqualTo(1));
        Assert.That(record.GetProperty("class_name").GetString(), Is.EqualTo("dog \"é\""));
        Assert.That(record.GetProperty("guidance").GetDouble(), Is.EqualTo(2));
        Assert.That(record.GetProperty("weights_sha256").GetString(), Is.EqualTo(plan.Weights));
    }

    [Test]
    public void Equal_runs_give_equal_files_with_any_batch()
    {
        Run("a", Plan(), batch: 12, archive: false, singles: true).Draw();
        Run("b", Plan(), batch: 1, archive: false, singles: true).Draw();
        Assert.That(Names("b"), Is.EqualTo(Names("a")));
        foreach (string name in Names("a")) Assert.That(File.ReadAllBytes(In("b", name)), Is.EqualTo(File.ReadAllBytes(In("a", name))), name);
    }

    [Test]
    public void Pictures_an_archive_and_singles_of_one_run_share_a_folder()
    {
        Run("a", Plan(), archive: false).Draw();
        Run("a", Plan(), singles: true).Draw();
        Assert.That(Names("a"), Has.Length.EqualTo(28), "12 pictures, 12 records, grid, film strip, archive, record");
    }

    [Test]
    public void A_run_that_draws_nothing_leaves_an_earlier_one_alone()
    {
        Run("a", Plan()).Draw();
        byte[] before = Archive("a");
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.That(() => Run("a", Plan() with { Seed = 1 }, overwrite: true).Draw(null, cancel.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Names("a"), Is.EqualTo((string[])["output.npz", "samples.json"]));
        Assert.That(Archive("a"), Is.EqualTo(before));
        Run("a", Plan() with { Seed = 1 }, overwrite: true).Draw();
        Assert.That(Archive("a"), Is.Not.EqualTo(before));
    }

    [Test]
    [Platform(Include = "Linux", Reason = "a folder in which nobody can make a file is always there")]
    public void A_folder_that_takes_no_file_is_refused_before_the_first_step()
    {
        var run = new SampleRun(_small.Model, Plan(), SampleFolder.Open("/proc/self", Plan(), overwrite: false));
        Assert.That(() => run.Draw(_ => Assert.Fail("nothing is drawn")), Throws.TypeOf<FileFormatException>().With.Message.StartsWith("/proc/self: no file can be made in it"));
    }

    [Test]
    public void A_sheet_of_too_many_images_needs_another_place_for_them()
    {
        int most = Grid.Capacity(Side, Side, 3) / 3;
        Assert.That(() => Run("a", Plan() with { PerRow = most }, archive: false).Validate(), Throws.Nothing);
        var large = Plan() with { PerRow = most + 1 };
        Assert.That(() => Run("a", large, archive: false).Draw(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("a smaller --count, --singles or --npz"));
        Assert.That(() => Run("a", large, archive: false, singles: true).Validate(), Throws.Nothing);
        Assert.That(() => Run("a", large).Validate(), Throws.Nothing);
    }

    [Test]
    public void A_batch_of_too_many_numbers_is_refused() =>
        Assert.That(() => Run("a", Plan() with { Size = new(4096), PerRow = 100 }, batch: 64).Validate(), Throws.TypeOf<ConfigurationException>().With.Message.Contains("a smaller --batch"));

    [Test]
    public void Images_that_are_not_finite_end_a_run_and_what_was_finished_stays()
    {
        // One class of three is no number, so only its images are not.
        float[] table = _small.Model.Parameters["y_embedder.embedding_table.weight"].Value.ToArray();
        int width = table.Length / 4;
        table[width] = float.NaN;
        _small.Model.Parameters["y_embedder.embedding_table.weight"].Value.Upload(table);
        _small.Model.Parameters.MarkChanged();
        var plan = Plan();
        var run = Run("a", plan, batch: 4);
        Assert.That(() => run.Draw(), Throws.TypeOf<NotFiniteException>().With.Message.Contains("image 8 (class 1, seed 48), image 9 (class 1, seed 49)").And.Message.Contains("the weights are finite"));
        Assert.That(run.Saved, Is.EqualTo(8));
        Assert.That(Names("a"), Does.Contain("output.npz.part").And.Not.Contain("output.npz"));

        var named = new SampleRun(_small.Model, plan, SampleFolder.Open(In("b"), plan, overwrite: false)) { Batch = 32, WeightsProblem = "a tensor is not finite" };
        Assert.That(() => named.Draw(), Throws.TypeOf<NotFiniteException>().With.Message.EndsWith("a tensor is not finite"));
        Assert.That(Directory.Exists(In("b")) ? Names("b") : [], Is.Empty);
    }
}

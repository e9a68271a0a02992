using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Training;

namespace PixelDiT.Tests.Training;

public sealed class RunFolderTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    [Test]
    public void A_folder_is_locked_until_it_is_given_back()
    {
        using (FolderLock.Take(_folder))
        {
            Assert.That(() => FolderLock.Take(_folder), Throws.TypeOf<FileFormatException>().With.Message.Contains("another process is writing"));
        }
        Assert.That(Directory.GetFileSystemEntries(_folder), Is.Empty);
        FolderLock.Take(_folder).Dispose();
    }

    [TestCase("config.json"), TestCase("loss.csv"), TestCase("training.safetensors"), TestCase("model.safetensors"), TestCase("samples.png"), TestCase("samples.json")]
    public void Any_file_of_a_run_makes_a_folder_one_that_is_left_alone(string name)
    {
        File.WriteAllText(At(name), "mine");
        Assert.That(() => RunFolder.Open(_folder, ExistingRun.Refuse), Throws.TypeOf<ConfigurationException>().With.Message.Contains(name));
        Assert.That(File.ReadAllText(At(name)), Is.EqualTo("mine"));
        Assert.That(Directory.GetFileSystemEntries(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void Clearing_leaves_what_is_not_the_runs()
    {
        foreach (string name in (string[])["config.json", "loss.csv", "notes.txt", "samples.json"]) File.WriteAllText(At(name), "x");
        using (var folder = RunFolder.Open(_folder, ExistingRun.Replace)) folder.Clear();
        Assert.That(Directory.GetFiles(_folder).Select(Path.GetFileName), Is.EquivalentTo((string[])["notes.txt", "samples.json"]));
    }

    [Test]
    public void A_folder_that_was_made_for_nothing_goes()
    {
        RunFolder.Open(At("new"), ExistingRun.Refuse).Dispose();
        Assert.That(Directory.Exists(At("new")), Is.False);
        Directory.CreateDirectory(At("old"));
        RunFolder.Open(At("old"), ExistingRun.Refuse).Dispose();
        Assert.That(Directory.Exists(At("old")));
    }

    [Test]
    public void A_disk_without_room_for_a_checkpoint_is_said_at_the_start()
    {
        using var folder = RunFolder.Open(_folder, ExistingRun.Refuse);
        Assert.That(() => folder.RequireSpace(1L << 58, 2), Throws.TypeOf<FileFormatException>().With.Message.EndsWith("MB free; 3 times a checkpoint of this model takes 864,691,128,455.1 MB, and --keep 1 less"));
        folder.RequireSpace(1, 1);
    }

    [Test]
    public void A_log_on_a_full_disk_keeps_its_rows_and_warns_once()
    {
        if (!File.Exists("/dev/full")) Assert.Ignore("/dev/full is not here");
        var warnings = new List<string>();
        using (var log = new RunLog("/dev/full", warn: warnings.Add))
        {
            for (int step = 1; step <= 3; step++) log.Add(new StepReport(step, 1, 1, 1, 1));
        }
        Assert.That(warnings, Has.Count.EqualTo(1));
        Assert.That(warnings[0], Does.StartWith("/dev/full: cannot be written").And.EndWith("its rows are written when they can be"));
        Assert.That(() => new RunLog("/dev/full"), Throws.TypeOf<FileFormatException>());
    }

    [Test]
    public void A_log_that_goes_on_keeps_the_rows_before_its_step()
    {
        var clock = new StoppedClock();
        using (var log = new RunLog(At("loss.csv"), clock: clock))
        {
            for (int step = 1; step <= 5; step++) log.Add(new StepReport(step, step, 1, 1, 1) { LossByTime = [0.5, double.NaN, 1.5, 2], DataWait = TimeSpan.FromMilliseconds(12.5), DeviceBytes = 3 << 20, ProcessBytes = 100L << 20 });
        }
        using (var log = new RunLog(At("loss.csv"), keep: 3, clock: clock)) log.Add(new StepReport(4, 40, 1, 1, 1));
        Assert.That(File.ReadAllLines(At("loss.csv")), Is.EqualTo((string[])
        [
            RunLog.Header, "1,1,1,1,1.0,0.5,,1.5,2,,0.0125,3,100,1000.5,1", "2,2,1,1,1.0,0.5,,1.5,2,,0.0125,3,100,1000.5,1", "3,3,1,1,1.0,0.5,,1.5,2,,0.0125,3,100,1000.5,1", "4,40,1,1,1.0,,,,,,0,0,0,1000.5,2"
        ]));
    }

    [Test]
    public void Rows_of_an_earlier_version_stay_as_they_are()
    {
        File.WriteAllText(At("loss.csv"), "step,loss,grad_norm,lr,images_per_second\n1,1,1,1,1.0\n2,2,1,1,1.0\n");
        using (var log = new RunLog(At("loss.csv"), keep: 2, clock: new StoppedClock())) log.Add(new StepReport(3, 3, 1, 1, 1));
        Assert.That(File.ReadAllLines(At("loss.csv")), Is.EqualTo((string[])[RunLog.Header, "1,1,1,1,1.0", "2,2,1,1,1.0", "3,3,1,1,1.0,,,,,,0,0,0,1000.5,2"]));
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(1000.5);
    }
}

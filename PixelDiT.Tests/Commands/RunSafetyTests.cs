using System.Diagnostics;
using System.Text;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Tests.Formats;
using PixelDiT.Tests.Training;

namespace PixelDiT.Tests.Commands;

/// <summary>What a person made is not lost: by a second command, a signal, a full disk, or data that is not what it was.</summary>
[Parallelizable]
public sealed class RunSafetyTests
{
    private static readonly string[] s_withGrid = ["--preset", "micro", "--hidden", "16", "--heads", "2", "--patch-depth", "1", "--pixel-hidden", "4", "--resolution", "16", "--batch", "4", "--device", "cpu", "--threads", "1"];

    private static readonly string[] s_small = [.. s_withGrid, "--sample-steps", "0"];

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string At(params string[] parts) => Path.Combine([_folder, .. parts]);

    private ProgramResult Run(params string[] arguments) => PixelDiTProgram.Run(_folder, arguments);

    private void Train(params string[] arguments)
    {
        var result = Run(["train", .. arguments.Contains("--sample-steps") ? s_withGrid : s_small, .. arguments]);
        Assert.That(result.ExitCode, Is.Zero, result.Error);
    }

    /// <summary>A folder of classes with a picture each, or as many as said.</summary>
    private void MakePictures(string name, params (string Class, int Count)[] classes)
    {
        foreach (var (label, count) in classes)
        {
            Directory.CreateDirectory(At(name, label));
            for (int i = 0; i < count; i++)
            {
                var picture = new Reference.Pictures.Picture(4, 4, 3, [.. Enumerable.Range(0, 48).Select(k => (byte)((k * 5) + (i * 31) + label.Length))]);
                Reference.Pictures.PngWriter.Write(At(name, label, $"{i}.png"), picture);
            }
        }
    }

    [Test]
    public void A_run_goes_on_by_its_folder_alone_and_is_the_run_that_was()
    {
        Train("--data", "shapes", "--out", "whole", "--steps", "6", "--lr", "1e-3", "--time-shift", "2", "--seed", "7");
        Train("--data", "shapes", "--out", "parts", "--steps", "3", "--lr", "1e-3", "--time-shift", "2", "--seed", "7");
        var resumed = Run("train", "--resume", "--out", "parts", "--steps", "6");
        Assert.That(resumed.ExitCode, Is.Zero, resumed.Error);
        Assert.That(resumed.Output, Does.Contain("going on from step 3 of 6"));
        foreach (string name in (string[])["model.safetensors", "training.safetensors", "config.json"]) Assert.That(File.ReadAllBytes(At("parts", name)), Is.EqualTo(File.ReadAllBytes(At("whole", name))), name);

        var again = Run("train", "--resume", "--out", "parts");
        Assert.That(again.ExitCode, Is.Zero, again.Error);
        Assert.That(again.Output, Does.Contain("parts is at step 6 of 6, its last"));
        var shorter = Run("train", "--resume", "--out", "parts", "--steps", "4");
        Assert.That(shorter.Error, Does.Contain("steps is 4, and the run in parts is at step 6 already"));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "signals are sent by kill")]
    public void A_run_that_is_killed_again_and_again_is_the_run_that_was()
    {
        const int steps = 300;
        var random = new Random(Fuzz.Seed);
        Train("--data", "shapes", "--out", "whole", "--steps", $"{steps}");
        string[] command = ["train", "--data", "shapes", .. s_small, "--out", "parts", "--steps", $"{steps}", "--checkpoint-every", "1"];
        int kills = 0;
        for (bool isDone = false; !isDone;)
        {
            using var process = PixelDiTProgram.Start(_folder, null, kills == 0 ? command : ["train", "--resume", "--out", "parts"]);
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEndAsync();
            if (kills < 10)
            {
                // From the first checkpoint on, at an instant that nobody chooses: a checkpoint takes most of the time of a step of this size.
                // It is written beside training, and is there for certain when the second one has begun, before the third row.
                int needed = kills == 0 ? 3 : Rows() + 2;
                while (Rows() < needed && !process.HasExited) Thread.Sleep(1);
                Thread.Sleep(random.Next(40));
                if (!process.HasExited) process.Kill();
                process.WaitForExit();
                kills++;
                continue;
            }
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, $"{error.Result}, seed {Fuzz.Seed}");
            isDone = true;
        }
        foreach (string name in (string[])["model.safetensors", "training.safetensors", "checkpoint.json"]) Assert.That(File.ReadAllBytes(At("parts", name)), Is.EqualTo(File.ReadAllBytes(At("whole", name))), $"{name}, seed {Fuzz.Seed}");
        Assert.That(LossLog.Figures(At("parts", "loss.csv")), Is.EqualTo(LossLog.Figures(At("whole", "loss.csv"))));

        int Rows()
        {
            if (!File.Exists(At("parts", "loss.csv"))) return 0;
            using var log = new FileStream(At("parts", "loss.csv"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return new StreamReader(log).ReadToEnd().Count(letter => letter == '\n') - 1;
        }
    }

    [Test]
    public void The_settings_of_a_run_stand_in_its_folder_and_are_a_config()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "1", "--lr", "5e-4", "--seed", "random");
        using var settings = JsonDocument.Parse(File.ReadAllText(At("run", "config.json")));
        Assert.That(settings.RootElement.GetProperty("data").GetString(), Is.EqualTo("shapes"));
        Assert.That(settings.RootElement.GetProperty("lr").GetDouble(), Is.EqualTo(5e-4));
        Assert.That(settings.RootElement.GetProperty("threads").GetInt32(), Is.EqualTo(1));
        Assert.That(settings.RootElement.TryGetProperty("out", out _), Is.False);
        var same = Run("train", "--config", "run", "--out", "again");
        Assert.That(same.ExitCode, Is.Zero, same.Error);
        Assert.That(File.ReadAllBytes(At("again", "model.safetensors")), Is.EqualTo(File.ReadAllBytes(At("run", "model.safetensors"))));
    }

    [Test]
    public void A_runs_folder_is_a_model_and_info_shows_its_settings()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "1", "--lr", "5e-4");
        var info = Run("info", "run");
        Assert.That(info.ExitCode, Is.Zero, info.Error);
        Assert.That(info.Output, Does.Match(@"  lr +0\.0005\n").And.Contain("trained for 1 steps at 16×16").And.Contain("classes: red disc (#0), green disc (#1)"));
        Assert.That(Run("sample", "--model", "run", "--class", "0", "--count", "1", "--steps", "1", "--out", "drawn").ExitCode, Is.Zero);
        byte[] model = File.ReadAllBytes(At("run", "model.safetensors"));
        Assert.That(Run("convert", "run", "run/model.safetensors", "--overwrite", "--dtype", "bf16").Error, Does.Contain("is the file to read from as well"));
        Assert.That(File.ReadAllBytes(At("run", "model.safetensors")), Is.EqualTo(model));
        // Another program's file of that name is no run's.
        File.WriteAllText(At("run", "config.json"), """{"_class_name": "Other"}""");
        Assert.That(Run("info", "run").Output, Does.StartWith(Path.Combine("run", "model.safetensors")));
    }

    [Test]
    public void No_file_but_the_config_holds_a_path()
    {
        MakePictures("secret-place", ("cat", 2), ("dog", 2));
        Train("--data", $"folder:{At("secret-place")}", "--out", "run", "--steps", "1", "--sample-steps", "1");
        foreach (string file in Directory.GetFiles(At("run")))
        {
            bool holds = Encoding.Latin1.GetString(File.ReadAllBytes(file)).Contains("secret-place", StringComparison.Ordinal);
            Assert.That(holds, Is.EqualTo(Path.GetFileName(file) == "config.json"), file);
        }
    }

    [Test]
    public void What_differs_is_said_by_the_options_names()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "1");
        var result = Run("train", "--resume", "--out", "run", "--steps", "2", "--lr", "5e-05", "--hidden", "32", "--lr-decay", "cosine");
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain("hidden is 32 here and 16").And.Contain("lr is 5e-05 here and 0.0001").And.Contain("lr-decay is cosine here and constant").And.Contain(" in run; "));
    }

    [Test]
    public void Flips_and_the_numbers_of_adamw_are_settings_of_a_run()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "2", "--flip", "--beta1", "0.8", "--eps", "1e-6", "--no-ema-warmup");
        Train("--data", "shapes", "--out", "plain", "--steps", "2");
        Assert.That(File.ReadAllBytes(At("run", "model.safetensors")), Is.Not.EqualTo(File.ReadAllBytes(At("plain", "model.safetensors"))));
        Assert.That(Run("train", "--resume", "--out", "run", "--steps", "3").ExitCode, Is.Zero);
        Assert.That(Run("train", "--resume", "--out", "plain", "--steps", "3", "--flip", "--beta1", "0.8").Error, Does.Contain("flip is true here and false").And.Contain("beta1 is 0.8 here and 0.9"));
        Assert.That(Run(["train", "--data", "shapes", .. s_small, "--out", "new", "--optimizer", "came", "--eps", "1e-7"]).Error, Does.Contain("--eps is of AdamW; CAME has no such number"));
        Assert.That(Run("train", "--data", "shapes", "--preset", "micro-text", "--out", "new", "--flip").Error, Does.Contain("--flip is of class models: a caption may say what is left and what is right"));
    }

    [Test]
    public void Moved_data_is_the_same_data()
    {
        MakePictures("data", ("cat", 3), ("dog", 2));
        Train("--data", "folder:data", "--out", "run", "--steps", "2");
        Directory.Move(At("data"), At("moved"));
        foreach (string spelled in (string[])["folder:moved", "folder:moved/", $"folder:{At("moved")}"])
        {
            var result = Run("train", "--resume", "--out", "run", "--steps", "3", "--data", spelled);
            Assert.That(result.ExitCode, Is.Zero, result.Error);
        }
    }

    [TestCase(true), TestCase(false)]
    public void A_finished_run_whose_model_is_gone_or_older_gets_it_from_its_state(bool isGone)
    {
        Train("--data", "shapes", "--out", "run", "--steps", "2");
        byte[] older = File.ReadAllBytes(At("run", "model.safetensors"));
        Train("--data", "shapes", "--out", "run", "--steps", "4", "--resume");
        byte[] model = File.ReadAllBytes(At("run", "model.safetensors"));
        if (isGone) File.Delete(At("run", "model.safetensors"));
        else File.WriteAllBytes(At("run", "model.safetensors"), older);
        File.WriteAllText(At("run", $".pixeldit-{Guid.NewGuid():N}.tmp"), "left by a process that was killed");
        var again = Run("train", "--resume", "--out", "run");
        Assert.That(again.ExitCode, Is.Zero, again.Error);
        Assert.That(File.ReadAllBytes(At("run", "model.safetensors")), Is.EqualTo(model));
        Assert.That(Directory.GetFiles(At("run"), "*.tmp"), Is.Empty);
    }

    [Test]
    public void A_state_that_is_not_finite_is_refused_by_name()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "2");
        byte[] state = File.ReadAllBytes(At("run", "training.safetensors"));
        BitConverter.GetBytes(float.NaN).CopyTo(state, state.Length - 4);
        File.WriteAllBytes(At("run", "training.safetensors"), state);
        // The marker would tell that the bytes are others; as version 1.0.0 left it, the state speaks for itself.
        File.Delete(At("run", "checkpoint.json"));
        var result = Run("train", "--resume", "--out", "run", "--steps", "3");
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Error, Does.Match(@"training\.safetensors: tensor ema\.\S+ holds 1 of \d+ numbers that are not finite"));
    }

    [Test]
    public void Why_a_run_cannot_go_on_by_its_folder_alone_is_said()
    {
        Assert.That(Run("train", "--resume", "--out", "nowhere").Error, Does.Contain("nowhere: there is no such folder"));
        Train("--data", "shapes", "--out", "run", "--steps", "1");
        Assert.That(Run("bench", "--config", "run", "--repeat", "1").ExitCode, Is.Zero, "settings of a run are a config of other verbs");
        File.Delete(At("run", "config.json"));
        Assert.That(Run("train", "--resume", "--out", "run").Error, Does.Contain("run: has no config.json of its run").And.Contain("--data"));
        File.Delete(At("run", "training.safetensors"));
        Assert.That(Run("train", "--resume", "--out", "run", "--data", "shapes").Error, Does.Contain("it holds model.safetensors without the state of its run"));
    }

    [Test]
    public void Sampling_leaves_pictures_of_others_and_whole_sheets_alone()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "1");
        string[] sample = ["sample", "--model", "run", "--class", "0", "--count", "2", "--steps", "1", "--threads", "1"];
        Directory.CreateDirectory(At("own"));
        File.WriteAllText(At("own", "000000_class0000.png"), "mine");
        Assert.That(Run([.. sample, "--singles", "--out", "own"]).Error, Does.Contain("own: holds 000000_class0000.png without the samples.json of its run"));
        Assert.That(File.ReadAllText(At("own", "000000_class0000.png")), Is.EqualTo("mine"));
    }

    [TestCase("TERM", "HUP"), TestCase("HUP", "HUP"), TestCase("INT", "INT")]
    [Platform(Exclude = "Win", Reason = "signals are sent by kill")]
    public void Two_signals_at_once_save_like_one(string one, string two)
    {
        Signals.RequireHeard(one, two);
        using var process = PixelDiTProgram.Start(_folder, null, ["train", .. s_small, "--data", "shapes", "--out", "run", "--steps", "1000000"]);
        while ((!File.Exists(At("run", "loss.csv")) || File.ReadAllLines(At("run", "loss.csv")).Length < 4) && !process.HasExited) Thread.Sleep(10);
        Process.Start("sh", ["-c", $"kill -{one} {process.Id}; kill -{two} {process.Id}"])!.WaitForExit();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(error, Does.Contain("stopping after the work in hand; the same again ends it at once").And.Contain("--resume --out run goes on"));
        Assert.That(File.Exists(At("run", "model.safetensors")));
    }

    [Test]
    public void Other_data_is_refused_by_name()
    {
        MakePictures("data", ("1", 2), ("10", 2), ("2", 2));
        Train("--data", "folder:data", "--out", "run", "--steps", "2");
        byte[] state = File.ReadAllBytes(At("run", "training.safetensors"));
        string[] resume = ["train", "--resume", "--out", "run", "--steps", "3"];

        Directory.Move(At("data", "1"), At("data", "zebra"));
        Assert.That(Run(resume).Error, Does.Contain("its classes are 10, 2, zebra, and were 1, 10, 2 (\"zebra\" is new, \"1\" is gone)"));
        Directory.Move(At("data", "zebra"), At("data", "1"));

        File.Copy(At("data", "2", "0.png"), At("data", "2", "more.png"));
        Assert.That(Run(resume).Error, Does.Contain("class \"2\" has 3 images here and had 2"));
        File.Delete(At("data", "2", "0.png"));
        Assert.That(Run(resume).Error, Does.Contain("names or sizes of files are not"));
        Assert.That(File.ReadAllBytes(At("run", "training.safetensors")), Is.EqualTo(state));

        File.Move(At("data", "2", "more.png"), At("data", "2", "0.png"));
        var same = Run(resume);
        Assert.That(same.ExitCode, Is.Zero, same.Error);
    }

    [Test]
    public void A_run_of_version_1_0_0_goes_on_and_its_classes_are_compared()
    {
        MakePictures("data", ("cat", 2), ("dog", 2));
        string[] train = ["--data", "folder:data", "--out", "run"];
        Train([.. train, "--steps", "2", "--resize", "area"]);
        byte[] before = File.ReadAllBytes(At("run", "training.safetensors"));
        AsVersion1(At("run"), "folder:somewhere/else");

        Directory.Move(At("data", "cat"), At("data", "zebra"));
        Assert.That(Run(["train", .. s_small, .. train, "--resume", "--steps", "3"]).Error, Does.Contain("its classes are dog, zebra, and were cat, dog"));
        Directory.Move(At("data", "zebra"), At("data", "cat"));
        var resumed = Run(["train", .. s_small, .. train, "--resume", "--steps", "2"]);
        Assert.That(resumed.ExitCode, Is.Zero, resumed.Error);
        Assert.That(resumed.Error, Does.Contain("run: was written by version 1.0.0, which did not record the data's files; only the names of its classes could be compared"));
        Train([.. train, "--resume", "--steps", "3"]);
        Train("--data", "folder:data", "--out", "whole", "--steps", "3", "--resize", "area");
        Assert.That(File.ReadAllBytes(At("run", "training.safetensors")), Is.EqualTo(File.ReadAllBytes(At("whole", "training.safetensors"))).And.Not.EqualTo(before));
    }

    /// <summary>Makes of a run what version 1.0.0 wrote: the data's spelling among the settings, no list of files and no config.</summary>
    private static void AsVersion1(string run, string spelled)
    {
        string path = Path.Combine(run, "training.safetensors");
        byte[] bytes;
        using (var file = SafetensorsReader.Open(path))
        {
            var metadata = file.Metadata.ToDictionary();
            metadata.Remove("data");
            var settings = System.Text.Json.Nodes.JsonNode.Parse(metadata["training"])!.AsObject();
            settings.Insert(0, "data", spelled);
            metadata["training"] = settings.ToJsonString();
            SafetensorsWriter.Write(path + ".old", [.. file.Tensors.Select(tensor => new TensorSpec(tensor.Name, tensor.Type, tensor.Shape))], metadata, (name, first, chunk) => file.ReadSingles(name, first, chunk));
            bytes = File.ReadAllBytes(path + ".old");
        }
        File.WriteAllBytes(path, bytes);
        File.Delete(path + ".old");
        File.Delete(Path.Combine(run, "config.json"));
        File.Delete(Path.Combine(run, "checkpoint.json"));
    }

    [Test]
    public void A_second_process_is_kept_out_of_a_folder_from_the_first_second_on_and_a_dead_one_keeps_nobody_out()
    {
        string[] train = ["train", .. s_small, "--data", "shapes", "--out", "run", "--steps", "1000000"];
        using var first = PixelDiTProgram.Start(_folder, null, train);
        while (!File.Exists(At("run", "config.json")) && !first.HasExited) Thread.Sleep(10);
        foreach (string word in (string[])["--overwrite", "--resume"])
        {
            var second = Run([.. train, word]);
            Assert.That(second.ExitCode, Is.EqualTo(1), second.Output);
            Assert.That(second.Error, Does.Contain("another process is writing a run into it").Or.Contain("there is no training state to resume"));
        }
        Assert.That(Run(train).Error, Does.Contain("holds a training run already (config.json)"));
        Assert.That(first.HasExited, Is.False);
        first.Kill();
        first.WaitForExit();
        var after = Run([.. s_small.Prepend("train"), "--data", "shapes", "--out", "run", "--steps", "1", "--overwrite"]);
        Assert.That(after.ExitCode, Is.Zero, after.Error);
        Assert.That(File.Exists(At("run", FolderLock.FileName)), Is.False);
    }

    [Test]
    public void A_run_that_is_replaced_stays_until_the_new_one_has_made_a_step()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "1", "--sample-steps", "1");
        byte[] model = File.ReadAllBytes(At("run", "model.safetensors"));
        var broken = Run(["train", .. s_small, "--data", "shapes", "--out", "run", "--overwrite", "--patch", "5"]);
        Assert.That(broken.ExitCode, Is.EqualTo(1));
        Assert.That(Run(["train", .. s_small, "--data", "folder:nowhere", "--out", "run", "--overwrite"]).ExitCode, Is.EqualTo(1));
        Assert.That(File.ReadAllBytes(At("run", "model.safetensors")), Is.EqualTo(model));
        Train("--data", "shapes", "--out", "run", "--steps", "2", "--overwrite");
        Assert.That(File.Exists(At("run", "samples.png")), Is.False, "pictures of the run before are not beside the new one");
    }

    [TestCase("HUP"), TestCase("QUIT"), TestCase("TERM")]
    [Platform(Exclude = "Win", Reason = "signals are sent by kill")]
    public void A_signal_saves_and_the_run_goes_on_as_if_nothing_had_been(string signal)
    {
        Signals.RequireHeard(signal);
        using var process = PixelDiTProgram.Start(_folder, null, ["train", .. s_small, "--data", "shapes", "--out", "run", "--steps", "1000000"]);
        while ((!File.Exists(At("run", "loss.csv")) || File.ReadAllLines(At("run", "loss.csv")).Length < 4) && !process.HasExited) Thread.Sleep(10);
        Process.Start("kill", [$"-{signal}", $"{process.Id}"])!.WaitForExit();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(error, Does.Contain("--resume --out run goes on").And.Contain("interrupted"));
        int done = File.ReadAllLines(At("run", "loss.csv")).Length - 1;
        Assert.That(Run("info", "run/model.safetensors").Output, Does.Contain($"trained for {done:N0} steps"));
        Assert.That(File.Exists(At("run", FolderLock.FileName)), Is.False);
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "signals are sent by kill")]
    public void A_hang_up_that_was_to_be_ignored_is_ignored()
    {
        var start = new ProcessStartInfo("nohup") { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["dotnet", "exec", PixelDiTProgram.Assembly, "train", .. s_small, "--data", "shapes", "--out", "run", "--steps", "1000000"]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        int Rows() => File.Exists(At("run", "loss.csv")) ? File.ReadAllLines(At("run", "loss.csv")).Length : 0;
        while (Rows() < 4 && !process.HasExited) Thread.Sleep(10);
        Process.Start("kill", ["-HUP", $"{process.Id}"])!.WaitForExit();
        int before = Rows();
        while (Rows() < before + 50 && !process.HasExited) Thread.Sleep(10);
        Assert.That(process.HasExited, Is.False);
        process.Kill();
        process.WaitForExit();
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "signals are sent by kill")]
    public void Sampling_that_is_stopped_keeps_the_pictures_it_has()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "1");
        using var process = PixelDiTProgram.Start(_folder, null, "sample", "--model", "run/model.safetensors", "--out", "drawn", "--batch", "1", "--count", "1000", "--class", "0", "--steps", "20", "--threads", "1");
        // Written when the first picture is there.
        while (!File.Exists(At("drawn", "samples.json")) && !process.HasExited) Thread.Sleep(10);
        Process.Start("kill", ["-TERM", $"{process.Id}"])!.WaitForExit();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(output, Does.Match(@"kept \d+ of 1000 images in drawn; the same command begins anew"));
        Assert.That(File.Exists(At("drawn", "samples.png")) && File.Exists(At("drawn", "trajectory.png")));
    }

    [TestCase("{\"steps\": 2e0, // two\n \"learning\": 1,}", false)]
    [TestCase("{\"steps\": 2e0, // two\n \"patch_depth\": 2.0, /* deeper */ \"Sample-Steps\": 0,}", true)]
    public void Settings_are_read_as_people_write_them(string json, bool isRight)
    {
        foreach (var encoding in (Encoding[])[new UTF8Encoding(false), new UTF8Encoding(true), Encoding.Unicode, Encoding.BigEndianUnicode])
        {
            File.WriteAllText(At("c.json"), json, encoding);
            var result = Run(["train", .. s_small[..2], "--resolution", "16", "--batch", "2", "--data", "shapes", "--out", "run", "--config", "c.json", "--overwrite"]);
            Assert.That(result.ExitCode, Is.EqualTo(isRight ? 0 : 1), result.Error);
            if (!isRight) continue;
            Assert.That(File.ReadAllLines(At("run", "loss.csv")), Has.Length.EqualTo(3));
            Assert.That(Run("info", "run/model.safetensors").Output, Does.Contain("N 2"));
        }
    }

    [Test]
    public void A_seed_that_was_drawn_is_said()
    {
        Train("--data", "shapes", "--out", "run", "--steps", "1");
        string[] sample = ["sample", "--model", "run/model.safetensors", "--class", "0", "--count", "1", "--steps", "1", "--threads", "1"];
        var drawn = Run([.. sample, "--seed", "random", "--out", "a"]);
        Assert.That(drawn.ExitCode, Is.Zero, drawn.Error);
        string seed = drawn.Output.Split('\n')[0]["seed: ".Length..];
        Assert.That(Run([.. sample, "--seed", seed, "--out", "b"]).ExitCode, Is.Zero);
        Assert.That(File.ReadAllBytes(At("a", "samples.png")), Is.EqualTo(File.ReadAllBytes(At("b", "samples.png"))));
        Assert.That(File.ReadAllText(At("a", "samples.json")), Does.Contain($"\"seed\": {seed}"));
    }

    [Test]
    public void The_grid_at_the_end_is_announced_and_shown()
    {
        var train = Run(["train", .. s_withGrid, "--sample-steps", "2", "--data", "shapes", "--out", "run", "--steps", "1"]);
        Assert.That(train.ExitCode, Is.Zero, train.Error);
        Assert.That(train.Output, Does.Contain("drawing 72 images, 8 of each class, with 2 steps").And.Contain("image 72 of 72").And.Contain($"wrote {Path.Combine("run", "samples.png")}"));
    }
}

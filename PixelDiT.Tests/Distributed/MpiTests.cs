using System.Diagnostics;
using NUnit.Framework;
using PixelDiT.Reference.Distributed;
using PixelDiT.Reference.Distributed.Mpi;
using PixelDiT.Reference.Pictures;
using PixelDiT.Tests.Commands;
using PixelDiT.Tests.Evaluating;
using PixelDiT.Tests.Training;

namespace PixelDiT.Tests.Distributed;

/// <summary>Training by several processes as a person starts it, with OpenMPI and with MPICH: the bits of one process, and what becomes of a run when a rank does not.</summary>
internal sealed class MpiTests
{
    private static readonly string[] s_train =
    [
        "train", "--data", "shapes", "--preset", "micro", "--hidden", "16", "--heads", "2", "--patch-depth", "1", "--pixel-hidden", "4", "--resolution", "16", "--batch", "12", "--device", "cpu", "--threads", "1", "--sample-steps", "0",
        "--no-tensorboard"
    ];

    private static readonly string[] s_endless = [.. s_train, "--steps", "1000000", "--checkpoint-every", "50", "--out", "run", "--rank-timeout", "3"];

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string At(params string[] parts) => Path.Combine([_folder, .. parts]);

    [TestCase(Mpirun.OpenMpi, 2), TestCase(Mpirun.OpenMpi, 3), TestCase(Mpirun.Mpich, 2), TestCase(Mpirun.Mpich, 3)]
    public void Ranks_give_byte_for_byte_the_run_of_one_process(string kind, int ranks)
    {
        string[] train = [.. s_train, "--steps", "20", "--seed", "7"];
        using (var many = Mpirun.Start(_folder, kind, (ranks, [.. train, "--out", "many", .. ranks == 3 ? (string[])["--shard-optimizer"] : []]))) Assert.That(many.End(), Is.Zero, many.Said);
        PixelDiTProgram.RunHere([.. train, "--accumulate", $"{ranks}", "--out", At("one")]).Done();
        foreach (string file in (string[])["model.safetensors", "training.safetensors", "config.json"]) Assert.That(File.ReadAllBytes(At("many", file)), Is.EqualTo(File.ReadAllBytes(At("one", file))), file);
        Assert.That(LossLog.Figures(At("many", "loss.csv")), Is.EqualTo(LossLog.Figures(At("one", "loss.csv"))));
        Assert.That(Directory.GetFileSystemEntries(At("many")), Has.Length.EqualTo(Directory.GetFileSystemEntries(At("one")).Length), "only rank 0 writes");
    }

    [TestCase(Mpirun.OpenMpi, 0), TestCase(Mpirun.OpenMpi, 1), TestCase(Mpirun.Mpich, 0)]
    public void A_rank_that_is_killed_ends_the_run_and_the_last_checkpoint_is_whole(string kind, int victim)
    {
        using var run = Mpirun.Start(_folder, kind, (2, s_endless));
        int[] ranks = run.Ranks();
        Assert.That(ranks, Has.Length.EqualTo(2), run.Said);
        while (!File.Exists(At("run", "checkpoint.json"))) Thread.Sleep(5);
        // Rank 0 while it saves.
        for (int i = 0; victim == 0 && i < 5000 && !Directory.Exists(At("run", ".next")); i++) Thread.Yield();
        long began = Stopwatch.GetTimestamp();
        Mpirun.Signal("KILL", ranks[victim]);
        Assert.That(run.End(ranks), Is.Not.Zero);
        Assert.That(Stopwatch.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(13)), "a rank's patience and ten seconds");
        // MPICH's launcher ends the others at once, and names the process itself; that of each rank stands in the first lines.
        Assert.That(run.Said, kind == Mpirun.OpenMpi ? Does.Match($@"rank {victim} \(process {ranks[victim]} on .+\) has ended after step \d+; checkpoints that were written stay") : Does.Contain($"PID {ranks[victim]} RUNNING AT"));

        string steps = $"{File.ReadAllLines(At("run", "loss.csv")).Length + 60}";
        Assert.That(PixelDiTProgram.RunHere("train", "--resume", "--out", At("run"), "--steps", steps).Done(), Does.Match(@$"going on from step \d+0 of {steps}"));
        PixelDiTProgram.RunHere([.. s_train, "--accumulate", "2", "--steps", steps, "--out", At("whole")]).Done();
        Assert.That(File.ReadAllBytes(At("run", "model.safetensors")), Is.EqualTo(File.ReadAllBytes(At("whole", "model.safetensors"))));
    }

    [TestCase(Mpirun.OpenMpi, 1), TestCase(Mpirun.Mpich, 0)]
    public void A_rank_that_stops_answering_is_named_and_ends_the_run(string kind, int victim)
    {
        using var run = Mpirun.Start(_folder, kind, (2, s_endless));
        int[] ranks = run.Ranks();
        long began = Stopwatch.GetTimestamp();
        Mpirun.Signal("STOP", ranks[victim]);
        Assert.That(run.End(ranks), Is.Not.Zero);
        Assert.That(Stopwatch.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(13)), "a rank's patience and ten seconds");
        Assert.That(run.Said, Does.Match($@"rank {victim} \(process {ranks[victim]} on .+\) has not answered for 3 s after step \d+"));
    }

    [TestCase(Mpirun.OpenMpi, "USR1", true), TestCase(Mpirun.Mpich, "TERM", false)]
    public void A_signal_saves_and_all_ranks_leave(string kind, string signal, bool toLauncher)
    {
        using var run = Mpirun.Start(_folder, kind, (2, s_endless));
        int[] ranks = run.Ranks();
        Mpirun.Signal(signal, toLauncher ? [run.Launcher] : [ranks[1]]);
        Assert.That(run.End(ranks), Is.EqualTo(130), run.Said);
        Assert.That(run.Said, Does.Match(@"stopped at step \d+ of 1000000; --resume --out run goes on").And.Not.Contain("rank 1: "));
        int done = File.ReadAllLines(At("run", "loss.csv")).Length - 1;
        Assert.That(PixelDiTProgram.RunHere("info", At("run", "model.safetensors")).Done(), Does.Contain($"trained for {done:N0} steps"));
    }

    [TestCase(Mpirun.OpenMpi, true), TestCase(Mpirun.Mpich, false)]
    public void Ranks_with_other_seeds_or_other_data_are_named_and_nothing_is_written(string kind, bool isData)
    {
        string[] train = [.. s_train[3..], "--steps", "3", "--out", "run"];
        foreach (var (name, count) in ((string, int)[])[("here", 2), ("there", 3)])
        {
            Directory.CreateDirectory(At(name, "a"));
            for (int i = 0; i < count; i++) Reference.Pictures.PngWriter.Write(At(name, "a", $"{i}.png"), new Reference.Pictures.Picture(4, 4, 3, new byte[48]));
        }
        string[] Of(string data, string seed) => ["train", "--data", data, .. train, "--seed", seed];
        using var run = isData ? Mpirun.Start(_folder, kind, (1, Of("folder:here", "1")), (1, Of("folder:there", "1"))) : Mpirun.Start(_folder, kind, (1, Of("shapes", "1")), (1, Of("shapes", "2")));
        Assert.That(run.End(), Is.EqualTo(1), run.Said);
        string[] said = [.. run.Said.Split('\n').Where(line => line.Contains("pixeldit: ", StringComparison.Ordinal))];
        Assert.That(said, Has.Length.EqualTo(1), run.Said);
        Assert.That(said[0], Does.Contain("pixeldit: rank 1 is to train something else than rank 0: ").And.Contain(isData ? "data.Images is \"[3]\" there and \"[2]\" on rank 0" : "seed is \"2\" there and \"1\" on rank 0"));
        Assert.That(Directory.Exists(At("run")), Is.False);
    }

    [TestCase(Mpirun.Mpich, 3)]
    public void Ranks_draw_byte_for_byte_the_archive_of_one_process_and_go_on_with_it(string kind, int ranks)
    {
        PixelDiTProgram.RunHere([.. s_train, "--steps", "2", "--out", At("model")]).Done();
        string[] sample = ["sample", "--model", At("model", "model.safetensors"), "--npz", "--batch", "2", "--steps", "3", "--device", "cpu", "--threads", "1", "--class", "4", "--seed", "3", "--count", "11"];
        PixelDiTProgram.RunHere([.. sample, "--out", At("one")]).Done();
        using var many = Mpirun.Start(_folder, kind, (ranks, [.. sample, "--out", "many"]));
        Assert.That(many.End(), Is.Zero, many.Said);
        foreach (string file in (string[])["output.npz", "samples.json"]) Assert.That(File.ReadAllBytes(At("many", file)), Is.EqualTo(File.ReadAllBytes(At("one", file))), file);
    }

    [TestCase(Mpirun.OpenMpi, 2), TestCase(Mpirun.Mpich, 3)]
    public void Ranks_measure_what_one_process_measures_and_by_the_same_bits(string kind, int ranks)
    {
        PixelDiTProgram.RunHere([.. s_train, "--steps", "2", "--out", At("model")]).Done();
        string network = InceptionFile.Write(_folder);
        for (int i = 0; i < 19; i++) PngWriter.Write(At($"real{i}.png"), new Picture(16, 16, 3, [.. Enumerable.Range(0, 16 * 16 * 3).Select(k => (byte)((k * (i + 3)) % 251))]));
        // 33 pictures are three pieces of the folder's kind, and nine batches of the model's.
        string[] measure = ["evaluate", "--samples", At("model", "model.safetensors"), "--reference", _folder, "--inception", network, "--class", "0-2", "--count", "11", "--batch", "4", "--steps", "2", "--device", "cpu", "--threads", "1", "--no-cache"];
        PixelDiTProgram.RunHere([.. measure, "--json", At("one.json"), "--stats-out", At("one.npz")]).Done();
        using var many = Mpirun.Start(_folder, kind, (ranks, [.. measure, "--json", "many.json", "--stats-out", "many.npz"]));
        Assert.That(many.End(), Is.Zero, many.Said);
        foreach (string file in (string[])["json", "npz"]) Assert.That(File.ReadAllBytes(At($"many.{file}")), Is.EqualTo(File.ReadAllBytes(At($"one.{file}"))), file);
    }

    [TestCase(Mpirun.Mpich)]
    public void A_mistake_of_all_ranks_is_said_once(string kind)
    {
        Directory.CreateDirectory(At("run"));
        File.WriteAllText(At("run", "config.json"), "{}");
        using var run = Mpirun.Start(_folder, kind, (2, [.. s_train, "--steps", "3", "--out", "run"]));
        Assert.That(run.End(), Is.EqualTo(1), run.Said);
        Assert.That(run.Said.Split("holds a training run already"), Has.Length.EqualTo(2), run.Said);
        Assert.That(File.ReadAllText(At("run", "config.json")), Is.EqualTo("{}"));
    }

    [Test]
    public void What_is_missing_is_named()
    {
        var variables = new Dictionary<string, string> { ["RANK"] = "0", ["WORLD_SIZE"] = "2" };
        Assert.That(
            PixelDiTProgram.Run(_folder, variables, [.. s_train, "--out", "run"]).Error, Does.Contain("RANK and WORLD_SIZE say that this is rank 0 of 2; without MPI processes meet by NCCL, on cards: start those of CPUs by mpirun or srun"));
        Assert.That(PixelDiTProgram.RunHere([.. s_train, "--out", At("run"), "--distributed", "mpi"]).Error, Does.Contain("distributed is mpi, and no launcher has started this process"));
        Assert.That(MpiLibrary.MissingFor(LauncherKind.OpenMpi), Does.Contain("openmpi-bin").And.Contain("libopenmpi3"));
        Assert.That(MpiLibrary.MissingFor(LauncherKind.Pmi), Does.Contain("mpich").And.Contain("libmpich12"));
        Assert.That(MpiLibrary.MissingFor(LauncherKind.Slurm), Does.Contain("openmpi-bin (libopenmpi3) or mpich (libmpich12)"));
        Assert.That(Directory.Exists(At("run")), Is.False);
    }
}

using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Tests.Formats.Torch;
using PixelDiT.Tests.Oracle;

namespace PixelDiT.Tests.Commands;

/// <summary>The program as a stranger meets it: each verb does its job, each mistake gets one clear line and leaves what was there alone.</summary>
[Parallelizable]
public sealed class CommandTests
{
    private static readonly string[] s_smallModel = ["--preset", "micro", "--hidden", "32", "--heads", "2", "--patch-depth", "1", "--batch", "4", "--resolution", "16", "--threads", "1"];

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private ProgramResult Run(params string[] arguments) => PixelDiTProgram.Run(_folder, arguments);

    private ProgramResult Train(params string[] arguments) => Run(["train", "--data", "shapes", .. s_smallModel, .. arguments]);

    [Test]
    public void Train_writes_its_files_and_sample_draws_from_them()
    {
        var train = Train("--steps", "3", "--out", "run", "--sample-steps", "2");
        Assert.That(train.ExitCode, Is.Zero, train.Error);
        string[] files = [.. Directory.GetFiles(Path.Combine(_folder, "run")).Select(path => Path.GetFileName(path))];
        Assert.That(files.Where(name => !name.StartsWith("events.out.tfevents.", StringComparison.Ordinal)), Is.EquivalentTo((string[])["config.json", "loss.csv", "model.safetensors", "training.safetensors", "checkpoint.json", "samples.png"]));
        Assert.That(files, Has.Length.EqualTo(7), "and a file of events");
        string[] log = File.ReadAllLines(Path.Combine(_folder, "run", "loss.csv"));
        Assert.That(log, Has.Length.EqualTo(4));
        Assert.That(log[0], Is.EqualTo("step,loss,grad_norm,lr,images_per_second,loss_t00,loss_t25,loss_t50,loss_t75,alignment_loss,held_out,held_out_raw,data_wait,device_mib,process_mib,time,part"));
        Assert.That(log[3], Does.StartWith("3,"));

        var sample = Run("sample", "--model", "run/model.safetensors", "--class", "0,green disc", "--count", "2", "--steps", "3", "--out", "pictures", "--singles", "--interval", "0.1,0.9");
        Assert.That(sample.ExitCode, Is.Zero, sample.Error);
        Assert.That(Directory.GetFiles(Path.Combine(_folder, "pictures")).Select(Path.GetFileName), Is.EquivalentTo((string[])
            ["samples.png", "trajectory.png", "samples.json", .. ((string[])["000000_class0000", "000001_class0000", "000002_class0001", "000003_class0001"]).SelectMany(image => (string[])[$"{image}.png", $"{image}.json"])]));

        var info = Run("info", "run/model.safetensors");
        Assert.That(info.ExitCode, Is.Zero, info.Error);
        Assert.That(info.Output, Does.Contain("trained for 3 steps at 16×16").And.Contain("red disc"));
    }

    [Test]
    public void A_config_file_sets_options_and_the_command_line_wins()
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), """{"steps": 5, "lr": 0.5, "post-modulation": true}""");
        var train = Train("--config", "config.json", "--steps", "2", "--out", "run", "--sample-steps", "0");
        Assert.That(train.ExitCode, Is.Zero, train.Error);
        string[] log = File.ReadAllLines(Path.Combine(_folder, "run", "loss.csv"));
        Assert.That(log, Has.Length.EqualTo(3));
        Assert.That(log[1].Split(',')[3], Is.EqualTo("0.5"));
        Assert.That(Run("info", "run/model.safetensors").Output, Does.Contain("post-modulation"));
    }

    [Test]
    public void Bench_prints_json_with_the_promised_fields()
    {
        var bench = Run("bench", "--preset", "micro", "--batch", "2", "--resolution", "16", "--train", "--repeat", "2", "--json");
        Assert.That(bench.ExitCode, Is.Zero, bench.Error);
        using var json = JsonDocument.Parse(bench.Output);
        var root = json.RootElement;
        foreach (string key in (string[])["forward_ms", "forward_backward_ms", "train_step_ms"])
        {
            foreach (string part in (string[])["median", "min", "max"]) Assert.That(root.GetProperty(key).GetProperty(part).GetDouble(), Is.Positive);
        }
        Assert.That(root.GetProperty("launches").GetInt64(), Is.Positive);
        Assert.That(root.GetProperty("train_step_queued_ms").ValueKind, Is.EqualTo(JsonValueKind.Null), "a CPU queues nothing");
        Assert.That(root.GetProperty("peers").GetArrayLength(), Is.Zero);
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "the peer of this test needs sh")]
    public void Bench_runs_a_peer_on_the_same_work()
    {
        string[] bench = ["bench", "--preset", "micro", "--batch", "2", "--resolution", "16", "--train", "--repeat", "1", "--device", "cpu"];
        var result = Run([.. bench, "--peer", "sh -c 'echo \"$*: 1000000 ms, peak 1000.00 GiB\"' peer", "--peer", "sh -c 'echo second: 1.00 ms'"]);
        Assert.That(result.ExitCode, Is.Zero, result.Error);
        Assert.That(result.Output, Does.Contain("--preset micro --batch 2 --resolution 16 --device cpu --dtype fp32 --repeat 1 --train: 1000000 ms, peak 1000.00 GiB"));
        Assert.That(result.Output, Does.Match(@"its time over ours [1-9]\d*\.\d\d, its peak memory over ours [1-9]\d*\.\d\d"));
        Assert.That(result.Output, Does.Contain("second: 1.00 ms").And.Contain("training step"));

        var json = Run([.. bench, "--json", "--peer", "sh -c 'echo x: 5.00 ms'"]);
        Assert.That(json.ExitCode, Is.Zero, json.Error);
        using var document = JsonDocument.Parse(json.Output);
        Assert.That(document.RootElement.GetProperty("peers")[0].GetProperty("ms").GetDouble(), Is.EqualTo(5));
    }

    [Test]
    public void Bench_times_a_product()
    {
        var product = Run("bench", "--product", "64x48x32", "--precision", "bf16", "--repeat", "2", "--device", "cpu");
        Assert.That(product.ExitCode, Is.Zero, product.Error);
        Assert.That(product.Output, Does.Contain("64×48×32, bf16").And.Contain("TFLOP/s"));
    }

    [Test]
    public void Kernels_writes_the_ptx_of_a_precision_without_a_card()
    {
        var kernels = Run("kernels", "--precision", "tf32", "--ptx", "ptx", "--arch", "sm_80");
        Assert.That(kernels.ExitCode, Is.Zero, kernels.Error);
        string[] files = Directory.GetFiles(Path.Combine(_folder, "ptx"));
        // Three products, and attention for three widths of heads: the forward, and the backward from either side.
        Assert.That(files, Has.Length.EqualTo(3 + (3 * 3)));
        foreach (string file in files)
        {
            Assert.That(kernels.Output, Does.Contain(Path.GetFileNameWithoutExtension(file)));
            Assert.That(File.ReadAllText(file), Does.Contain(".target sm_80").And.Contain("mma.sync.aligned.m16n8k8").And.Not.Contain("bra.uni"));
        }
        Assert.That(Run("kernels").Output, Does.Contain("RmsNorm.ForwardKernel-Single32: RmsNorm.ForwardKernel<Single32>"));
    }

    [Test]
    public void Kernels_refuses_a_file_as_its_folder()
    {
        File.WriteAllText(Path.Combine(_folder, "taken"), "");
        var kernels = Run("kernels", "--ptx", "taken");
        Assert.That(kernels.ExitCode, Is.EqualTo(1));
        Assert.That(kernels.Error, Does.Contain("taken: cannot be made"));
    }

    [TestCase("DOTNET_EnableAVX512", "8-wide", TestName = "Verify_passes_with_8_lanes")]
    [TestCase("DOTNET_EnableAVX2", "4-wide vectors without FMA", TestName = "Verify_passes_with_4_lanes_without_fused_multiply_add")]
    public void Verify_passes_on_narrower_machines(string variable, string vectors) => RequireVerified(variable, vectors, "verify", "--device", "cpu");

    /// <summary>Without any vector instruction .NET computes vectors by loops, twenty times slower; each module alone is enough.</summary>
    [Test]
    public void Modules_pass_without_vector_instructions()
    {
        ShippedCases.CopyTo(Path.Combine(_folder, "cases"), name => name.StartsWith("modules/", StringComparison.Ordinal));
        RequireVerified("DOTNET_EnableHWIntrinsic", "4-wide vectors without FMA", "verify", "cases", "--device", "cpu");
    }

    private void RequireVerified(string variable, string vectors, params string[] arguments)
    {
        var verify = PixelDiTProgram.Run(_folder, new Dictionary<string, string> { [variable] = "0" }, arguments);
        Assert.That(verify.Output, Does.Contain(vectors), "the switch must have worked");
        Assert.That(verify.ExitCode, Is.Zero, verify.Output);
        Assert.That(verify.Output, Does.Contain(" 0 failed"));
    }

    [Test]
    public void Verify_of_a_folder_with_a_wrong_tensor_fails()
    {
        string cases = Path.Combine(_folder, "cases", "modules");
        ShippedCases.CopyTo(Path.Combine(_folder, "cases"), name => name == "modules/rms_norm.safetensors");
        Assert.That(Run("verify", "cases").ExitCode, Is.Zero);

        byte[] bytes = File.ReadAllBytes(Path.Combine(cases, "rms_norm.safetensors"));
        bytes[^17] ^= 0x40;
        File.WriteAllBytes(Path.Combine(cases, "rms_norm.safetensors"), bytes);
        var verify = Run("verify", "cases");
        Assert.That(verify.ExitCode, Is.EqualTo(1));
        Assert.That(verify.Output, Does.Contain("FAIL"));
    }

    private static IEnumerable<TestCaseData> Mistakes()
    {
        static TestCaseData Case(string name, string message, params string[] arguments) => new TestCaseData(arguments, message).SetName($"Mistake_{name}");
        string[] train = ["train", "--data", "shapes", "--preset", "micro", "--steps", "1"];
        yield return Case("init_over_a_model", "run/model.safetensors: is there already; --overwrite replaces it", "init", "--preset", "micro", "--out", "run/model.safetensors");
        yield return Case("convert_over_a_model", "is there already; --overwrite", "convert", GoldenCheckpointTests.PathOf("lightning.ckpt"), "run/model.safetensors");
        yield return Case("convert_onto_itself", "is the file to read from as well", "convert", "run/model.safetensors", "run/../run/model.safetensors", "--overwrite");
        yield return Case("trace_over_a_model", "is there already; --overwrite", "trace", "--weights", GoldenCheckpointTests.PathOf("lightning.ckpt"), "--out", "run/model.safetensors");
        yield return Case("trace_onto_its_model", "is the file to read from as well", "trace", "--weights", "run/model.safetensors", "--out", "run/model.safetensors", "--overwrite");
        yield return Case("demo_over_a_run", "run: holds a training run already (model.safetensors)", "demo", "--out", "run");
        yield return Case("demo_of_nothing", "there is no training state to resume: it holds no run", "demo", "--out", "new", "--resume");
        yield return Case("demo_both", "--resume and --overwrite exclude each other", "demo", "--out", "new", "--resume", "--overwrite");
        yield return Case("train_over_pictures", "drawn: holds pictures of a sampling run (samples.json)", [.. train, "--out", "drawn"]);
        yield return Case("misspelled_verb", "'trian' is no verb; one of demo, train, ", "trian", "--data", "shapes");
        yield return Case("misspelled_verb_advice", "did you mean train?", "trian", "--data", "shapes");
        yield return Case("misspelled_option", "train has no option --resolutoin; did you mean --resolution?", [.. train, "--out", "new", "--resolutoin", "16"]);
        yield return Case("value_without_quotes", "train takes no argument 'set'", [.. train, "--out", "my", "set"]);
        yield return Case("misspelled_key", "'lerning_rate' is unknown; known are data, resolution, width", [.. train, "--out", "new", "--config", "misspelled.json"]);
        yield return Case("doubled_key", "'lr' occurs twice", [.. train, "--out", "new", "--config", "doubled.json"]);
        yield return Case("broken_json", "broken.json: is not JSON: line 2, byte 8: ", [.. train, "--out", "new", "--config", "broken.json"]);
        yield return Case("json_of_a_fraction", "steps is 1.5; a whole number", "train", "--data", "shapes", "--out", "new", "--config", "fraction.json");
        yield return Case("json_of_an_unknown_choice", "choice.json: device is 'gpu'; one of auto, cuda", [.. train, "--out", "new", "--config", "choice.json"]);
        yield return Case("batch_beyond_memory", "--batch or --resolution, --accumulate, --checkpoint-activations or --precision bf16, needs less", "train", "--data", "shapes", "--preset", "B", "--resolution", "256", "--batch", "4096", "--steps", "1", "--out", "new", "--device", "cpu");
        yield return Case("seed_no_number", "--seed is 'lucky'; a whole number", [.. train, "--out", "new", "--seed", "lucky"]);
        yield return Case("no_verb", "");
        yield return Case("unknown_verb", "frobnicate", "frobnicate");
        yield return Case("unknown_option", "--frobnicate", [.. train, "--out", "new", "--frobnicate"]);
        yield return Case("missing_data", "--data is missing", "train", "--out", "new");
        yield return Case("missing_out", "--out is missing", train);
        yield return Case("unknown_source", "shapes, idx:FOLDER", "train", "--data", "frobnicate", "--out", "new");
        yield return Case("missing_folder", "nowhere", "train", "--data", "folder:nowhere", "--out", "new");
        yield return Case("unknown_preset", "micro, tiny", "train", "--data", "shapes", "--out", "new", "--preset", "huge");
        yield return Case("resolution_not_divisible", "multiples of 4", [.. train, "--out", "new", "--resolution", "18"]);
        yield return Case("heads_do_not_divide", "hidden is 30", [.. train, "--out", "new", "--hidden", "30"]);
        yield return Case("negative_rate", "lr is -1", [.. train, "--out", "new", "--lr", "-1"]);
        yield return Case("rate_no_number", "--lr is 'fast'", [.. train, "--out", "new", "--lr", "fast"]);
        yield return Case("width_without_height", "--width is given without --height", [.. train, "--out", "new", "--width", "16"]);
        yield return Case("width_and_resolution", "--resolution and --width exclude each other", [.. train, "--out", "new", "--width", "16", "--height", "32", "--resolution", "32"]);
        yield return Case("drawings_of_two_sides", "shapes: 32×16 was asked for; the drawings are squares", [.. train, "--out", "new", "--width", "16", "--height", "32"]);
        yield return Case("buckets_of_a_class_model", "--buckets is of text models; the preset micro is of a class model", [.. train, "--out", "new", "--buckets", "512"]);
        yield return Case("encoder_of_a_class_model", "--encoder is of text models", [.. train, "--out", "new", "--encoder", "words"]);
        yield return Case("text_preset_of_class_data", "data 'cifar10:x' is unknown; with captions there are shapes", "train", "--data", "cifar10:x", "--preset", "micro-text", "--out", "new");
        yield return Case("text_preset_without_data", "--data is missing; one of shapes, folder:PATH, wids:FOLDER was expected", "train", "--preset", "micro-text", "--out", "new");
        yield return Case("text_demo_over_a_run", "run: holds a training run already (model.safetensors)", "demo", "--text", "--out", "run");
        yield return Case("text_demo_of_a_class_run", "there is no training state to resume", "demo", "--text", "--out", "run", "--resume");
        yield return Case("zero_batch", "batch is 0", [.. train, "--out", "new", "--batch", "0"]);
        yield return Case("empty_out", "--out is ''", [.. train, "--out", ""]);
        yield return Case("empty_config", "--config is ''", [.. train, "--out", "new", "--config", ""]);
        yield return Case("negative_checkpoint_interval", "checkpoint-every is -1", [.. train, "--out", "new", "--checkpoint-every", "-1"]);
        yield return Case("patch_too_large", "patch is 65536", [.. train, "--out", "new", "--patch", "65536"]);
        yield return Case("model_too_large", "parameters", [.. train, "--out", "new", "--hidden", "1048576"]);
        yield return Case("model_too_deep", "patch-depth is 1048576", [.. train, "--out", "new", "--patch-depth", "1048576"]);
        yield return Case("too_many_images", "a smaller --count", "sample", "--model", "run/model.safetensors", "--count", "1000000", "--out", "new");
        yield return Case("too_many_seeds", "holds 2 seeds; 18", "sample", "--model", "run/model.safetensors", "--count", "2", "--seeds", "seeds.txt", "--out", "new");
        yield return Case("seed_and_seeds", "--seed and --seeds", "sample", "--model", "run/model.safetensors", "--seed", "1", "--seeds", "seeds.txt", "--out", "new");
        yield return Case("unknown_recipe", "imagenet256-80ep, imagenet256-160ep", "sample", "--model", "run/model.safetensors", "--recipe", "mine", "--out", "new");
        yield return Case("sample_out_is_a_file", "file.txt: is a file", "sample", "--model", "nothere.safetensors", "--out", "file.txt");
        yield return Case("sample_out_holds_another_run", "\"steps\" is 3, and 4 in this run", "sample", "--model", "run/model.safetensors", "--class", "0", "--steps", "4", "--out", "drawn");
        yield return Case("empty_sample_out", "--out is ''", "sample", "--model", "run/model.safetensors", "--out", "");
        yield return Case("threads_out_of_range", "threads is -3", [.. train, "--out", "new", "--threads", "-3"]);
        yield return Case("unknown_device", "quantum", [.. train, "--out", "new", "--device", "quantum"]);
        yield return Case("out_is_a_file", "file.txt", [.. train, "--out", "file.txt"]);
        yield return Case("existing_run", "holds a training run already", [.. train, "--out", "run"]);
        yield return Case("resume_without_state", "no training state", [.. train, "--out", "new", "--resume"]);
        yield return Case("unknown_config_key", "'stepz' is unknown", [.. train, "--out", "new", "--config", "bad.json"]);
        yield return Case("config_of_wrong_kind", "steps is \"many\"", "train", "--data", "shapes", "--out", "new", "--config", "kind.json");
        yield return Case("model_missing", "nothere.safetensors", "sample", "--model", "nothere.safetensors");
        yield return Case("model_truncated", "truncated.safetensors", "sample", "--model", "truncated.safetensors");
        yield return Case("model_empty", "empty.safetensors", "sample", "--model", "empty.safetensors");
        yield return Case("model_no_model", "file.txt", "info", "file.txt");
        yield return Case("class_out_of_range", "class '99' is unknown", "sample", "--model", "run/model.safetensors", "--class", "99", "--out", "new");
        yield return Case("class_unknown_name", "class 'dog' is unknown", "sample", "--model", "run/model.safetensors", "--class", "dog", "--out", "new");
        yield return Case("interval_reversed", "interval is 0.9 to 0.1", "sample", "--model", "run/model.safetensors", "--interval", "0.9,0.1", "--out", "new");
        yield return Case("interval_of_one_number", "two numbers", "sample", "--model", "run/model.safetensors", "--interval", "0.9", "--out", "new");
        yield return Case("sample_resolution", "multiples of 4", "sample", "--model", "run/model.safetensors", "--resolution", "17", "--out", "new");
        yield return Case("unknown_sampler", "euler", "sample", "--model", "run/model.safetensors", "--sampler", "magic", "--out", "new");
        yield return Case("zero_steps", "steps is 0", "sample", "--model", "run/model.safetensors", "--steps", "0", "--out", "new");
        yield return Case("text_of_a_class_model", "takes no text", "trace", "--model", "run/model.safetensors", "--resolution", "16", "--text-tokens", "3", "--out", "new.safetensors");
        yield return Case("no_model_in_file", "holds no PixelDiT", "sample", "--model", GoldenCheckpointTests.PathOf("views.pt"));
        yield return Case("unknown_weights", "has no weights under \"best\"; it has * (raw); --weights takes ema, raw or one of these", "sample", "--model", "run/model.safetensors", "--weights", "best");
        yield return Case("init_without_out", "--out is missing", "init");
        yield return Case("init_of_an_unknown_type", "f32", "init", "--out", "new.safetensors", "--dtype", "f8");
        yield return Case("init_without_classes", "classes is 0", "init", "--out", "new.safetensors", "--classes", "0");
        yield return Case("init_of_a_model_too_large", "parameters", "init", "--out", "new.safetensors", "--hidden", "1048576", "--heads", "8");
        yield return Case("empty_weights", "--weights: the choice of weights is ''", "sample", "--model", "run/model.safetensors", "--weights", "");
        yield return Case("trace_without_model", "--model is missing", "trace", "--out", "new.safetensors");
        yield return Case("trace_of_weights_without_model", "--model is missing; --weights chooses", "trace", "--weights", "raw", "--out", "new.safetensors");
        yield return Case("trace_of_unknown_weights", "has no weights under \"best\"", "trace", "--model", "run/model.safetensors", "--weights", "best", "--out", "new.safetensors");
        yield return Case("hash_of_no_model", "there is no hash of its weights", "info", GoldenCheckpointTests.PathOf("views.pt"), "--hash");
        yield return Case("trace_without_inputs", "--inputs", "trace", "--weights", GoldenCheckpointTests.PathOf("lightning.ckpt"), "--out", "new.safetensors");
        yield return Case("trace_of_two_inputs", "--seed is of drawn inputs", "trace", "--weights", "run/model.safetensors", "--inputs", "file.txt", "--seed", "1", "--out", "new.safetensors");
        yield return Case("trace_resolution", "multiples of", "trace", "--weights", "run/model.safetensors", "--resolution", "17", "--out", "new.safetensors", "--exact");
        yield return Case("verify_missing_folder", "nowhere", "verify", "nowhere");
        yield return Case("compare_missing_file", "nothere.safetensors", "compare", "nothere.safetensors", "run/model.safetensors");
        yield return Case("compare_other_tensors", "has no tensor of run/model.safetensors", "compare", "run/model.safetensors", GoldenCheckpointTests.PathOf("views.pt"));
        yield return Case("compare_map_missing", "nowhere.txt", "compare", "run/model.safetensors", "run/model.safetensors", "--map", "nowhere.txt");
        yield return Case("compare_map_wrong", "file.txt line 1", "compare", "run/model.safetensors", "run/model.safetensors", "--map", "file.txt");
        yield return Case("compare_model_no_model", "file.txt", "compare", "run/model.safetensors", "run/model.safetensors", "--model", "file.txt");
        yield return Case("compare_negative_tolerance", "tolerance is -1", "compare", "run/model.safetensors", "run/model.safetensors", "--tolerance", "-1");
        yield return Case("product_of_two_sizes", "product is '8x8'", "bench", "--product", "8x8");
        yield return Case("peer_and_sweep", "exclude each other", "bench", "--peer", "true", "--sweep", "batch");
        yield return Case("peer_of_changed_sizes", "--peer is told the preset tiny", "bench", "--peer", "true", "--hidden", "96");
        yield return Case("peer_with_an_open_quote", "does not close it", "bench", "--peer", "sh 'x");
        yield return Case("peer_missing", "the peer no-such-peer cannot be started", "bench", "--preset", "micro", "--batch", "1", "--resolution", "8", "--repeat", "1", "--peer", "no-such-peer");
        yield return Case("broken_images_only", "zero.png", "train", "--data", "folder:images", "--out", "new");
    }

    [TestCaseSource(nameof(Mistakes))]
    public void A_mistake_gets_a_clear_line_and_leaves_everything_alone(string[] arguments, string message)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "images", "cat"));
        Directory.CreateDirectory(Path.Combine(_folder, "run"));
        File.WriteAllText(Path.Combine(_folder, "file.txt"), "not a model");
        File.WriteAllText(Path.Combine(_folder, "bad.json"), """{"stepz": 5}""");
        File.WriteAllText(Path.Combine(_folder, "kind.json"), """{"steps": "many"}""");
        File.WriteAllText(Path.Combine(_folder, "misspelled.json"), """{"lerning_rate": 1}""");
        File.WriteAllText(Path.Combine(_folder, "doubled.json"), """{"lr": 1, "LR": 2}""");
        File.WriteAllText(Path.Combine(_folder, "broken.json"), "{\n  \"lr\" 1\n}");
        File.WriteAllText(Path.Combine(_folder, "fraction.json"), """{"steps": 1.5}""");
        File.WriteAllText(Path.Combine(_folder, "choice.json"), """{"device": "gpu"}""");
        File.WriteAllText(Path.Combine(_folder, "empty.safetensors"), "");
        File.WriteAllText(Path.Combine(_folder, "seeds.txt"), "1\n2\n");
        Directory.CreateDirectory(Path.Combine(_folder, "drawn"));
        File.WriteAllText(Path.Combine(_folder, "drawn", "samples.json"), """{"recipe": null, "changed": null, "sampler": "flow-dpm", "steps": 3}""");
        File.WriteAllBytes(Path.Combine(_folder, "images", "cat", "zero.png"), []);
        File.Copy(TrainedModel.Path, Path.Combine(_folder, "run", "model.safetensors"));
        File.WriteAllBytes(Path.Combine(_folder, "truncated.safetensors"), File.ReadAllBytes(TrainedModel.Path)[..^100]);
        var before = Snapshot();

        var result = Run(arguments);

        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(result.Error, Does.Not.Contain("   at ").And.Not.Contain("internal error"), "no stack trace");
        Assert.That(Snapshot(), Is.EqualTo(before), "nothing was changed or left behind");
    }

    [Test]
    public void Info_sample_and_convert_take_a_pytorch_checkpoint()
    {
        string checkpoint = GoldenCheckpointTests.PathOf("lightning.ckpt");
        var info = Run("info", checkpoint);
        Assert.That(info.ExitCode, Is.Zero, info.Error);
        Assert.That(info.Output, Does.Contain("PyTorch zip, 149 tensors").And.Contain("weights: ema_denoiser.* (averaged); left: denoiser.* (raw)").And.Contain("under ema_denoiser.*").And.Contain("D 32, heads 4").And.Contain("1,600,000 steps").And.Not.Contain("missing"));
        Assert.That(Run("info", checkpoint, "--weights", "raw").Output, Does.Contain("under denoiser.*"));

        var convert = Run("convert", checkpoint, "model.safetensors", "--dtype", "f16");
        Assert.That(convert.ExitCode, Is.Zero, convert.Error);
        Assert.That(Run("info", "model.safetensors").Output, Does.Contain("safetensors, 70 tensors (F16 × 70)").And.Contain("by its config"));
        foreach (string model in (string[])[checkpoint, "model.safetensors"])
        {
            var sample = Run("sample", "--model", model, "--class", "0", "--count", "1", "--steps", "1", "--resolution", "16", "--threads", "1", "--overwrite");
            Assert.That(sample.ExitCode, Is.Zero, sample.Error);
        }
    }

    [Test]
    public void Init_writes_a_model_that_sample_and_trace_take()
    {
        var init = Run("init", "--preset", "micro", "--classes", "3", "--nonzero", "--dtype", "bf16", "--out", "new.safetensors");
        Assert.That(init.ExitCode, Is.Zero, init.Error);
        Assert.That(Run("info", "new.safetensors").Output, Does.Contain("(BF16 × 53)").And.Contain("3 classes").And.Not.Contain("missing"));
        foreach (string[] more in (string[][])[[], ["--exact"]])
        {
            var trace = Run(["trace", "--weights", "new.safetensors", "--resolution", "16", "--batch", "2", "--seed", "3", "--overwrite", "--out", "trace.safetensors", .. more]);
            Assert.That(trace.ExitCode, Is.Zero, trace.Error);
            Assert.That(Run("info", "trace.safetensors", "--tensors").Output, Does.Contain("in.x").And.Contain("[2, 3, 16, 16]").And.Contain("act.pixel_blocks.0"));
        }
    }

    [Test]
    public void A_recipe_sets_options_and_the_command_line_wins()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "run"));
        File.Copy(TrainedModel.Path, Path.Combine(_folder, "run", "model.safetensors"));
        var sample = Run("sample", "--model", "run/model.safetensors", "--recipe", "imagenet256-320ep", "--class", "1", "--count", "1", "--resolution", "16", "--steps", "2", "--guidance", "4", "--interval", "0.2,0.8", "--out", "a");
        Assert.That(sample.ExitCode, Is.Zero, sample.Error);
        var record = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "a", "samples.json"))).RootElement;
        Assert.That(record.GetProperty("changed").EnumerateArray().Select(field => field.GetString()), Is.EqualTo((string[])["steps", "guidance", "interval", "resolution"]));
        Assert.That(record.GetProperty("interval").EnumerateArray().Select(time => time.GetSingle()), Is.EqualTo((float[])[0.2f, 0.8f]));
        Assert.That(record.GetProperty("seed").GetUInt64(), Is.EqualTo(1600));
        Assert.That(Run("info", "run/model.safetensors", "--hash").Output, Does.Contain(record.GetProperty("weights_sha256").GetString()));
    }

    [Test]
    public void A_killed_archive_is_gone_on_with_to_the_same_bytes()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "run"));
        File.Copy(TrainedModel.Path, Path.Combine(_folder, "run", "model.safetensors"));
        string[] sample = ["sample", "--model", "run/model.safetensors", "--npz", "--class", "0,1", "--count", "3", "--steps", "40", "--threads", "1", "--out"];
        string parts = Path.Combine(_folder, "parts"), part = Path.Combine(parts, "output.npz.part");
        // Where this process waits so long that the other ends, another is killed.
        for (int attempt = 0; attempt < 5 && !File.Exists(part); attempt++)
        {
            if (attempt > 0) Directory.Delete(parts, recursive: true);
            using var process = PixelDiTProgram.Start(_folder, null, [.. sample, "parts", "--batch", "1"]);
            var waited = Stopwatch.StartNew();
            while (!File.Exists(Path.Combine(parts, "output.npz.count")) && !process.WaitForExit(2) && waited.Elapsed.TotalSeconds < 60) ;
            process.Kill();
            process.WaitForExit();
        }
        Assert.That(File.Exists(part), "it was killed in the middle");
        Assert.That(File.Exists(Path.Combine(parts, "output.npz.count")), "with an image to go on behind");
        foreach (string folder in (string[])["parts", "whole"])
        {
            var result = Run([.. sample, folder]);
            Assert.That(result.ExitCode, Is.Zero, result.Error);
        }
        Assert.That(File.Exists(part), Is.False);
        Assert.That(File.ReadAllBytes(Path.Combine(_folder, "parts", "output.npz")), Is.EqualTo(File.ReadAllBytes(Path.Combine(_folder, "whole", "output.npz"))));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "pipes are made by mkfifo")]
    public void A_pipe_is_not_opened()
    {
        string pipe = Path.Combine(_folder, "pipe.safetensors");
        System.Diagnostics.Process.Start("mkfifo", [pipe])!.WaitForExit();
        foreach (string[] command in (string[][])[["info", pipe], ["info", _folder], ["train", "--data", "shapes", "--out", "new", "--config", pipe], ["compare", pipe, pipe]])
        {
            var result = Run(command);
            Assert.That(result.ExitCode, Is.EqualTo(1));
            Assert.That(result.Error, Does.Contain("or a pipe or device"));
        }
    }

    [Test]
    public void Verbose_shows_where()
    {
        var result = Run("sample", "--model", "nothere.safetensors", "--verbose");
        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Error, Does.Contain("   at "));
    }

    [Test]
    public void Interrupting_training_leaves_a_usable_checkpoint_that_resumes()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("signals are sent by kill");
        Signals.RequireHeard("INT");
        using var process = PixelDiTProgram.Start(_folder, null, ["train", "--data", "shapes", .. s_smallModel, "--steps", "1000000", "--out", "run", "--sample-steps", "0"]);
        string log = Path.Combine(_folder, "run", "loss.csv");
        var waited = Stopwatch.StartNew();
        while ((!File.Exists(log) || File.ReadAllLines(log).Length < 5) && waited.Elapsed.TotalSeconds < 60) Thread.Sleep(50);
        Process.Start("kill", ["-INT", $"{process.Id}"])!.WaitForExit();
        string error = process.StandardError.ReadToEnd();
        Assert.That(process.WaitForExit(60_000), Is.True, "it ends soon");
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(error, Does.Contain("interrupted"));
        int done = File.ReadAllLines(log).Length - 1;

        var sample = Run("sample", "--model", "run/model.safetensors", "--class", "0", "--count", "1", "--steps", "1");
        Assert.That(sample.ExitCode, Is.Zero, sample.Error);
        Assert.That(Run("info", "run/model.safetensors").Output, Does.Contain($"trained for {done:N0} steps"));
    }

    private string[] Snapshot() => [.. Directory.EnumerateFileSystemEntries(_folder, "*", SearchOption.AllDirectories).Order()
        .Select(path => $"{path} {(File.Exists(path) ? $"{new FileInfo(path).Length} {File.GetLastWriteTimeUtc(path):O}" : "folder")}")];

    /// <summary>A model file made once for all mistakes.</summary>
    private static class TrainedModel
    {
        private static readonly Lazy<string> s_path = new(Make);

        public static string Path => s_path.Value;

        private static string Make()
        {
            string folder = Directory.CreateTempSubdirectory("pixeldit-model").FullName;
            var result = PixelDiTProgram.Run(folder, ["train", "--data", "shapes", .. s_smallModel, "--steps", "1", "--out", "run", "--sample-steps", "0"]);
            return result.ExitCode == 0 ? System.IO.Path.Combine(folder, "run", "model.safetensors") : throw new InvalidOperationException(result.Error);
        }
    }
}

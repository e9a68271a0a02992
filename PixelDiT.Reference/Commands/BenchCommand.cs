using System.CommandLine;
using System.Text.Json;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations.Catalog;
using PixelDiT.Reference.Benchmarking;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Commands.Options.Train;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Ranks;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit bench</c>: how fast is the model here?</summary>
internal static class BenchCommand
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var model = new ModelOptions("tiny");
        Option<int> batch = Cli.Option("--batch", "Images.", 16), resolution = Cli.Option("--resolution", "The side of the images.", 32), repeat = Cli.Option("--repeat", "Runs of which the median is taken.", 7);
        Option<bool> train = new("--train") { Description = "Time forward and backward too, and the whole training step." }, json = new("--json") { Description = "Print JSON." };
        Option<bool> operations = new("--operations") { Description = "Show the time by kernel." };
        var sweep = new ChoiceOption("--sweep", "Time several sizes of one kind, from the given one up, and fit how the time grows.", Sweep.Names);
        Option<string?> product = new("--product") { Description = "Time one matrix product y [M, N] = x [M, K]·Wᵀ instead of a model.", HelpName = "MxNxK" };
        Option<string[]> peer = new("--peer")
        {
            Description = "Run another program on the same preset afterwards and compare; may be repeated. "
                + $"It gets --preset, --batch, --resolution, --device, --dtype, --repeat and --train, and prints a last line '{Peer.Form}'.",
            HelpName = "COMMAND"
        };
        Option<bool> distributed = new("--distributed") { Description = "Time a training step of the ranks that mpirun or srun has started, and what their communication costs; --batch is that of all." };
        Option<bool> shard = new("--shard-optimizer") { Description = "With --distributed: deal out AdamW's state among the ranks." };
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        Option<string> precision = Cli.Precision();
        Option<string?> config = new("--config") { Description = "A JSON file with option values; the command line wins.", HelpName = "FILE" };
        var command = new Command("bench", "Time a model with random weights.");
        model.AddTo(command);
        foreach (Option option in new Option[] { batch, resolution, train, repeat, json, operations, sweep, product, peer, distributed, shard, precision, device, threads, config }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            var settings = new Settings(parsed, command, config);
            var sizes = model.Build(settings);
            int images = settings.Get(batch), side = settings.Get(resolution), runs = settings.Get(repeat);
            bool training = settings.Get(train), asJson = settings.Get(json);
            string dtype = settings.Get(precision);
            var rounding = PrecisionNames.Parse(dtype);
            Benchmark.RequireBatch(images);
            string[] peers = settings.Get(peer) ?? [];
            if (new[] { settings.Get(sweep) is not null, settings.Get(product) is not null, peers.Length > 0 }.Count(given => given) > 1) throw new ConfigurationException("--sweep, --product and --peer exclude each other");
            if (peers.Length > 0) model.RequirePreset(settings);
            foreach (string words in peers) CommandWords.Split(words);

            if (settings.Get(distributed)) return RunRanks(parsed, settings.Get(device), settings.Get(threads), sizes, images, side, runs, settings.Get(shard), rounding, asJson);
            string description, kind;
            BenchmarkResult result;
            double peak;
            // A peer finds the device's memory free.
            using (var opened = Device.Open(settings.Get(device), settings.Get(threads)))
            {
                kind = opened.Kind == DeviceKind.Cuda ? "cuda" : "cpu";
                if (settings.Get(product) is { } text)
                {
                    var size = ProductSize.Parse(text);
                    var run = ProductBenchmark.Run(size, opened, runs, rounding, cancel);
                    if (asJson) Terminal.WriteJson(Json(BenchReport.Fields(opened.Description, size, dtype, run)));
                    else BenchReport.Print(opened.Description, size, dtype, run);
                    return 0;
                }
                if (settings.Get(sweep) is { } growing)
                {
                    var rows = Sweep.Run(growing, sizes, opened, images, side, training, runs, rounding, cancel);
                    if (asJson) Terminal.WriteJson(Json(rows));
                    else BenchReport.Print(opened.Description, growing, rows);
                    return 0;
                }
                if (training) StepMemory.RequireTraining(opened, sizes, new TrainingConfig { Batch = images, Precision = rounding }, side, side);
                else StepMemory.RequireForward(opened, sizes, rounding, images, side, side);
                result = Benchmark.Run(sizes, opened, images, side, training, step: training, runs, rounding, cancel);
                peak = PeakRate.Measure(opened);
                description = opened.Description;
            }
            if (!asJson) BenchReport.Print(settings.Get(operations), description, sizes, images, side, result, peak);
            string[] work =
            [
                "--preset", model.Preset(settings), "--batch", $"{images}", "--resolution", $"{side}", "--device", kind, "--dtype", dtype, "--repeat", $"{runs}", .. training ? (string[])["--train"] : []
            ];
            var compared = new List<PeerResult>();
            foreach (string words in peers)
            {
                compared.Add(Peer.Run(words, work, cancel));
                if (!asJson) BenchReport.Print(compared[^1], result);
            }
            if (asJson) Terminal.WriteJson(Json(BenchReport.Fields(description, sizes, images, side, result, peak, compared)));
            return 0;
        }, needsLess: "a smaller --batch");
        return command;
    }

    private static int RunRanks(ParseResult parsed, string name, int threads, ModelConfig sizes, int images, int side, int repeat, bool isSharded, Precision precision, bool asJson)
    {
        using var ranks = DistributedOptions.Open() ?? throw new ConfigurationException("--distributed times ranks, and no launcher has started several; mpirun -n 2 pixeldit bench --distributed … was expected");
        using var opened = RankStart.Agree(ranks, () => DistributedOptions.OpenDevice(ranks, name, threads));
        var times = RankBenchmark.Run(sizes, opened, ranks, images, side, repeat, isSharded, precision);
        ranks.Leave();
        if (asJson && !Terminal.IsSecond) Terminal.WriteJson(Json(BenchReport.Fields(opened.Description, ranks.Description, times)));
        else if (!asJson) BenchReport.Print(opened.Description, ranks.Description, sizes, side, times);
        return 0;
    }

    private static string Json(object fields) => JsonSerializer.Serialize(fields, s_json);
}

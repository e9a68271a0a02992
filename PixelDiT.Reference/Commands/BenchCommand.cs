using System.CommandLine;
using System.Text.Json;
using PixelDiT.Reference.Benchmarking;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit bench</c>: how fast is the model here?</summary>
internal static class BenchCommand
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var model = new ModelOptions("tiny");
        Option<int> batch = Cli.Option("--batch", "Images.", 16), resolution = Cli.Option("--resolution", "The side of the images.", 32), repeat = Cli.Option("--repeat", "Runs of which the median is taken.", 7);
        Option<bool> train = new("--train") { Description = "Time forward and backward too (no optimiser)." }, json = new("--json") { Description = "Print JSON." };
        Option<bool> operations = new("--operations") { Description = "Show the time by kernel." };
        Option<string?> sweep = new("--sweep") { Description = $"Time several sizes of one kind, from the given one up, and fit how the time grows: {string.Join(", ", Sweep.Names)}.", HelpName = string.Join('|', Sweep.Names) };
        sweep.AcceptOnlyFromAmong([.. Sweep.Names]);
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        Option<string> precision = Cli.Precision();
        Option<string?> config = new("--config") { Description = "A JSON file with option values; the command line wins.", HelpName = "FILE" };
        var command = new Command("bench", "Time a model with random weights.");
        model.AddTo(command);
        foreach (Option option in new Option[] { batch, resolution, train, repeat, json, operations, sweep, precision, device, threads, config }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            var settings = new Settings(parsed, command, config);
            var sizes = model.Build(settings);
            using var opened = Kernels.Devices.Device.Open(settings.Get(device), settings.Get(threads));
            int images = settings.Get(batch), side = settings.Get(resolution);
            var rounding = PrecisionNames.Parse(settings.Get(precision));
            if (settings.Get(sweep) is { } kind)
            {
                var rows = Sweep.Run(kind, sizes, opened, images, side, settings.Get(train), settings.Get(repeat), rounding, cancel);
                if (settings.Get(json)) Console.WriteLine(JsonSerializer.Serialize(rows, s_json));
                else BenchReport.Print(opened.Description, kind, rows);
                return 0;
            }
            var result = Benchmark.Run(sizes, opened, images, side, settings.Get(train), settings.Get(repeat), rounding, cancel);
            double peak = Kernels.Devices.PeakRate.Measure(opened);
            if (settings.Get(json)) Console.WriteLine(JsonSerializer.Serialize(BenchReport.Fields(opened.Description, sizes, images, side, result, peak), s_json));
            else BenchReport.Print(settings.Get(operations), opened.Description, sizes, images, side, result, peak);
            return 0;
        }, needsLess: "a smaller --batch");
        return command;
    }
}

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
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        Option<string?> config = new("--config") { Description = "A JSON file with option values; the command line wins.", HelpName = "FILE" };
        var command = new Command("bench", "Time a model with random weights.");
        model.AddTo(command);
        foreach (Option option in new Option[] { batch, resolution, train, repeat, json, operations, device, threads, config }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            var settings = new Settings(parsed, command, config);
            var sizes = model.Build(settings);
            using var opened = Kernels.Devices.Device.Open(settings.Get(device), settings.Get(threads));
            var result = Benchmark.Run(sizes, opened, settings.Get(batch), settings.Get(resolution), settings.Get(train), settings.Get(repeat), cancel);
            if (settings.Get(json)) Console.WriteLine(JsonSerializer.Serialize(Report(opened.Description, sizes, settings.Get(batch), settings.Get(resolution), result), s_json));
            else Print(settings.Get(operations), opened.Description, sizes, settings.Get(batch), settings.Get(resolution), result);
            return 0;
        });
        return command;
    }

    private static Dictionary<string, object?> Report(string device, ModelConfig sizes, int batch, int resolution, BenchmarkResult result) => new()
    {
        ["device"] = device,
        ["parameters"] = ModelCost.Parameters(sizes),
        ["batch"] = batch,
        ["resolution"] = resolution,
        ["forward_ms"] = result.Forward,
        ["forward_backward_ms"] = result.ForwardBackward,
        ["launches"] = result.ForwardLaunches,
        ["forward_backward_launches"] = result.ForwardBackwardLaunches,
        ["forward_gflop"] = Math.Round(result.ForwardGflop, 3),
        ["forward_gflop_per_second"] = Math.Round(result.ForwardGflop / result.Forward.Median * 1e3, 1),
        ["peak_device_bytes"] = result.PeakBytes,
        ["kernels"] = result.Kernels
    };

    private static void Print(bool operations, string device, ModelConfig sizes, int batch, int resolution, BenchmarkResult result)
    {
        Console.WriteLine(FormattableString.Invariant($"{device}; {ModelCost.Parameters(sizes) / 1e6:F2} M parameters, batch {batch}, {resolution}×{resolution}, {result.ForwardGflop:F2} GFLOP a forward"));
        Line("forward", result.Forward, result.ForwardLaunches, batch);
        if (result.ForwardBackward is { } both) Line("forward + backward", both, result.ForwardBackwardLaunches, batch);
        Console.WriteLine(FormattableString.Invariant($"peak device memory    {result.PeakBytes / 1048576.0,9:F1} MiB"));
        if (!operations) return;
        double all = result.Kernels.Sum(kernel => kernel.Milliseconds);
        foreach (var kernel in result.Kernels)
        {
            Console.WriteLine(FormattableString.Invariant($"{kernel.Milliseconds,9:F3} ms {kernel.Milliseconds / all,6:P1} {kernel.Launches,5} × {kernel.Kernel}"));
        }
    }

    private static void Line(string name, Timing timing, long launches, int batch) => Console.WriteLine(FormattableString.Invariant(
        $"{name,-20} {timing.Median,9:F2} ms (from {timing.Min:F2} to {timing.Max:F2}), {launches} launches, {batch / timing.Median * 1e3:F1} images a second"));
}

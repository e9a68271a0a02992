using PixelDiT.Reference.Benchmarking;
using PixelDiT.Reference.Models;
using static System.FormattableString;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>What <c>pixeldit bench</c> prints.</summary>
internal static class BenchReport
{
    /// <summary>A benchmark as fields of JSON.</summary>
    public static Dictionary<string, object?> Fields(string device, ModelConfig sizes, int batch, int resolution, BenchmarkResult result, double peak, IReadOnlyList<PeerResult> peers) => new()
    {
        ["device"] = device,
        ["parameters"] = ModelCost.Parameters(sizes),
        ["batch"] = batch,
        ["resolution"] = resolution,
        ["forward_ms"] = result.Forward.Time,
        ["forward_backward_ms"] = result.ForwardBackward?.Time,
        ["train_step_ms"] = result.Step?.Time,
        ["forward_queued_ms"] = result.Forward.Queued,
        ["forward_backward_queued_ms"] = result.ForwardBackward?.Queued,
        ["train_step_queued_ms"] = result.Step?.Queued,
        ["launches"] = result.Forward.Launches,
        ["forward_backward_launches"] = result.ForwardBackward?.Launches,
        ["train_step_launches"] = result.Step?.Launches,
        ["forward_gflop"] = Math.Round(result.Forward.Gflop, 3),
        ["forward_gflop_per_second"] = Math.Round(result.Forward.GflopPerSecond, 1),
        ["forward_backward_gflop_per_second"] = result.ForwardBackward is { } both ? Math.Round(both.GflopPerSecond, 1) : null,
        ["train_step_gflop_per_second"] = result.Step is { } step ? Math.Round(step.GflopPerSecond, 1) : null,
        ["managed_bytes"] = result.Forward.ManagedBytes,
        ["forward_backward_managed_bytes"] = result.ForwardBackward?.ManagedBytes,
        ["train_step_managed_bytes"] = result.Step?.ManagedBytes,
        ["peak_gflop_per_second"] = peak,
        ["peak_device_bytes"] = result.PeakBytes,
        ["kernels"] = result.Kernels,
        ["peers"] = peers.Select(peer => new Dictionary<string, object?>
        {
            ["command"] = peer.Command,
            ["line"] = peer.Line,
            ["ms"] = peer.Milliseconds,
            ["peak_gib"] = peer.PeakGib,
            ["time_over_ours"] = peer.TimeRatio(result.Last),
            ["memory_over_ours"] = peer.MemoryRatio(result.PeakBytes)
        })
    };

    /// <summary>A product as fields of JSON.</summary>
    public static Dictionary<string, object?> Fields(string device, ProductSize size, string precision, BenchmarkRun run) => new()
    {
        ["device"] = device,
        ["m"] = size.M,
        ["n"] = size.N,
        ["k"] = size.K,
        ["precision"] = precision,
        ["product_ms"] = run.Time,
        ["product_queued_ms"] = run.Queued,
        ["tflop_per_second"] = run.GflopPerSecond / 1e3
    };

    /// <summary>A benchmark in lines.</summary>
    public static void Print(bool operations, string device, ModelConfig sizes, int batch, int resolution, BenchmarkResult result, double peak)
    {
        Terminal.WriteLine(Invariant($"{device}; {ModelCost.Parameters(sizes) / 1e6:F2} M parameters, batch {batch}, {resolution}×{resolution}, {result.Forward.Gflop:F2} GFLOP a forward"));
        Line("forward", result.Forward, peak, batch);
        if (result.ForwardBackward is { } both) Line("forward + backward", both, peak, batch);
        if (result.Step is { } step) Line("training step", step, peak, batch);
        Terminal.WriteLine(Invariant($"{"peak device memory",-20} {result.PeakBytes / 1048576.0,9:F1} MiB"));
        Terminal.WriteLine(Invariant($"{"multiply-add peak",-20} {peak,9:F1} GFLOP/s"));
        if (!operations) return;
        double all = result.Kernels.Sum(kernel => kernel.Milliseconds);
        Terminal.WriteLine($"{"ms",9} {"share",6} {"peak",5} {"waits",5} {"packs",5} {"memory",6} {"launches",9}");
        foreach (var kernel in result.Kernels)
        {
            string ofPeak = kernel.Gflop > 0 ? Invariant($"{kernel.Gflop / kernel.Milliseconds * 1e3 / peak:P0}") : "";
            Terminal.WriteLine(Invariant($"{kernel.Milliseconds,9:F3} {kernel.Milliseconds / all,6:P1} {ofPeak,5} {Share(kernel.WaitingMilliseconds),5} {Share(kernel.PackingMilliseconds),5} {Share(kernel.ColdMilliseconds),6} {kernel.Launches,7} × {kernel.Kernel} {kernel.Detail}").TrimEnd());

            string Share(double part) => part / kernel.Milliseconds < 0.005 ? "" : Invariant($"{part / kernel.Milliseconds:P0}");
        }
        Terminal.WriteLine(Invariant($"waiting for another thread {result.Kernels.Sum(kernel => kernel.WaitingMilliseconds) / all:P1}, packing {result.Kernels.Sum(kernel => kernel.PackingMilliseconds) / all:P1}, waiting for memory {result.Kernels.Sum(kernel => kernel.ColdMilliseconds) / all:P1} of all kernels' time"));
    }

    /// <summary>What ranks cost, in lines.</summary>
    public static void Print(string device, string ranks, ModelConfig sizes, int resolution, RankTimes times)
    {
        Terminal.WriteLine(Invariant($"{times.Ranks} ranks over {ranks}"));
        Terminal.WriteLine(Invariant($"{device}; {ModelCost.Parameters(sizes) / 1e6:F2} M parameters, {times.Images} images of {resolution}×{resolution} a rank"));
        Line("step of all ranks", times.Step, Invariant($", {1e3 * times.Images * times.Ranks / times.Step.Median:F1} images/s"));
        Line("step of one alone", times.Alone, Invariant($", {1e3 * times.Images / times.Alone.Median:F1} images/s"));
        Line("exchange alone", times.Communication, Invariant($", {times.Bytes / 1e6:F1} MB sent by a rank"));
        Line("waited in a step", times.Waited, Invariant($", {times.Hidden:P0} of the exchange hidden; {times.EarlyBuckets} of {times.Buckets} buckets left during the backward"));
        Terminal.WriteLine(Invariant($"{"efficiency",-20} {times.Efficiency,9:P1}"));

        static void Line(string name, Timing time, string more) => Terminal.WriteLine(Invariant($"{name,-20} {time.Median,9:F2} ms (min {time.Min:F2}, max {time.Max:F2}){more}"));
    }

    /// <summary>What ranks cost, as fields.</summary>
    public static Dictionary<string, object?> Fields(string device, string ranks, RankTimes times) => new()
    {
        ["device"] = device,
        ["transport"] = ranks,
        ["ranks"] = times.Ranks,
        ["images_a_rank"] = times.Images,
        ["step_ms"] = times.Step,
        ["alone_ms"] = times.Alone,
        ["exchange_ms"] = times.Communication,
        ["waited_ms"] = times.Waited,
        ["bytes"] = times.Bytes,
        ["hidden"] = times.Hidden,
        ["efficiency"] = times.Efficiency
    };

    /// <summary>A peer's line, and how it compares.</summary>
    public static void Print(PeerResult peer, BenchmarkResult ours)
    {
        string memory = peer.MemoryRatio(ours.PeakBytes) is { } ratio ? Invariant($", its peak memory over ours {ratio:F2}") : "";
        Terminal.WriteLine($"peer {peer.Command}");
        Terminal.WriteLine($"     {peer.Line}");
        Terminal.WriteLine(Invariant($"     its time over ours {peer.TimeRatio(ours.Last):F2}{memory}"));
    }

    /// <summary>A product in two lines.</summary>
    public static void Print(string device, ProductSize size, string precision, BenchmarkRun run)
    {
        Terminal.WriteLine(Invariant($"{device}; y [M, N] = x [M, K]·Wᵀ, M×N×K = {size}, {precision}, {size.Gflop:F2} GFLOP"));
        Terminal.WriteLine(Invariant($"{"product",-20} {run.Time.Median,9:F3} ms (from {run.Time.Min:F3} to {run.Time.Max:F3}), {run.GflopPerSecond / 1e3:F3} TFLOP/s{QueuedIn(run)}"));
    }

    /// <summary>A sweep in lines, and how the time grows.</summary>
    public static void Print(string device, string kind, IReadOnlyList<SweepRow> rows)
    {
        Terminal.WriteLine(device);
        Terminal.WriteLine($"{kind,10} {"GFLOP",10} {"ms",10} {"GFLOP/s",10} {"peak",6}");
        foreach (var row in rows)
        {
            Terminal.WriteLine(Invariant($"{row.Size,10} {row.Run.Gflop,10:F2} {row.Run.Time.Median,10:F2} {row.Run.GflopPerSecond,10:F1} {row.Run.GflopPerSecond / row.PeakGflopPerSecond,6:P0}"));
        }
        Terminal.WriteLine(Invariant($"time grows as {kind}^{Sweep.Exponent(rows, row => row.Run.Time.Median):F2}, arithmetic as {kind}^{Sweep.Exponent(rows, row => row.Run.Gflop):F2}"));
    }

    private static void Line(string name, BenchmarkRun run, double peak, int batch)
    {
        Terminal.WriteLine(Invariant($"{name,-20} {run.Time.Median,9:F2} ms (from {run.Time.Min:F2} to {run.Time.Max:F2}), {batch / run.Time.Median * 1e3:F1} images a second{QueuedIn(run)}"));
        Terminal.WriteLine(Invariant($"{"",-20} {run.GflopPerSecond,9:F1} GFLOP/s, {run.GflopPerSecond / peak:P0} of the peak, {run.Launches} launches, {run.ManagedBytes / 1024.0:F0} KiB on .NET's heap"));
    }

    private static string QueuedIn(BenchmarkRun run) => run.Queued is { } queued ? Invariant($", queued in {queued.Median:F2} ms") : "";
}

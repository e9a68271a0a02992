using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using PixelDiT.Reference.Training.Checkpoints;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Training;

/// <summary>A training run in a process of its own that ends itself by SIGKILL at an instant of writing, or after a step: nothing of it is cleaned up, flushed or caught.</summary>
internal static partial class DyingRun
{
    /// <summary>Steps of the whole run; each is followed by a checkpoint.</summary>
    public const int Steps = 200;

    private const int Kill = 9;

    /// <summary>The entry of the assembly as a program.</summary>
    private static int Main(string[] arguments)
    {
        if (arguments is [CardProgram.Verb, .. var rest]) return CardProgram.Run(rest);
        if (arguments is not [var folder, var kind, var number]) return 2;
        int left = int.Parse(number, CultureInfo.InvariantCulture);
        void Die(string instant)
        {
            // Written at once, so that a failing test can say where it was.
            Console.Error.WriteLine(instant);
            SendSignal(Environment.ProcessId, Kill);
        }
        if (kind == "instant") AtomicFile.Instant = instant => Count(instant);
        Train(folder, instant => Count(instant), report =>
        {
            if (kind == "step" && left-- == 0) Die($"after step {report.Step}");
        });
        return 0;

        void Count(string instant)
        {
            if (kind == "instant" && Interlocked.Decrement(ref left) == -1) Die(instant);
        }
    }

    /// <summary>Trains to the end from wherever the folder's run is.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="instant">Is told of every instant of saving.</param>
    /// <param name="report">Is told of every step.</param>
    public static void Train(string folder, Action<string>? instant, Action<StepReport> report)
    {
        var sizes = new ModelConfig { Hidden = 8, Heads = 2, Patch = 4, PatchDepth = 1, PixelDepth = 1, PixelHidden = 4, Classes = 9 };
        var config = new TrainingConfig { Batch = 2, Steps = Steps, Size = 8, Seed = 3, Flip = true, Optimizer = new() { LearningRate = 1e-3 } };
        using var device = Device.Open("cpu", 1);
        var existing = CheckpointStore.HasState(folder) ? ExistingRun.Resume : ExistingRun.Replace;
        using var run = TrainingRun.Create(folder, device, new ClassData(new Shapes(8)), sizes, config, existing, settings: null, new CheckpointPolicy { Keep = 3, Instant = instant });
        // With somebody to warn, checkpoints are written beside training.
        run.Run(1, report, warn: _ => { });
    }

    /// <summary>Starts such a process and waits for its end.</summary>
    /// <returns>Where it died, or an empty text.</returns>
    public static (int ExitCode, string Instant) Run(string folder, string kind, int number)
    {
        using var process = Process.Start(OwnProgram.StartInfo(folder, kind, number.ToString(CultureInfo.InvariantCulture)))!;
        var output = process.StandardOutput.ReadToEndAsync();
        string said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        _ = output.Result;
        return (process.ExitCode, said.Trim());
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}

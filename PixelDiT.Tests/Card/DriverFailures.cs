using System.Globalization;
using PixelDiT.Reference.Commands;
using PixelDiT.Tests.Card.Driver;

namespace PixelDiT.Tests.Card;

/// <summary>What the program made of a call of the driver that failed.</summary>
/// <param name="Function">The function.</param>
/// <param name="Call">Which call of it.</param>
/// <param name="ExitCode">The exit code; null where the program did not end.</param>
/// <param name="Error">What it complained of.</param>
internal sealed record FailedCall(string Function, int Call, int? ExitCode, string Error);

/// <summary>Training on an interpreted card in which each function of the driver fails once at its first call and once at a later one. cuInit is called once by a process, and is not among them.</summary>
internal static class DriverFailures
{
    /// <summary>What stands for a function where a kernel itself is wrong.</summary>
    public const string Kernel = "a kernel";

    /// <summary>The same with launches that are waited for.</summary>
    public const string BlockingKernel = "a kernel that is waited for";

    private const string Line = "card failure";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>Runs them all, and prints a line for each.</summary>
    /// <returns>1 if one did not end, which nothing can follow.</returns>
    public static int Run(string folder)
    {
        var card = DriverFunctions.Card;
        var (output, error) = (Console.Out, Console.Error);
        Console.SetOut(TextWriter.Null);
        // Freeing is not asked for its answer.
        string[] frees = ["cuCtxDestroy_v2", "cuEventDestroy_v2", "cuMemFreeHost", "cuMemFree_v2", "cuModuleUnload", "cuStreamDestroy_v2"];
        // How often each is called where nothing fails; the first run also compiles what all others run.
        Train(folder, out _);
        var calls = new Dictionary<string, int>(card.Calls);
        foreach (string function in DriverFunctions.Working.Where(function => function != "cuInit").Order(StringComparer.Ordinal))
        {
            int count = calls.GetValueOrDefault(function);
            int[] chosen = count > 2 && !frees.Contains(function) ? [1, (count / 3) + 1] : count > 0 ? [1] : [];
            if (count == 0) Print(new(function, 0, 0, "not called"));
            foreach (int call in chosen)
            {
                var next = new InterpretedCard(1L << 28) { Failure = new(function, call, function == "cuMemAlloc_v2" ? CudaStatus.OutOfMemory : CudaStatus.Unknown) };
                DriverFunctions.Card = next;
                int? code = Train(folder, out string said);
                Print(new(function, call, code, said));
                if (code is null) return 1;
            }
        }
        foreach (string function in (string[])[Kernel, BlockingKernel])
        {
            DriverFunctions.Card = new InterpretedCard(1L << 28)
            {
                Edit = text => text.Contains("// Kernel: NormModulate.Forward", StringComparison.Ordinal) ? text.Replace("+16]", "+8]", StringComparison.Ordinal) : text,
                IsBlocking = function == BlockingKernel
            };
            Print(new(function, 1, Train(folder, out string said), said));
        }
        return 0;

        void Print(FailedCall failed) => output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Line}\t{failed.Function}\t{failed.Call}\t{failed.ExitCode}\t{failed.Error.Trim().ReplaceLineEndings(" | ")}"));

        int? Train(string to, out string said)
        {
            // What a failed run left to the collector calls the driver too, and must not meet the failure that is meant for the next.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using var complaints = new StringWriter();
            Console.SetError(complaints);
            int? code = null;
            var thread = new Thread(() => code = CommandLine.Run([
                "train", "--device", "cuda", "--data", "shapes", "--preset", "micro", "--hidden", "16", "--heads", "2", "--patch-depth", "1", "--pixel-hidden", "4", "--resolution", "8", "--batch", "2", "--steps", "2",
                "--sample-steps", "0", "--overwrite", "--out", to]));
            thread.Start();
            bool ended = thread.Join(s_patience);
            Console.SetError(error);
            said = complaints.ToString();
            return ended ? code : null;
        }
    }

    /// <summary>Reads what such a process printed.</summary>
    public static IReadOnlyList<FailedCall> Read(string output) =>
        [.. output.Split('\n').Where(line => line.StartsWith(Line + "\t", StringComparison.Ordinal)).Select(line => line.Split('\t')).Select(parts => new FailedCall(parts[1], int.Parse(parts[2], CultureInfo.InvariantCulture), parts[3].Length > 0 ? int.Parse(parts[3], CultureInfo.InvariantCulture) : null, parts[4]))];
}

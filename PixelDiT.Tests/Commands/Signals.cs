using NUnit.Framework;

namespace PixelDiT.Tests.Commands;

/// <summary>Signals between the tests and the programs that they start.</summary>
internal static class Signals
{
    private static readonly Dictionary<string, int> s_numbers = new() { ["HUP"] = 1, ["INT"] = 2, ["QUIT"] = 3, ["TERM"] = 15 };

    /// <summary>
    /// A shell that is no terminal's starts what it puts in the background with SIGINT and SIGQUIT ignored, as nohup does with SIGHUP, and a process hands that down to those that it starts: the program then
    /// rightly goes on, and a test of the signal would wait for ever. It is skipped, by name.
    /// </summary>
    public static void RequireHeard(params ReadOnlySpan<string> signals)
    {
        if (!OperatingSystem.IsLinux()) return;
        string ignored = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))["SigIgn:".Length..].Trim();
        foreach (string signal in signals)
        {
            if ((Convert.ToUInt64(ignored, 16) & (1UL << (s_numbers[signal] - 1))) != 0) Assert.Ignore($"the tests were started with SIG{signal} ignored");
        }
    }
}

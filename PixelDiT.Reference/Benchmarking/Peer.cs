using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>What another program measured of the same work.</summary>
/// <param name="Command">How it was called, without the work's arguments.</param>
/// <param name="Line">What it printed.</param>
/// <param name="Milliseconds">Its time.</param>
/// <param name="PeakGib">The most device memory it had in use, in 2³⁰ bytes; null where it does not say.</param>
internal sealed record PeerResult(string Command, string Line, double Milliseconds, double? PeakGib)
{
    /// <summary>Its time over ours: above 1, we are quicker.</summary>
    public double TimeRatio(BenchmarkRun ours) => Milliseconds / ours.Time.Median;

    /// <summary>Its memory over ours: above 1, we need less.</summary>
    public double? MemoryRatio(long ours) => PeakGib * (1 << 30) / ours;
}

/// <summary>Another program that runs the same model, in a process of its own.</summary>
internal static partial class Peer
{
    /// <summary>The line that a peer prints last.</summary>
    public const string Form = "TEXT: 12.34 ms, peak 1.23 GiB";

    /// <summary>Runs it to its end and reads the last line of its standard output.</summary>
    /// <param name="command">The program and its first arguments, as <see cref="CommandWords"/> reads them.</param>
    /// <param name="work">The arguments that say what to run.</param>
    /// <param name="cancel">Ends the process, and those that it started.</param>
    /// <exception cref="ConfigurationException">It cannot be started, fails, or prints something else; the message names the command.</exception>
    public static PeerResult Run(string command, IReadOnlyList<string> work, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        var words = CommandWords.Split(command);
        var start = new ProcessStartInfo(words[0], [.. words.Skip(1), .. work]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Start(command, start);
        using (cancel.Register(() => process.Kill(entireProcessTree: true)))
        {
            var complaints = process.StandardError.ReadToEndAsync(CancellationToken.None);
            string line = LastLine(process.StandardOutput.ReadToEnd()), complaint = LastLine(complaints.Result);
            process.WaitForExit();
            cancel.ThrowIfCancellationRequested();
            if (process.ExitCode != 0)
            {
                throw new ConfigurationException($"the peer {command} ended with exit code {process.ExitCode}{(complaint.Length > 0 ? $" and said: {complaint}" : "")}; 0 and a line '{Form}' were expected");
            }
            return Read(command, line);
        }
    }

    private static Process Start(string command, ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new ConfigurationException($"the peer {command} cannot be started: {error.Message}; a program was expected that takes the arguments of a peer");
        }
    }

    private static PeerResult Read(string command, string line)
    {
        var match = Result().Match(line);
        if (!match.Success || double.Parse(match.Groups["time"].Value, CultureInfo.InvariantCulture) is not (> 0 and var time))
        {
            throw new ConfigurationException($"the peer {command} printed {(line.Length > 0 ? $"'{line}'" : "nothing")}; a last line '{Form}' was expected");
        }
        double? peak = match.Groups["peak"].Success ? double.Parse(match.Groups["peak"].Value, CultureInfo.InvariantCulture) : null;
        return new PeerResult(command, line, time, peak);
    }

    private static string LastLine(string text) => text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).LastOrDefault("");

    [GeneratedRegex(@": (?<time>\d+(\.\d+)?) ms(, peak (?<peak>\d+(\.\d+)?) GiB)?$")]
    private static partial Regex Result();
}

using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Reference.Commands;

/// <summary>What all verbs share when they run: errors in one line, exit codes, and signals that let work end in good order.</summary>
internal static class Verb
{
    /// <summary>Something was wrong; the message says what.</summary>
    public const int Failure = 1;

    /// <summary>A signal ended the work.</summary>
    public const int Interrupted = 130;

    // SIGUSR1 as Linux numbers it, by which batch systems warn that the time is nearly over.
    private const int HangUp = 1, UserSignal = 10;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Shows where an error arose.</summary>
    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Show the stack trace of an error.", Recursive = true };

    /// <summary>Makes a verb of an action: its errors become one line, and a signal to end becomes a cancellation.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="run">What it does; returns the exit code.</param>
    /// <param name="needsLess">Which options need less memory, said where the device is full.</param>
    public static void SetRun(this Command command, Func<ParseResult, CancellationToken, int> run, string? needsLess = null) => command.SetAction(parsed =>
    {
        using var cancel = new CancellationTokenSource();
        var signals = Register(cancel);
        try
        {
            return run(parsed, cancel.Token);
        }
        catch (OperationCanceledException)
        {
            if (!Terminal.IsSecond) Terminal.Complain("interrupted");
            return Interrupted;
        }
        catch (DistributedException error) when (error.IsSaidElsewhere)
        {
            return Failure;
        }
        // A filter runs before what is open is closed, which of several processes ends them all.
        catch (Exception error) when (Say(error, parsed, needsLess))
        {
            return Failure;
        }
        finally
        {
            foreach (var signal in signals) signal.Dispose();
        }
    });

    private static bool Say(Exception error, ParseResult parsed, string? needsLess)
    {
        string advice = error is DeviceMemoryException && needsLess is not null ? $"; {needsLess} needs less" : "";
        Terminal.Complain(error is PixelDiTException ? $"{error.Message}{advice}" : $"internal error: {error.GetType().Name}: {error.Message} (--verbose shows where)");
        if (parsed.GetValue(Verbose)) Terminal.WriteTrace(error);
        return true;
    }

    /// <summary>
    /// Ctrl-C, a request to end, the warning of a batch system (SIGUSR1), a terminal that closes and Ctrl-\ all let the work in hand end in good order, which is said at once. Only the same signal again, and not within two
    /// seconds, ends the process: a shell and the system both hang up when a terminal closes, and some programs signal a process and then its group. A hang-up that the process
    /// was started to ignore, as nohup does, stays ignored.
    /// </summary>
    private static List<PosixSignalRegistration> Register(CancellationTokenSource cancel)
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT, .. IgnoresHangUp() ? [] : (PosixSignal[])[PosixSignal.SIGHUP], .. OperatingSystem.IsLinux() ? (PosixSignal[])[(PosixSignal)UserSignal] : []];
        PosixSignal? first = null;
        long began = 0;
        return [.. signals.Select(signal => PosixSignalRegistration.Create(signal, Stop))];

        void Stop(PosixSignalContext context)
        {
            lock (cancel)
            {
                bool isRepeated = context.Signal == first && Stopwatch.GetElapsedTime(began) > s_patience;
                if (isRepeated) return;
                context.Cancel = true;
                if (first is not null) return;
                (first, began) = (context.Signal, Stopwatch.GetTimestamp());
            }
            cancel.Cancel();
            if (!Terminal.IsSecond) Terminal.Complain("stopping after the work in hand; the same again ends it at once");
        }
    }

    private static bool IgnoresHangUp()
    {
        const string status = "/proc/self/status", field = "SigIgn:";
        if (!File.Exists(status)) return false;
        string? mask = File.ReadLines(status).FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal))?[field.Length..].Trim();
        return ulong.TryParse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong ignored) && (ignored & (1UL << (HangUp - 1))) != 0;
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands;
using PixelDiT.Tests.Card.Driver;

namespace PixelDiT.Tests.Card;

/// <summary>
/// What runs with an interpreted card does so in a process of its own, because a process decides once which driver it has: this assembly as a program, which puts its functions into the library that the
/// process was started with, and then does what the arguments say.
/// </summary>
internal static class CardProgram
{
    /// <summary>The first argument of such a process.</summary>
    public const string Verb = "card";

    /// <summary>The system's name of the driver.</summary>
    private const string Library = "libcuda.so.1";

    /// <summary>The entry of the process.</summary>
    public static int Run(string[] arguments)
    {
        if (arguments is ["library", var folder])
        {
            WriteLibrary(folder);
            return 0;
        }
        Trace.Listeners.Clear();
        bool older = arguments is ["older", ..];
        if (older) arguments = arguments[1..];
        DriverFunctions.Card = new InterpretedCard(1L << 30, older ? 75 : 90);
        DriverFunctions.Install(NativeLibrary.Load(Library));
        switch (arguments)
        {
            case ["failing", var function, var call, .. var rest]:
                DriverFunctions.Card.Failure = new(function, int.Parse(call, CultureInfo.InvariantCulture), CudaStatus.Unknown);
                return CommandLine.Run(rest);
            case ["program", var order, .. var rest]:
                DriverFunctions.Card.Streams.NewestFirst = order == "newest";
                int code = CommandLine.Run(rest);
                Report();
                return code;
            case ["tests", .. var names]:
                WatchTensors();
                int failed = CardTests.Run(names);
                Report();
                return failed;
            case ["failures", var into]:
                return DriverFailures.Run(into);
            case ["mutations"]:
                return Mutation.RunAll();
            default:
                return 2;
        }
    }

    /// <summary>Tells of blocks of the arena too, so that each tensor has its own bounds; work that is queued is done first, for it may use what is given back.</summary>
    public static void WatchTensors() => Arena.Watch = (address, bytes, taken) =>
    {
        var card = DriverFunctions.Card;
        if (!card.Memory.Contains(address)) return;
        card.Streams.Finish();
        if (taken) card.Memory.Claim(address, bytes);
        else card.Memory.Forget(address, bytes);
    };

    /// <summary>Skips a test where such a process cannot be: the library is written for Linux on x86-64. In the gate that is a failure.</summary>
    public static void Require()
    {
        if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64) return;
        const string reason = "needs Linux on x86-64";
        if (Gate.IsHere) Assert.Fail(reason);
        Assert.Ignore(reason);
    }

    /// <summary>Starts such a process and waits for it.</summary>
    /// <param name="seconds">After which it is ended.</param>
    /// <param name="arguments">What it does.</param>
    public static CardRun Start(int seconds, params string[] arguments)
    {
        string folder = Directory.CreateTempSubdirectory("card").FullName;
        try
        {
            WriteLibrary(folder);
            var start = OwnProgram.StartInfo([Verb, .. arguments]);
            start.Environment["LD_LIBRARY_PATH"] = folder;
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEndAsync();
            bool ended = process.WaitForExit(TimeSpan.FromSeconds(seconds));
            if (!ended) process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return new(ended ? process.ExitCode : null, output.Result, error.Result);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void WriteLibrary(string folder)
    {
        LibraryFile.Write(Path.Combine(folder, Library), Library, DriverFunctions.Names);
        // .NET asks for it without its version first.
        File.CreateSymbolicLink(Path.Combine(folder, "libcuda.so"), Library);
    }

    private static void Report()
    {
        var card = DriverFunctions.Card;
        foreach (var (name, launches) in card.Launches) Console.WriteLine($"card kernel\t{name}\t{launches}");
        Console.Error.WriteLine($"interpreted card: {card.Launches.Values.Sum()} launches of {card.Launches.Count} kernels, {card.Opcodes.Count} opcodes, {card.DefaultStreamUses} uses of the default stream");
    }
}

/// <summary>What such a process did.</summary>
/// <param name="ExitCode">Its exit code; null if it had to be ended.</param>
/// <param name="Output">What it printed.</param>
/// <param name="Error">What it complained of.</param>
internal sealed record CardRun(int? ExitCode, string Output, string Error);

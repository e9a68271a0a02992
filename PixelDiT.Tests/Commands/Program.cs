using System.Diagnostics;
using NUnit.Framework;
using PixelDiT.Reference.Commands;

namespace PixelDiT.Tests.Commands;

/// <summary>What a run of the program gave.</summary>
internal sealed record ProgramResult(int ExitCode, string Output, string Error)
{
    /// <summary>What it printed, if it did what was asked.</summary>
    public string Done()
    {
        Assert.That(ExitCode, Is.Zero, Error);
        return Output;
    }
}

/// <summary>Runs the program as a person would, in a process of its own or in this one.</summary>
internal static class PixelDiTProgram
{
    public static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "pixeldit.dll");

    public static Process Start(string folder, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(Assembly);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        OwnProgram.StartSooner(start);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public static ProgramResult Run(string folder, params string[] arguments) => Run(folder, null, arguments);

    public static ProgramResult Run(string folder, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        using var process = Start(folder, environment, arguments);
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new ProgramResult(process.ExitCode, output, error.Result);
    }

    /// <summary>Runs it in this process: one of its own takes a second to start. Paths that are not whole are those of this process.</summary>
    public static ProgramResult RunHere(params string[] arguments)
    {
        var (output, error) = (Console.Out, Console.Error);
        using StringWriter said = new(), complained = new();
        try
        {
            Console.SetOut(said);
            Console.SetError(complained);
            int code = CommandLine.Run(arguments);
            return new(code, said.ToString(), complained.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }
}

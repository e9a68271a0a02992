using System.CommandLine;
using PixelDiT.Reference.Commands;
using Spectre.Console;

// In a file or a pipe there is no edge to wrap a table at.
if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = 200;

var root = new RootCommand("PixelDiT in C#: train, sample, verify.")
{
    DemoCommand.Create(),
    TrainCommand.Create(),
    DataCommand.Create(),
    SampleCommand.Create(),
    VerifyCommand.Create(),
    BenchCommand.Create(),
    TraceCommand.Create(),
    CompareCommand.Create(),
    InfoCommand.Create(),
    InitCommand.Create(),
    ConvertCommand.Create(),
    DevicesCommand.Create(),
    KernelsCommand.Create()
};
root.Options.Add(Cli.Verbose);
var parsed = root.Parse(args);
return parsed.Errors.Count > 0 && !Cli.AsksForHelp(args) ? Cli.Refuse(parsed) : parsed.Invoke();

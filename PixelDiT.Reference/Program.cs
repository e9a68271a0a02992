using System.CommandLine;
using PixelDiT.Reference.Commands;

var root = new RootCommand("PixelDiT in C#: train, sample, verify.")
{
    DemoCommand.Create(),
    TrainCommand.Create(),
    SampleCommand.Create(),
    VerifyCommand.Create(),
    BenchCommand.Create(),
    InfoCommand.Create(),
    DevicesCommand.Create()
};
root.Options.Add(Cli.Verbose);
return root.Parse(args).Invoke();

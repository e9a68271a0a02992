using System.CommandLine;
using PixelDiT.Reference.Commands;

var root = new RootCommand("PixelDiT in C#: train, sample, verify.")
{
    VerifyCommand.Create(),
    BenchCommand.Create(),
    DevicesCommand.Create()
};
root.Options.Add(Cli.Verbose);
return root.Parse(args).Invoke();

using System.CommandLine;
using PixelDiT.Reference.Commands;
using PixelDiT.Reference.Commands.Display;

Terminal.Open();
var root = new RootCommand("PixelDiT in C#: train, sample, verify.")
{
    DemoCommand.Create(),
    TrainCommand.Create(),
    DataCommand.Create(),
    SampleCommand.Create(),
    EncodeCommand.Create(),
    EditCommand.Create(),
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
root.Options.Add(Verb.Verbose);
return Terminal.Close(CommandLine.Run(root, args));

using System.CommandLine;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit convert</c>: a checkpoint of any kind becomes one safetensors file.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        var input = new Argument<string>("IN") { Description = "A model: safetensors, a PyTorch checkpoint, an index of several files, or a folder with one of these, such as a run's." };
        var output = new Argument<string>("OUT") { Description = "The safetensors file to write." };
        Option<string> type = Cli.StoredType();
        var weights = Cli.Weights();
        var overwrite = OutputFile.Overwrite();
        var command = new Command("convert", "Write a checkpoint's model as safetensors, under its released names and with its config.") { input, output, type, weights, overwrite };
        command.SetRun((parsed, cancel) =>
        {
            string path = parsed.GetRequiredValue(output);
            var stored = Cli.Stored(parsed.GetRequiredValue(type));
            using var file = StoredModel.Open(parsed.GetRequiredValue(input), parsed.GetValue(weights));
            OutputFile.Require(path, parsed.GetValue(overwrite), file.Files);
            WeightsReport.SayTaken(file);
            file.WriteTo(path, stored, cancel);
            Cli.SayWritten(file.Info.Config, stored, path);
            WeightsReport.SayNotFinite(file);
            WeightsReport.SayOverflowed(file, stored);
            return 0;
        });
        return command;
    }
}

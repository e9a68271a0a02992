using System.CommandLine;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit convert</c>: a checkpoint of any kind becomes one safetensors file.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        var input = new Argument<string>("IN") { Description = "A safetensors file or a PyTorch checkpoint." };
        var output = new Argument<string>("OUT") { Description = "The safetensors file to write." };
        Option<string> type = Cli.StoredType();
        var weights = Cli.Weights();
        var overwrite = OutputFile.Overwrite();
        var command = new Command("convert", "Write a checkpoint's model as safetensors, under its released names and with its config.") { input, output, type, weights, overwrite };
        command.SetRun((parsed, cancel) =>
        {
            string path = parsed.GetRequiredValue(output);
            OutputFile.Require(path, parsed.GetValue(overwrite), parsed.GetRequiredValue(input));
            var stored = Cli.Stored(parsed.GetRequiredValue(type));
            using var file = StoredModel.Open(parsed.GetRequiredValue(input), parsed.GetValue(weights));
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

using System.CommandLine;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit convert</c>: a checkpoint of any kind becomes one safetensors file.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        var input = new Argument<string>("IN") { Description = "A safetensors file or a PyTorch checkpoint." };
        var output = new Argument<string>("OUT") { Description = "The safetensors file to write." };
        Option<string> type = Cli.Option("--dtype", "How to store numbers: f32, bf16 or f16.", "f32");
        type.AcceptOnlyFromAmong("f32", "bf16", "f16");
        var weights = Cli.Weights();
        var command = new Command("convert", "Write a checkpoint's model as safetensors, under its released names and with its config.") { input, output, type, weights };
        command.SetRun((parsed, _) =>
        {
            string path = parsed.GetRequiredValue(output);
            var stored = Enum.Parse<DataType>(parsed.GetRequiredValue(type), ignoreCase: true);
            using var file = WeightFile.Open(parsed.GetRequiredValue(input));
            var info = Checkpoint.Convert(file, path, stored, parsed.GetValue(weights));
            Console.WriteLine($"wrote {ModelCost.Tensors(info.Config)} tensors, {ModelCost.Parameters(info.Config):N0} parameters in {stored.FormatName}, to {path}");
            return 0;
        });
        return command;
    }
}

using System.CommandLine;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Training;
using Spectre.Console;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit info</c>: what is in a file?</summary>
internal static class InfoCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("FILE") { Description = "A safetensors file." };
        Option<bool> tensors = new("--tensors") { Description = "List every tensor." };
        var command = new Command("info", "Tell what a model file holds.") { path, tensors };
        command.SetRun((parsed, _) =>
        {
            using var file = SafetensorsReader.Open(parsed.GetRequiredValue(path));
            var types = file.Tensors.GroupBy(tensor => tensor.Type).Select(group => $"{group.Key.FormatName} × {group.Count()}");
            Console.WriteLine($"{file.Source}: safetensors, {file.Tensors.Count} tensors ({string.Join(", ", types)}), {file.Tensors.Sum(tensor => tensor.Count):N0} numbers, {file.Tensors.Sum(tensor => tensor.Bytes):N0} bytes");
            if (file.Metadata.ContainsKey("config")) Describe(Checkpoint.ReadInfo(file), file);
            else Console.WriteLine("no model config in its metadata");
            if (parsed.GetValue(tensors)) List(file);
            return 0;
        });
        return command;
    }

    private static void Describe(ModelInfo info, SafetensorsReader file)
    {
        var config = info.Config;
        Console.WriteLine($"class-conditional PixelDiT: D {config.Hidden}, heads {config.Heads}, patch {config.Patch}, N {config.PatchDepth}, M {config.PixelDepth}, d {config.PixelHidden}, {config.Channels} channels, {config.Classes} classes{(config.PostModulation ? ", post-modulation" : "")}");
        long expected = ModelCost.Parameters(config);
        Console.WriteLine($"{expected:N0} parameters in {ModelCost.Tensors(config)} tensors by its config");
        if (info.Step > 0) Console.WriteLine($"trained for {info.Step:N0} steps{(info.Resolution > 0 ? $" at {info.Resolution}×{info.Resolution}" : "")}");
        if (info.ClassNames.Count > 0) Console.WriteLine($"classes: {string.Join(", ", info.ClassNames)}");
        if (file.Contains("param.final_layer.linear.bias")) Console.WriteLine("training state: weights, both moments and the averaged weights");
        else if (file.Tensors.Sum(tensor => tensor.Count) != expected) Console.WriteLine("the tensors are not those of its config");
    }

    private static void List(SafetensorsReader file)
    {
        var table = new Table().AddColumns("tensor", "type", "shape");
        foreach (var tensor in file.Tensors) table.AddRow(Markup.Escape(tensor.Name), tensor.Type.FormatName, Markup.Escape($"[{string.Join(", ", tensor.Shape)}]"));
        AnsiConsole.Write(table);
    }
}

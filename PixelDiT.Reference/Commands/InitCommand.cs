using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit init</c>: a model that has not been trained, for a port to begin with or to be compared with.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        Option<string> output = new("--out") { Description = "The safetensors file to write (required).", HelpName = "FILE" };
        var model = new ModelOptions("tiny");
        Option<int> classes = new("--classes") { Description = "Classes. [default: the preset's]", HelpName = "N" };
        var seed = new SeedOption("The seed of the weights.");
        Option<bool> nonzero = new("--nonzero") { Description = "Draw also what training begins at zero or one: a model in which every part has an effect, for comparisons." };
        Option<string> type = Cli.StoredType();
        Option<string?> config = new("--config") { Description = "A JSON file with option values; the command line wins.", HelpName = "FILE" };
        var overwrite = OutputFile.Overwrite();
        var command = new Command("init", "Write a model with the weights that training begins with.") { output };
        model.AddTo(command);
        foreach (Option option in new Option[] { classes, seed, nonzero, type, overwrite, config }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            var settings = new Settings(parsed, command, config);
            string path = settings.IsGiven(output) ? settings.Get(output) : throw new ConfigurationException("--out is missing; the file to write was expected");
            seed.Announce();
            OutputFile.Require(path, settings.Get(overwrite));
            var sizes = model.Build(settings, settings.IsGiven(classes) ? settings.Get(classes) : null);
            var stored = Cli.Stored(settings.Get(type));
            StoredModel.WriteNew(path, sizes, settings.Get(seed), settings.Get(nonzero), stored, cancel);
            Cli.SayWritten(sizes, stored, path);
            return 0;
        });
        return command;
    }
}

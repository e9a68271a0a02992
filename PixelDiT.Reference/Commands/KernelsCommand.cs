using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Catalog;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Reference.Benchmarking.Predicting;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit kernels</c>: the kernels, and their PTX.</summary>
internal static class KernelsCommand
{
    public static Command Create()
    {
        var folder = new Option<string>("--ptx") { Description = "Write the PTX of each kernel into this folder, one file each. Needs no card.", HelpName = "DIR" };
        var architecture = new ChoiceOption("--arch", "The architecture to compile for.", PtxCompiler.Architectures, "sm_90");
        var precision = new ChoiceOption("--precision", "Only the matrix products of a precision.", PrecisionNames.All);
        var waves = new ChoiceOption("--waves", "Instead: how the products of a training step of a preset in bf16 fall on an H200, and what arithmetic says they take. Needs no card.", Presets.Names);
        var batch = new Option<int>("--batch") { Description = "Images of the step, with --waves.", HelpName = "N", DefaultValueFactory = _ => 32 };
        var resolution = new Option<int>("--resolution") { Description = "The side of the images, with --waves.", HelpName = "PIXELS", DefaultValueFactory = _ => 256 };
        var overwrite = OutputFile.Overwrite();
        var command = new Command("kernels", "List the kernels, and write the PTX that a card would get.") { folder, architecture, precision, overwrite, waves, batch, resolution };
        command.SetRun((parsed, cancel) =>
        {
            if (parsed.GetValue(waves) is { } preset)
            {
                ShowWaves(preset, parsed.GetValue(batch), parsed.GetValue(resolution));
                return 0;
            }
            var kernels = KernelCatalog.For(parsed.GetRequiredValue(architecture)).Where(kernel => parsed.GetValue(precision) is not { } only || kernel.Precision == PrecisionNames.Parse(only)).ToList();
            if (parsed.GetValue(folder) is not { } target)
            {
                List(kernels);
                return 0;
            }
            foreach (var kernel in kernels) OutputFile.Require(PathOf(target, kernel), parsed.GetValue(overwrite));
            List(kernels);
            Write(kernels, target, parsed.GetRequiredValue(architecture), cancel);
            return 0;
        });
        return command;
    }

    private static void List(IReadOnlyList<KernelDescriptor> kernels)
    {
        foreach (var kernel in kernels) Terminal.WriteLine($"{kernel.FileName}: {kernel.Name}");
    }

    private static void ShowWaves(string preset, int batch, int resolution)
    {
        int patch = Presets.Get(preset).Patch;
        if (batch is < 1 or > 1 << 16) throw new ConfigurationException($"--batch is {batch}; 1 to {1 << 16} was expected");
        if (resolution < patch || resolution > 1 << 14 || resolution % patch != 0) throw new ConfigurationException($"--resolution is {resolution}; {preset} takes multiples of {patch}, up to {1 << 14}");
        var table = new WaveTable(preset, batch, resolution, CardModel.H200);
        Terminal.WriteLine("| products | M × N × K | tile | slices | tiles | of the card | µs | TFLOP/s |");
        Terminal.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (string line in table.Lines) Terminal.WriteLine(line);
        Terminal.WriteLine("");
        Terminal.WriteLine("| a training step | TFLOP | of the card before | now | ms | TFLOP/s | of cuBLAS |");
        Terminal.WriteLine("|---|---|---|---|---|---|---|");
        Terminal.WriteLine(table.Total);
    }

    private static string PathOf(string folder, KernelDescriptor kernel) => Path.Combine(folder, $"{kernel.FileName}.ptx");

    private static void Write(IReadOnlyList<KernelDescriptor> kernels, string folder, string architecture, CancellationToken cancel)
    {
        AtomicFile.MakeWritableFolder(folder);
        using var compiler = new PtxCompiler(architecture);
        foreach (var kernel in kernels)
        {
            cancel.ThrowIfCancellationRequested();
            AtomicFile.WriteText(PathOf(folder, kernel), compiler.Compile(kernel.Kernel));
        }
        Terminal.WriteLine($"wrote the PTX of {kernels.Count} kernels for {architecture} to {folder}");
    }
}

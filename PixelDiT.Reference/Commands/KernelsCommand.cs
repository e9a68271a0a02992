using System.CommandLine;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Catalog;
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
        var overwrite = OutputFile.Overwrite();
        var command = new Command("kernels", "List the kernels, and write the PTX that a card would get.") { folder, architecture, precision, overwrite };
        command.SetRun((parsed, cancel) =>
        {
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

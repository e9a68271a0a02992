using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit kernels</c>: the kernels, and their PTX.</summary>
internal static class KernelsCommand
{
    public static Command Create()
    {
        var folder = new Option<string>("--ptx") { Description = "Write the PTX of each kernel into this folder, one file each. Needs no card.", HelpName = "DIR" };
        var architecture = Cli.Option("--arch", "The architecture to compile for.", "sm_90");
        architecture.AcceptOnlyFromAmong([.. PtxCompiler.Architectures]);
        var precision = new Option<string>("--precision") { Description = "Only the matrix products of a precision: fp32, tf32 or bf16." };
        precision.AcceptOnlyFromAmong("fp32", "tf32", "bf16");
        var command = new Command("kernels", "List the kernels, and write the PTX that a card would get.") { folder, architecture, precision };
        command.SetRun((parsed, cancel) =>
        {
            var kernels = KernelCatalog.For(parsed.GetRequiredValue(architecture)).Where(kernel => parsed.GetValue(precision) is not { } only || kernel.Precision == Named(only)).ToList();
            foreach (var kernel in kernels) Terminal.WriteLine($"{kernel.FileName}: {kernel.Name}");
            if (parsed.GetValue(folder) is not { } target) return 0;
            Write(kernels, target, parsed.GetRequiredValue(architecture), cancel);
            return 0;
        });
        return command;
    }

    private static void Write(IReadOnlyList<KernelDescriptor> kernels, string folder, string architecture, CancellationToken cancel)
    {
        AtomicFile.MakeWritableFolder(folder);
        using var compiler = new PtxCompiler(architecture);
        foreach (var kernel in kernels)
        {
            cancel.ThrowIfCancellationRequested();
            AtomicFile.WriteText(Path.Combine(folder, $"{kernel.FileName}.ptx"), compiler.Compile(kernel));
        }
        Terminal.WriteLine($"wrote the PTX of {kernels.Count} kernels for {architecture} to {folder}");
    }

    private static Precision Named(string name) => name switch { "tf32" => Precision.TensorFloat32, "bf16" => Precision.BFloat16, _ => Precision.Single };
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Catalog;

namespace PixelDiT.Tests.Operations.Catalog;

/// <summary>What NVIDIA's assembler says of a kernel.</summary>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="Stack">Bytes of its stack and of what it spills.</param>
/// <param name="Multiplications">Tensor-core instructions of the machine code, or, where no disassembler lies beside the assembler, of the PTX.</param>
/// <param name="Fault">The assembler's complaint, or null.</param>
/// <param name="Loop">The innermost loop that multiplies; null where there is none, or no disassembler.</param>
internal sealed record AssembledKernel(int Registers, int Stack, int Multiplications, string? Fault, MachineLoop? Loop = null);

/// <summary>Every kernel's PTX and what ptxas makes of it, once for an architecture however many fixtures ask.</summary>
internal static partial class PtxAssembler
{
    private static readonly ConcurrentDictionary<string, Lazy<(IReadOnlyDictionary<string, string> Kernels, IReadOnlyList<string> Failures)>> s_compiled = new();
    private static readonly ConcurrentDictionary<string, Lazy<IReadOnlyDictionary<string, AssembledKernel>>> s_assembled = new();

    /// <summary>The PTX of every kernel by its name, and what did not compile.</summary>
    public static (IReadOnlyDictionary<string, string> Kernels, IReadOnlyList<string> Failures) Compile(string architecture)
        => s_compiled.GetOrAdd(architecture, name => new(() => CompileAll(name))).Value;

    /// <summary>Every kernel assembled; the test is ignored where there is no ptxas.</summary>
    public static IReadOnlyDictionary<string, AssembledKernel> Assemble(string architecture)
    {
        string ptxas = Find();
        return s_assembled.GetOrAdd(architecture, name => new(() => AssembleAll(ptxas, name))).Value;
    }

    private static (IReadOnlyDictionary<string, string>, IReadOnlyList<string>) CompileAll(string architecture)
    {
        var kernels = new Dictionary<string, string>();
        var failures = new List<string>();
        using var compiler = new PtxCompiler(architecture);
        foreach (var kernel in KernelCatalog.For(architecture))
        {
            try
            {
                kernels.Add(kernel.Name, compiler.Compile(kernel.Kernel));
            }
            catch (DeviceException error)
            {
                failures.Add(error.Message);
            }
        }
        return (kernels, failures);
    }

    private static ConcurrentDictionary<string, AssembledKernel> AssembleAll(string ptxas, string architecture)
    {
        var assembled = new ConcurrentDictionary<string, AssembledKernel>();
        Parallel.ForEach(Compile(architecture).Kernels, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            pair => assembled[pair.Key] = Assemble(ptxas, architecture, pair.Value));
        return assembled;
    }

    private static AssembledKernel Assemble(string ptxas, string architecture, string ptx)
    {
        string file = Path.GetTempFileName(), cubin = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, ptx);
            string output = Run(ptxas, $"-arch={Target().Match(ptx).Groups[1].Value}", "-v", "-O3", "-o", cubin, file);
            var used = Used().Match(output);
            var registers = Registers().Match(output);
            if (!used.Success || !registers.Success) return new(0, 0, 0, output);
            int stack = Enumerable.Range(1, 3).Sum(i => int.Parse(used.Groups[i].Value));
            string machineCode = Multiplication().IsMatch(ptx) ? Disassemble(ptxas, cubin) : "";
            return new(int.Parse(registers.Groups[1].Value), stack, machineCode.Length > 0 ? MachineMultiplication().Count(machineCode) : Multiplication().Count(ptx), null, MachineLoop.Find(machineCode));
        }
        finally
        {
            File.Delete(file);
            File.Delete(cubin);
        }
    }

    /// <summary>The machine code, or nothing where no disassembler lies beside the assembler.</summary>
    private static string Disassemble(string ptxas, string cubin)
    {
        string disassembler = Path.Combine(Path.GetDirectoryName(ptxas) ?? "", OperatingSystem.IsWindows() ? "cuobjdump.exe" : "cuobjdump");
        return File.Exists(disassembler) ? Run(disassembler, "-sass", cubin) : "";
    }

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit();
        return output;
    }

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("PIXELDIT_PTXAS") is { Length: > 0 } named) return named;
        string program = OperatingSystem.IsWindows() ? "ptxas.exe" : "ptxas";
        string? found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        if (found is null) Assert.Ignore("needs ptxas on the PATH, or its name in PIXELDIT_PTXAS");
        return found!;
    }

    [GeneratedRegex(@"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")]
    private static partial Regex Used();

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Registers();

    [GeneratedRegex(@"\.target (\w+)")]
    private static partial Regex Target();

    [GeneratedRegex(@"\bHG?MMA\.")]
    private static partial Regex MachineMultiplication();

    [GeneratedRegex(@"\b(mma\.sync|wgmma\.mma_async)\b")]
    private static partial Regex Multiplication();
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;

namespace PixelDiT.Tests.Devices;

/// <summary>Every kernel compiles to PTX, and that PTX assembles without spills, on machines without a card.</summary>
[TestFixture("sm_80"), TestFixture("sm_90")]
internal sealed partial class KernelCatalogTests(string architecture)
{
    private readonly Dictionary<string, string> assemblies = [];
    private readonly List<string> failures = [];

    [OneTimeSetUp]
    public void Compile()
    {
        var target = architecture == "sm_80" ? CudaArchitecture.SM_80 : CudaArchitecture.SM_90;
        using var context = KernelLoader.CreateContext(_ => { });
        using var backend = new PTXBackend(context, new CudaCapabilityContext(target), target, CudaInstructionSet.ISA_84, null!);
        foreach (var (name, kernel) in KernelCatalog.All)
        {
            try
            {
                assemblies.Add(name, ((PTXCompiledKernel)KernelLoader.Compile(backend, kernel)).PTXAssembly);
            }
            catch (InternalCompilerException error)
            {
                failures.Add($"{name}: {error.InnerException?.Message ?? error.Message}");
            }
        }
    }

    [Test]
    public void Every_kernel_compiles()
    {
        TestContext.Out.WriteLine($"{assemblies.Count} kernels");
        Assert.That(failures, Is.Empty);
        Assert.That(assemblies, Is.Not.Empty);
    }

    [Test]
    public void No_branch_claims_to_be_uniform() => Assert.That(assemblies.Where(pair => pair.Value.Contains(".uni", StringComparison.Ordinal)).Select(pair => pair.Key), Is.Empty);

    /// <summary>The loader calls every access global that names no space: no kernel may take the address of anything else.</summary>
    [Test]
    public void Every_access_names_its_space_and_none_is_on_a_stack() => Assert.That(
        assemblies.Where(pair => Spaceless().IsMatch(pair.Value) || pair.Value.Contains(".local", StringComparison.Ordinal) || pair.Value.Contains("cvta", StringComparison.Ordinal)).Select(pair => pair.Key), Is.Empty);

    [Test]
    public void Every_kernel_assembles_without_stack_and_spills()
    {
        string ptxas = FindPtxas();
        var faults = new ConcurrentBag<string>();
        Parallel.ForEach(assemblies, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, pair =>
        {
            string output = Assemble(ptxas, pair.Value);
            var used = Used().Matches(output);
            if (used.Count == 0) faults.Add($"{pair.Key}: {output}");
            foreach (Match match in used)
            {
                if (Enumerable.Range(1, 3).Any(i => match.Groups[i].Value != "0")) faults.Add($"{pair.Key}: {match.Value}");
            }
        });
        Assert.That(faults.Order(), Is.Empty);
    }

    [GeneratedRegex(@"\b(ld|st|atom|red)\.(v[24]\.)?[bfsu]\d")]
    private static partial Regex Spaceless();

    [GeneratedRegex(@"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")]
    private static partial Regex Used();

    private string Assemble(string ptxas, string assembly)
    {
        string file = Path.GetTempFileName();
        try
        {
            // ILGPU names sm_80 at most, whatever it compiles for.
            File.WriteAllText(file, TargetLine().Replace(assembly, $".target {architecture}"));
            using var process = Process.Start(new ProcessStartInfo(ptxas, [$"-arch={architecture}", "-v", "-O3", "-o", OperatingSystem.IsWindows() ? "NUL" : "/dev/null", file])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true
            })!;
            var error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + error.Result;
            process.WaitForExit();
            return output;
        }
        finally
        {
            File.Delete(file);
        }
    }

    [GeneratedRegex(@"\.target sm_\d+\w*")]
    private static partial Regex TargetLine();

    private static string FindPtxas()
    {
        if (Environment.GetEnvironmentVariable("PIXELDIT_PTXAS") is { Length: > 0 } named) return named;
        string program = OperatingSystem.IsWindows() ? "ptxas.exe" : "ptxas";
        string? found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        if (found is null) Assert.Ignore("needs ptxas on the PATH, or its name in PIXELDIT_PTXAS");
        return found!;
    }
}

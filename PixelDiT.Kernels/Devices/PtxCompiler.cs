using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace PixelDiT.Kernels.Devices;

/// <summary>Compiles kernels to PTX for an architecture, without a card or its driver.</summary>
public sealed partial class PtxCompiler : IDisposable
{
    private readonly string _architecture;
    private readonly Context _context;
    private readonly PTXBackend _backend;

    /// <param name="architecture">One of <see cref="Architectures"/>.</param>
    /// <exception cref="DeviceException">It is none of them.</exception>
    public PtxCompiler(string architecture)
    {
        if (!Architectures.Contains(architecture)) throw new DeviceException($"architecture '{architecture}' is unknown; known are {string.Join(", ", Architectures)}");
        _architecture = architecture;
        var target = architecture == "sm_80" ? CudaArchitecture.SM_80 : CudaArchitecture.SM_90;
        _context = KernelLoader.CreateContext(_ => { });
        _backend = new PTXBackend(_context, new CudaCapabilityContext(target), target, CudaInstructionSet.ISA_84, null!);
    }

    /// <summary>The architectures that every kernel is compiled for: A100, and H100 or H200.</summary>
    public static IReadOnlyList<string> Architectures { get; } = ["sm_80", "sm_90"];

    /// <summary>A kernel's PTX, repaired as the loader repairs it before a card gets it.</summary>
    /// <exception cref="DeviceException">ILGPU does not compile the kernel; no other kernel can be compiled after it.</exception>
    public string Compile(Type kernel)
    {
        try
        {
            var compiled = (PTXCompiledKernel)KernelLoader.Compile(_backend, kernel);
            // ILGPU names sm_80 at most, whatever it compiles for; sm_90a is the loader's word and stays.
            return TargetLine().Replace(compiled.PTXAssembly, $".target {_architecture}");
        }
        catch (InternalCompilerException error)
        {
            throw new DeviceException($"{KernelName.Of(kernel)}: {error.InnerException?.Message ?? error.Message}", error);
        }
    }

    [GeneratedRegex(@"\.target sm_\d+\b")]
    private static partial Regex TargetLine();

    /// <summary>Frees the compiler.</summary>
    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}

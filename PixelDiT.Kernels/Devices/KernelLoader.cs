using System.Diagnostics;
using System.Numerics;
using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Machine.Lanes;

namespace PixelDiT.Kernels.Devices;

/// <summary>
/// Compiles kernels and repairs their PTX. ILGPU 1.5.3 at O2 marks divergent branches <c>.uni</c>, which is wrong code; with the mark removed
/// ptxas also unrolls and keeps accumulators in registers. Addresses that arrive as numbers are used as generic ones, although all of a kernel's arguments lie in
/// global memory; accesses that name no space are given that one. ILGPU's names carry numbers that it counts through a process; they are counted anew in each text, and moves that may stand in any order are sorted, so that a kernel's PTX is its own, whichever
/// command compiles it and after whichever other kernels, and a driver finds what it assembled before.
/// </summary>
internal sealed partial class KernelLoader(Accelerator accelerator)
{
    private static readonly FieldInfo s_assembly = typeof(PTXCompiledKernel).GetField("<PTXAssembly>k__BackingField", BindingFlags.NonPublic | BindingFlags.Instance)
        ?? throw new DeviceException("this build of ILGPU does not let its PTX be repaired; version 1.5.3 is needed");

    private readonly Dictionary<Type, Delegate> _launchers = [];
    private readonly Dictionary<Type, DynamicSharedKernel> _dynamicSharedKernels = [];

    /// <summary>The settings every context of this project is made with.</summary>
    public static Context CreateContext(Action<Context.Builder> devices)
    {
        var context = Context.Create(builder =>
        {
            builder.EnableAlgorithms().Optimize(OptimizationLevel.O2);
            devices(builder);
        });
        Intrinsics.Register(context);
        return context;
    }

    /// <summary>The entry of a kernel type as ILGPU compiles it.</summary>
    public static EntryPointDescription Describe(Type kernel) => EntryPointDescription.FromExplicitlyGroupedKernel(
        typeof(KernelEntry).GetMethod(typeof(IRowKernel).IsAssignableFrom(kernel) ? nameof(KernelEntry.Shared) : nameof(KernelEntry.Grouped))!.MakeGenericMethod(kernel));

    /// <summary>Compiles a kernel for a backend; PTX is repaired.</summary>
    public static CompiledKernel Compile(ILGPU.Backends.Backend backend, Type kernel)
    {
        int groups = typeof(ILaunchBounds).IsAssignableFrom(kernel) ? (int)kernel.GetProperty(nameof(ILaunchBounds.MinGroupsPerMultiprocessor))!.GetValue(null)! : 1;
        int threads = typeof(IPersistentKernel).IsAssignableFrom(kernel) ? (int)kernel.GetProperty(nameof(IPersistentKernel.GroupThreads))!.GetValue(null)! : Elements.MaxLanes;
        var compiled = backend.Compile(Describe(kernel), new KernelSpecialization(threads, groups));
        if (compiled is PTXCompiledKernel ptx) s_assembly.SetValue(ptx, Repair(ptx.PTXAssembly, KernelName.Of(kernel)));
        return compiled;
    }

    /// <summary>
    /// Names the kernel, numbers names anew, removes the claim that branches are uniform, and says that accesses without a space are global. Declares the shared memory that a launch is asked for, which PTX wants outside of
    /// kernels; names sm_90a, which ILGPU does not know, where a kernel has its instructions; and says where the tensor maps of a kernel lie.
    /// </summary>
    internal static string Repair(string ptx, string name)
    {
        var numbers = new Dictionary<string, int>();
        ptx = NumberedName().Replace(ptx, match => match.Groups[1].Value + (numbers.TryGetValue(match.Groups[2].Value, out int known) ? known : numbers[match.Groups[2].Value] = numbers.Count));
        ptx = $"// Kernel: {name}\n{Moves().Replace(ptx, SortMoves)}";
        ptx = GenericAccess().Replace(ptx.Replace("bra.uni", "bra", StringComparison.Ordinal), "$1.global.");
        if (ptx.Contains("dynamic_shared_memory", StringComparison.Ordinal)) ptx = AddressSize().Replace(ptx, "$0\n\n.extern .shared .align 1024 .b8 dynamic_shared_memory[];", 1);
        if (ptx.Contains(TensorMap.Parameter, StringComparison.Ordinal))
        {
            // Tensor maps lie at the beginning of the kernel's struct, and a card wants them at multiples of 64 bytes.
            var parameter = StructParameter().Match(ptx);
            ptx = StructParameter().Replace(ptx, ".param .align 64 .b8 $1", 1).Replace(TensorMap.Parameter, parameter.Groups[1].Value, StringComparison.Ordinal);
        }
        if (!ptx.Contains("wgmma.", StringComparison.Ordinal)) return ptx;
        // Warp groups came with version 8.0 of PTX; ILGPU may write an older one.
        return Target().Replace(Version().Replace(ptx, match => int.Parse(match.Groups[1].Value) < 8 ? ".version 8.0" : match.Value, 1), ".target sm_90a", 1);
    }

    /// <summary>What becomes of values at the end of a block, ILGPU writes in an order that differs from compilation to compilation. Where no move reads what another writes, any order does: that of the text.</summary>
    private static string SortMoves(Match moves)
    {
        string[] lines = moves.Value.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[][] registers = Array.ConvertAll(lines, line => line[(line.IndexOf('%', StringComparison.Ordinal))..].TrimEnd(';').Split(", "));
        var written = registers.Select(pair => pair[0]).ToHashSet();
        if (written.Count < lines.Length || registers.Any(pair => written.Contains(pair[1]))) return moves.Value;
        Array.Sort(lines, StringComparer.Ordinal);
        return string.Join('\n', lines) + "\n";
    }

    [GeneratedRegex(@"(?:\tmov\.[a-z]\w+\t%\w+, %\w+;\n){2,}")]
    private static partial Regex Moves();

    /// <summary>A name of ILGPU's with its number: of a parameter, a function or a label. An architecture is none.</summary>
    [GeneratedRegex(@"(?<![\w.%$])((?!sm_)[A-Za-z_]\w*?_)(\d+)\b")]
    private static partial Regex NumberedName();

    [GeneratedRegex(@"\.version (\d+)\.\d+")]
    private static partial Regex Version();

    [GeneratedRegex(@"\.address_size 64")]
    private static partial Regex AddressSize();

    [GeneratedRegex(@"\.param \.align 8 \.b8 (\w+)(?=\[)")]
    private static partial Regex StructParameter();

    [GeneratedRegex(@"\.target \w+")]
    private static partial Regex Target();

    [GeneratedRegex(@"\b(ld|st)\.(?=(v[24]\.)?[bfsu](8|16|32|64)\b)")]
    private static partial Regex GenericAccess();

    /// <summary>Queues a kernel.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="stream">Where it is queued.</param>
    /// <param name="shape">Groups, threads of each, and an item's lanes.</param>
    /// <param name="items">The number of items.</param>
    public void Launch<TKernel>(TKernel kernel, AcceleratorStream stream, LaunchShape shape, int items) where TKernel : struct, IKernel
    {
        var config = new KernelConfig(shape.Groups, shape.Threads);
        if (kernel is IRowKernel) Get<TKernel, Action<AcceleratorStream, KernelConfig, TKernel, int, int>>()(stream, config, kernel, items, BitOperations.Log2((uint)shape.Lanes));
        else Get<TKernel, Action<AcceleratorStream, KernelConfig, TKernel>>()(stream, config, kernel);
    }

    /// <summary>The launcher of a kernel on this accelerator, compiled at first use.</summary>
    private TLauncher Get<TKernel, TLauncher>() where TKernel : struct, IKernel where TLauncher : Delegate
    {
        if (_launchers.TryGetValue(typeof(TKernel), out var known)) return (TLauncher)known;
        var launcher = Load<TKernel>().CreateLauncherDelegate<TLauncher>();
        _launchers[typeof(TKernel)] = launcher;
        return launcher;
    }

    /// <summary>A kernel that wants dynamic shared memory, which ILGPU does not launch with; on a card only.</summary>
    public DynamicSharedKernel GetDynamicShared<TKernel>() where TKernel : struct, IKernel
    {
        if (_dynamicSharedKernels.TryGetValue(typeof(TKernel), out var known)) return known;
        return _dynamicSharedKernels[typeof(TKernel)] = new DynamicSharedKernel((CudaKernel)Load<TKernel>(), KernelName.Of(typeof(TKernel)), (int)typeof(TKernel).GetProperty(nameof(IDynamicSharedKernel.SharedBytes))!.GetValue(null)!);
    }

    /// <exception cref="DeviceException">ILGPU does not compile the kernel, or the driver does not take it; the message has the driver's log.</exception>
    private Kernel Load<TKernel>()
    {
        // ILGPU hands the driver's log to whoever listens.
        var log = new DriverLog();
        Trace.Listeners.Add(log);
        try
        {
            return accelerator.LoadKernel(Compile(accelerator.GetBackend(), typeof(TKernel)));
        }
        catch (Exception error) when (error is AcceleratorException or InternalCompilerException)
        {
            string reason = error is AcceleratorException refused ? $"the CUDA driver did not load it: {CudaDriver.Describe(refused)}" : error.InnerException?.Message ?? error.Message;
            throw new DeviceException($"{KernelName.Of(typeof(TKernel))}: {reason}{log.Text}", error);
        }
        finally
        {
            Trace.Listeners.Remove(log);
        }
    }

    private sealed class DriverLog : TraceListener
    {
        private readonly List<string> _lines = [];

        /// <summary>What was said, in one line that follows a reason.</summary>
        public string Text => _lines.Count > 0 ? $"; {string.Join(' ', _lines)}" : "";

        public override void Write(string? message) => WriteLine(message);

        // The log is a buffer with zeros behind it.
        public override void WriteLine(string? message) => _lines.AddRange((message ?? "").Split('\0')[0].Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
    }
}

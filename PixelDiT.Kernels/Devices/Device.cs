using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using PixelDiT.Kernels.Machine.Cpu;
using PixelDiT.Kernels.Machine.Emulation;
using PixelDiT.Kernels.Machine.Gpu;

namespace PixelDiT.Kernels.Devices;

/// <summary>What runs the kernels.</summary>
public enum DeviceKind
{
    /// <summary>This project's threads call kernels directly.</summary>
    Cpu,

    /// <summary>ILGPU's CPU accelerator: slower, and the proof that ILGPU accepts and enters the very kernels that the CPU runs. Intrinsics run their CPU bodies here too.</summary>
    IlgpuCpu,

    /// <summary>An NVIDIA card through ILGPU's PTX.</summary>
    Cuda
}

/// <summary>Whether a device's products use warp-group instructions.</summary>
internal enum WarpGroupUse
{
    /// <summary>There are none, they were not asked for, or they computed something else.</summary>
    Refused,

    /// <summary>Before the first product that could use them.</summary>
    Unchecked,

    /// <summary>They compute what other instructions do.</summary>
    Trusted
}

/// <summary>
/// A device: its memory, and the one way to launch a kernel. Driven by one thread at a time. Dispose frees all of its memory.
/// </summary>
public sealed unsafe class Device : IDisposable
{
    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly KernelLoader _loader;
    private readonly WorkerPool? _pool;
    private readonly AcceleratorStream _stream;
    private Type? _last;

    private Device(DeviceKind kind, Context context, Accelerator accelerator, int threads, int groupSize, bool isDry = false)
    {
        (Kind, _context, _accelerator, GroupSize, IsDry) = (kind, context, accelerator, groupSize, isDry);
        _loader = new KernelLoader(accelerator);
        Arena = new Arena(accelerator, isLimited: !isDry);
        Streams = accelerator is CudaAccelerator card ? new CudaStreams(card) : null;
        _stream = Streams?.Compute ?? accelerator.DefaultStream;
        Threads = threads;
        if (kind == DeviceKind.Cpu) _pool = new WorkerPool(threads);
    }

    /// <summary>The names that <see cref="Open"/> takes.</summary>
    public static IReadOnlyList<string> Names { get; } = ["auto", "cuda", "cuda-wgmma", "cuda-mma", "cpu", "ilgpu-cpu"];

    /// <summary>What runs the kernels.</summary>
    public DeviceKind Kind { get; }

    /// <summary>Whether it counts memory only, and computes nothing.</summary>
    internal bool IsDry { get; }

    /// <summary>Threads that compute; 1 for a GPU.</summary>
    public int Threads { get; }

    /// <summary>Work items of every group, or 0 where a launch chooses.</summary>
    internal int GroupSize { get; }

    /// <summary>Whether kernels may use asynchronous copies and tensor cores: a card from sm_80 on, or ILGPU's CPU accelerator in groups as large as such kernels need.</summary>
    internal bool RunsTiles => _accelerator is CudaAccelerator card ? card.Architecture >= CudaArchitecture.SM_80 : GroupSize == MmaTile.Threads;

    /// <summary>
    /// Whether products use warp groups: a card of sm_90, whose instructions no other architecture has, unless it was opened without; or ILGPU's CPU accelerator
    /// where a test says so.
    /// </summary>
    internal WarpGroupUse WarpGroups { get; set; }

    /// <summary>Why warp groups are not trusted, where they were asked for; else null.</summary>
    internal string? WarpGroupReason { get; set; }

    /// <summary>The same for products whose tiles the copy engine brings; they are looked at with warp groups.</summary>
    internal WarpGroupUse TensorMaps { get; set; }

    /// <summary>Why those are not trusted, where they were asked for; else null.</summary>
    internal string? TensorMapReason { get; set; }

    /// <summary>Multiprocessors of a card; 1 elsewhere.</summary>
    internal int Multiprocessors => _accelerator is CudaAccelerator card ? card.NumMultiprocessors : 1;

    /// <summary>The device's memory.</summary>
    public Arena Arena { get; }

    /// <summary>Bytes of the device's memory that nobody has taken, this program or another; on a CPU those of the machine or of the container, as .NET knows them.</summary>
    public long FreeMemory => MemoryState.Of(_accelerator).Free;

    /// <summary>Kernels launched so far.</summary>
    public long Launches { get; private set; }

    /// <summary>How often the host has waited for all queued work, or on a card would have: <see cref="Synchronize"/>, and plain copies between host and device.</summary>
    public long Synchronizations { get; private set; }

    /// <summary>The queues of a card; null for a CPU.</summary>
    internal CudaStreams? Streams { get; }

    /// <summary>Where the time of each launch is added, or null. A profiled launch is waited for.</summary>
    public LaunchProfile? Profile
    {
        get;
        set
        {
            field = value;
            PackingTime.IsMeasured = value is not null;
            if (_pool is not null) _pool.IsTimed = value is not null;
        }
    }

    /// <summary>The name a person knows the device by; of a card also whether its products use warp groups, once that is known.</summary>
    public string Description => Kind switch
    {
        DeviceKind.Cuda => _accelerator.Name + WarpGroups switch { WarpGroupUse.Trusted => $", warp groups{(TensorMaps == WarpGroupUse.Trusted ? " and tensor maps" : TensorMapReason is null ? "" : $", no tensor maps: {TensorMapReason}")}", WarpGroupUse.Refused => $", no warp groups{(WarpGroupReason is null ? "" : $": {WarpGroupReason}")}", _ => "" },
        DeviceKind.IlgpuCpu => $"ILGPU's CPU accelerator, {Threads} threads",
        _ => $"CPU, {Threads} thread{(Threads == 1 ? "" : "s")}, {CpuVectors.Description}"
    };

    /// <summary>A queue beside that of the kernels.</summary>
    /// <exception cref="DeviceException">The device is no card.</exception>
    public ISideStream OpenSideStream() => Streams is { } streams ? new SideStream(streams) : throw new DeviceException("a CPU has one queue");

    /// <summary>Opens a device.</summary>
    /// <param name="name">auto (cuda where there is a card, else cpu), cuda, cuda-wgmma (a card without its copy engine), cuda-mma (a card without warp-group instructions), cpu or ilgpu-cpu.</param>
    /// <param name="threads">CPU threads; 0 means one a core.</param>
    /// <param name="card">Which card of the machine, from 0.</param>
    /// <exception cref="DeviceException">The name is unknown, the thread count is out of range, or there is no such device.</exception>
    public static Device Open(string name = "auto", int threads = 0, int card = 0)
    {
        if (threads is < 0 or > 1024) throw new DeviceException($"threads is {threads}; it must be from 1 to 1024, or 0 for one a core");
        int cores = threads == 0 ? Environment.ProcessorCount : threads;
        switch (name)
        {
            case "auto":
                return TryOpenCuda("cuda", card, out _) ?? Open("cpu", threads);
            case "cuda" or "cuda-wgmma" or "cuda-mma":
                return TryOpenCuda(name, card, out string reason) ?? throw new DeviceException($"no CUDA device could be opened: {reason}; --device cpu runs everywhere");
            case "cpu":
                var context = KernelLoader.CreateContext(builder => builder.CPU(new CPUDevice(2, 1, 1)));
                return new Device(DeviceKind.Cpu, context, context.GetCPUDevice(0).CreateCPUAccelerator(context), cores, 1);
            case "ilgpu-cpu":
                return OpenIlgpuCpu(cores, 1);
            default:
                throw new DeviceException($"device '{name}' is unknown; known are {string.Join(", ", Names)}");
        }
    }

    /// <summary>
    /// ILGPU's CPU accelerator with groups of several work items, for tests that a kernel does not depend on the group size. Above 32 the size must be a multiple of
    /// 32.
    /// </summary>
    internal static Device OpenIlgpuCpu(int threads, int groupSize, bool warpGroups = false)
    {
        // ILGPU wants at least two threads a warp; a group is one warp, or several as wide as a card's.
        int warps = groupSize > WarpExchange.Lanes ? groupSize / WarpExchange.Lanes : 1;
        var context = KernelLoader.CreateContext(builder => builder.CPU(new CPUDevice(Math.Max(2, groupSize / warps), warps, threads)));
        return new Device(DeviceKind.IlgpuCpu, context, context.GetCPUDevice(0).CreateCPUAccelerator(context), threads, groupSize) { WarpGroups = warpGroups ? WarpGroupUse.Trusted : WarpGroupUse.Refused };
    }

    /// <summary>
    /// A CPU whose kernels do nothing and whose memory nobody writes to, so that hardly any of it is taken from the machine: the arena of a dry run counts what the run itself
    /// would take.
    /// </summary>
    /// <param name="asCard">Whether it counts as a card with tensor cores would: with the fused forms, the copies of weights and the temporary tensors of its kernels.</param>
    public static Device OpenDry(bool asCard = false)
    {
        var context = KernelLoader.CreateContext(builder => builder.CPU(new CPUDevice(2, 1, 1)));
        return new Device(DeviceKind.Cpu, context, context.GetCPUDevice(0).CreateCPUAccelerator(context), 1, asCard ? MmaTile.Threads : 1, isDry: true);
    }

    private static Device? TryOpenCuda(string name, int index, out string reason)
    {
        CudaDriver.Resolve();
        Context? context = null;
        try
        {
            context = KernelLoader.CreateContext(builder => builder.Cuda());
            var cards = context.GetCudaDevices();
            if (cards.Count > index)
            {
                reason = "";
                var card = cards[index].CreateCudaAccelerator(context);
                bool hasWarpGroups = name != "cuda-mma" && card.Architecture == CudaArchitecture.SM_90;
                return new Device(DeviceKind.Cuda, context, card, 1, 0)
                {
                    WarpGroups = hasWarpGroups ? WarpGroupUse.Unchecked : WarpGroupUse.Refused,
                    TensorMaps = hasWarpGroups && name == "cuda" ? WarpGroupUse.Unchecked : WarpGroupUse.Refused
                };
            }
            reason = cards.Count == 0 ? CudaDriver.ReasonForNoCard() : $"card {index} was asked for, and there are {cards.Count}, counted from 0";
        }
        catch (Exception error) when (error is not PixelDiTException)
        {
            reason = error.Message;
        }
        context?.Dispose();
        return null;
    }

    /// <summary>Runs a kernel over [0, items). Returns when the work is queued (GPU) or done (CPU).</summary>
    /// <param name="kernel">The kernel with its arguments.</param>
    /// <param name="items">The number of items; 0 does nothing.</param>
    /// <param name="lanes">
    /// Threads of an item on a GPU, up to <see cref="Machine.Lanes.Elements.MaxLanes"/>: those of a group, or, where items share one (<see cref="IRowKernel"/>), a power of two up to 32. A
    /// CPU always uses 1.
    /// </param>
    public void Launch<TKernel>(TKernel kernel, int items, int lanes = 128) where TKernel : struct, IKernel
    {
        if (items == 0) return;
        Launches++;
        if (IsDry) return;
        if (Profile is { } profile) StartProfiled(ref kernel, items, lanes, profile);
        else Start(ref kernel, items, lanes);
    }

    private void StartProfiled<TKernel>(ref TKernel kernel, int items, int lanes, LaunchProfile profile) where TKernel : struct, IKernel
    {
        if (_pool is { } pool)
        {
            Start(ref kernel, items, lanes);
            var (first, packing) = (pool.LastLaunch, PackingTime.Take());
            long cold = 0;
            if (profile.Repeats)
            {
                Start(ref kernel, items, lanes);
                cold = first.Elapsed - pool.LastLaunch.Elapsed;
                PackingTime.Take();
            }
            profile.Add(typeof(TKernel), first.Elapsed, first.Elapsed - (first.Present / Threads), packing / Threads, cold);
            return;
        }
        if (Streams is { } streams)
        {
            // By the card's own clock: the host's has the wait in it.
            using CudaEvent first = new(streams.Card, isTimed: true), last = new(streams.Card, isTimed: true);
            first.Record(streams.Compute);
            Start(ref kernel, items, lanes);
            last.Record(streams.Compute);
            last.Wait();
            profile.Add(typeof(TKernel), (long)(last.MillisecondsSince(first) * Stopwatch.Frequency / 1000));
            return;
        }
        long began = Stopwatch.GetTimestamp();
        Start(ref kernel, items, lanes);
        Synchronize();
        profile.Add(typeof(TKernel), Stopwatch.GetTimestamp() - began);
    }

    private void Start<TKernel>(ref TKernel kernel, int items, int lanes) where TKernel : struct, IKernel
    {
        if (_pool is { } pool)
        {
            pool.Run(&KernelEntry.Direct<TKernel>, Unsafe.AsPointer(ref kernel), items);
            return;
        }
        _last = typeof(TKernel);
        try
        {
            Queue(ref kernel, items, lanes);
        }
        catch (AcceleratorException error)
        {
            throw new DeviceException($"{KernelName.Of(typeof(TKernel))}: the CUDA driver did not launch it: {CudaDriver.Describe(error)}", error);
        }
    }

    private void Queue<TKernel>(ref TKernel kernel, int items, int lanes) where TKernel : struct, IKernel
    {
        if (kernel is IDynamicSharedKernel && Kind == DeviceKind.Cuda) _loader.GetDynamicShared<TKernel>().Launch(_stream, items, lanes, Unsafe.AsPointer(ref kernel));
        else _loader.Launch(kernel, _stream, LaunchShape.Of(items, lanes, GroupSize, kernel is IRowKernel), items);
    }

    /// <summary>Waits until all queued work is done.</summary>
    public void Synchronize()
    {
        Synchronizations++;
        try
        {
            _accelerator.Synchronize();
        }
        catch (AcceleratorException error)
        {
            throw Failed("finish what was queued", error);
        }
    }

    /// <summary>An error that the driver told late: of kernels that were queued, only the last is known here.</summary>
    private DeviceException Failed(string request, AcceleratorException error)
    {
        string last = _last is null ? "" : $"; the last of {Launches} kernels was {KernelName.Of(_last)}";
        return new DeviceException($"the CUDA driver did not {request}: {CudaDriver.Describe(error)}{last}", error);
    }

    internal void CopyToDevice<T>(ReadOnlySpan<T> source, ArrayView<T> target) where T : unmanaged
    {
        if (IsDry) return;
        if (Kind != DeviceKind.Cuda) HostMemory.Copy(source, target);
        else
        {
            try
            {
                target.CopyFromCPU(_stream, source);
            }
            catch (AcceleratorException error)
            {
                throw Failed("copy to the card", error);
            }
        }
        Synchronize();
    }

    internal void CopyToHost<T>(ArrayView<T> source, Span<T> target) where T : unmanaged
    {
        if (IsDry) return;
        Synchronize();
        if (Kind != DeviceKind.Cuda)
        {
            HostMemory.Copy(source, target);
            return;
        }
        try
        {
            source.CopyToCPU(_stream, target);
        }
        catch (AcceleratorException error)
        {
            throw Failed("copy from the card", error);
        }
    }

    internal void Clear(ArrayView<byte> bytes)
    {
        if (IsDry) return;
        if (Kind != DeviceKind.Cuda)
        {
            NativeMemory.Clear(HostMemory.Pointer(bytes), (nuint)bytes.Length);
            return;
        }
        try
        {
            bytes.MemSetToZero(_stream);
        }
        catch (AcceleratorException error)
        {
            throw Failed("clear memory", error);
        }
    }

    /// <summary>Frees the device's memory and ends its threads.</summary>
    public void Dispose()
    {
        _pool?.Dispose();
        Arena.Dispose();
        Streams?.Dispose();
        CudaDriver.Release(_accelerator.Dispose);
        CudaDriver.Release(_context.Dispose);
    }
}

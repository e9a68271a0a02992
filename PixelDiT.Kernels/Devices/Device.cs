using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;

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

/// <summary>
/// A device: its memory, and the one way to launch a kernel. Driven by one thread at a time. Dispose frees all of its memory.
/// </summary>
public sealed unsafe class Device : IDisposable
{
    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly KernelLoader _loader;
    private readonly WorkerPool? _pool;

    private Device(DeviceKind kind, Context context, Accelerator accelerator, int threads, int groupSize)
    {
        (Kind, _context, _accelerator, GroupSize) = (kind, context, accelerator, groupSize);
        _loader = new KernelLoader(accelerator);
        Arena = new Arena(accelerator);
        Threads = threads;
        if (kind == DeviceKind.Cpu) _pool = new WorkerPool(threads);
    }

    /// <summary>The names that <see cref="Open"/> takes.</summary>
    public static IReadOnlyList<string> Names { get; } = ["auto", "cuda", "cpu", "ilgpu-cpu"];

    /// <summary>What runs the kernels.</summary>
    public DeviceKind Kind { get; }

    /// <summary>Threads that compute; 1 for a GPU.</summary>
    public int Threads { get; }

    /// <summary>Work items of every group, or 0 where a launch chooses.</summary>
    internal int GroupSize { get; }

    /// <summary>Whether kernels may use asynchronous copies and tensor cores: a card from sm_80 on, or ILGPU's CPU accelerator in groups as large as such kernels need.</summary>
    internal bool RunsTiles => _accelerator is CudaAccelerator card ? card.Architecture >= CudaArchitecture.SM_80 : GroupSize == TensorProduct.Lanes;

    /// <summary>The device's memory.</summary>
    public Arena Arena { get; }

    /// <summary>Kernels launched so far.</summary>
    public long Launches { get; private set; }

    /// <summary>Where the time of each launch is added, or null. A profiled launch is waited for.</summary>
    public LaunchProfile? Profile { get; set; }

    /// <summary>The name a person knows the device by.</summary>
    public string Description => Kind switch
    {
        DeviceKind.Cuda => _accelerator.Name,
        DeviceKind.IlgpuCpu => $"ILGPU's CPU accelerator, {Threads} threads",
        _ => $"CPU, {Threads} thread{(Threads == 1 ? "" : "s")}, {HostVectors.Description}"
    };

    /// <summary>Opens a device.</summary>
    /// <param name="name">auto (cuda where there is a card, else cpu), cuda, cpu or ilgpu-cpu.</param>
    /// <param name="threads">CPU threads; 0 means one a core.</param>
    /// <exception cref="DeviceException">The name is unknown, the thread count is out of range, or there is no such device.</exception>
    public static Device Open(string name = "auto", int threads = 0)
    {
        if (threads is < 0 or > 1024) throw new DeviceException($"threads is {threads}; it must be from 1 to 1024, or 0 for one a core");
        int cores = threads == 0 ? Environment.ProcessorCount : threads;
        switch (name)
        {
            case "auto":
                return TryOpenCuda(out _) ?? Open("cpu", threads);
            case "cuda":
                return TryOpenCuda(out string reason) ?? throw new DeviceException($"no CUDA device could be opened: {reason}; --device cpu runs everywhere");
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
    internal static Device OpenIlgpuCpu(int threads, int groupSize)
    {
        // ILGPU wants at least two threads a warp; a group is one warp, or several as wide as a card's.
        int warps = groupSize > WarpExchange.Lanes ? groupSize / WarpExchange.Lanes : 1;
        var context = KernelLoader.CreateContext(builder => builder.CPU(new CPUDevice(Math.Max(2, groupSize / warps), warps, threads)));
        return new Device(DeviceKind.IlgpuCpu, context, context.GetCPUDevice(0).CreateCPUAccelerator(context), threads, groupSize);
    }

    private static Device? TryOpenCuda(out string reason)
    {
        CudaDriver.Resolve();
        Context? context = null;
        try
        {
            context = KernelLoader.CreateContext(builder => builder.Cuda());
            var cards = context.GetCudaDevices();
            if (cards.Count > 0)
            {
                reason = "";
                return new Device(DeviceKind.Cuda, context, cards[0].CreateCudaAccelerator(context), 1, 0);
            }
            reason = "no card and driver were found";
        }
        catch (Exception error) when (error is not PixelDiTException)
        {
            reason = error.Message;
        }
        context?.Dispose();
        return null;
    }

    /// <summary>Takes memory for a tensor; its contents are undefined.</summary>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public Tensor Allocate(Shape shape, ElementType type = ElementType.Single)
        => new(this, shape, type, Arena.Take(shape.Count * Tensor.SizeOf(type)));

    /// <summary>A float32 tensor with the given contents.</summary>
    /// <exception cref="ShapeException">The count of values differs from the shape's.</exception>
    public Tensor Upload(ReadOnlySpan<float> values, Shape shape)
    {
        var tensor = Allocate(shape);
        tensor.Upload(values);
        return tensor;
    }

    /// <summary>A tensor of labels with the given contents.</summary>
    /// <exception cref="ShapeException">The count of values differs from the shape's.</exception>
    public Tensor Upload(ReadOnlySpan<int> values, Shape shape)
    {
        var tensor = Allocate(shape, ElementType.Int32);
        tensor.Upload(values);
        return tensor;
    }

    /// <summary>Runs a kernel over [0, items). Returns when the work is queued (GPU) or done (CPU).</summary>
    /// <param name="kernel">The kernel with its arguments.</param>
    /// <param name="items">The number of items; 0 does nothing.</param>
    /// <param name="lanes">
    /// Threads of an item on a GPU, up to <see cref="Elements.MaxLanes"/>: those of a group, or, where items share one (<see cref="IRowKernel"/>), a power of two up to 32. A
    /// CPU always uses 1.
    /// </param>
    public void Launch<TKernel>(TKernel kernel, int items, int lanes = 128) where TKernel : struct, IKernel
    {
        if (items == 0) return;
        Launches++;
        if (Profile is not { } profile)
        {
            Start(ref kernel, items, lanes);
            return;
        }
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        Start(ref kernel, items, lanes);
        Synchronize();
        profile.Add(typeof(TKernel), System.Diagnostics.Stopwatch.GetTimestamp() - began);
    }

    private void Start<TKernel>(ref TKernel kernel, int items, int lanes) where TKernel : struct, IKernel
    {
        if (_pool is { } pool)
        {
            pool.Run(&KernelEntry.Direct<TKernel>, Unsafe.AsPointer(ref kernel), items);
            return;
        }
        _loader.Launch(kernel, _accelerator.DefaultStream, LaunchShape.Of(items, lanes, GroupSize, kernel is IRowKernel), items);
    }

    /// <summary>Waits until all queued work is done.</summary>
    public void Synchronize() => _accelerator.Synchronize();

    internal void CopyToDevice<T>(ReadOnlySpan<T> source, ArrayView<T> target) where T : unmanaged
    {
        if (Kind != DeviceKind.Cuda)
        {
            source.CopyTo(new Span<T>(Host.Pointer(target), source.Length));
            return;
        }
        target.CopyFromCPU(_accelerator.DefaultStream, source);
        Synchronize();
    }

    internal void CopyToHost<T>(ArrayView<T> source, Span<T> target) where T : unmanaged
    {
        if (Kind != DeviceKind.Cuda)
        {
            Synchronize();
            new Span<T>(Host.Pointer(source), target.Length).CopyTo(target);
            return;
        }
        source.CopyToCPU(_accelerator.DefaultStream, target);
        Synchronize();
    }

    internal void Clear(ArrayView<byte> bytes)
    {
        if (Kind == DeviceKind.Cuda) bytes.MemSetToZero(_accelerator.DefaultStream);
        else NativeMemory.Clear(Host.Pointer(bytes), (nuint)bytes.Length);
    }

    /// <summary>Frees the device's memory and ends its threads.</summary>
    public void Dispose()
    {
        _pool?.Dispose();
        Arena.Dispose();
        _accelerator.Dispose();
        _context.Dispose();
    }
}

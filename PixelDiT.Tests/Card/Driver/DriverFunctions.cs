using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using PixelDiT.Tests.Card.Ptx;

namespace PixelDiT.Tests.Card.Driver;

/// <summary>
/// The functions of libcuda.so.1 that ILGPU's and this project's host code call, for an <see cref="InterpretedCard"/>. Those that ILGPU names and nobody here calls answer that they are not supported.
/// </summary>
internal static unsafe partial class DriverFunctions
{
    private const nint Context = 0x1234;

    private static readonly HashSet<string> s_withoutContext = ["cuInit", "cuDriverGetVersion", "cuDeviceGet", "cuDeviceGetCount", "cuDeviceGetName", "cuDeviceTotalMem_v2", "cuDeviceGetAttribute", "cuCtxCreate_v2", "cuCtxDestroy_v2", "cuCtxSetCurrent", "cuGetErrorString", "cuTensorMapEncodeTiled"];

    private static readonly Dictionary<int, nint> s_descriptions = [];

    [ThreadStatic]
    private static nint s_current;

    /// <summary>The card that all functions serve.</summary>
    public static InterpretedCard Card { get; set; } = null!;

    /// <summary>The names that the library exports, in the order of its table: what ILGPU imports, and what this project does.</summary>
    public static IReadOnlyList<string> Names => field ??= [.. Implemented.Keys.Concat(NotSupportedNames).Order(StringComparer.Ordinal)];

    private static IReadOnlyDictionary<string, nint> Implemented => field ??= typeof(DriverFunctions).GetMethods(BindingFlags.Static | BindingFlags.NonPublic)
        .Where(method => method.IsDefined(typeof(UnmanagedCallersOnlyAttribute)) && method.Name.StartsWith("cu", StringComparison.Ordinal))
        .ToDictionary(method => method.Name, method => method.MethodHandle.GetFunctionPointer());

    private static IEnumerable<string> NotSupportedNames => new[]
    {
        "cuDeviceCanAccessPeer", "cuCtxEnablePeerAccess", "cuCtxDisablePeerAccess", "cuDeviceGetP2PAttribute", "cuPointerGetAttribute", "cuMemHostRegister_v2", "cuMemHostUnregister", "cuMemHostGetDevicePointer_v2",
        "cuOccupancyMaxActiveBlocksPerMultiprocessor", "cuOccupancyMaxPotentialBlockSize", "cuCtxSetCacheConfig", "cuCtxSetSharedMemConfig", "cuStreamCreateWithPriority"
    };

    /// <summary>Functions that do something, each of which can fail.</summary>
    public static IEnumerable<string> Working => Implemented.Keys;

    /// <summary>Fills the table of a library that was written with <see cref="Names"/>.</summary>
    public static void Install(nint library)
    {
        var table = (nint*)NativeLibrary.GetExport(library, LibraryFile.Table);
        nint unknown = (nint)(delegate* unmanaged<int>)&NotSupported;
        for (int i = 0; i < Names.Count; i++) table[i] = Implemented.GetValueOrDefault(Names[i], unknown);
    }

    private static int Call(Func<InterpretedCard, int> body, [CallerMemberName] string name = "")
    {
        var card = Card;
        lock (card)
        {
            int call = card.Calls[name] = card.Calls.GetValueOrDefault(name) + 1;
            if (card.Failure is { } failure && failure.Function == name && failure.Call == call) return failure.Status;
            if (!s_withoutContext.Contains(name) && s_current == 0) return CudaStatus.InvalidContext;
            try
            {
                return body(card);
            }
            catch (PtxFault fault)
            {
                card.Fault ??= fault;
                Console.Error.WriteLine($"interpreted card: {name}: {fault.Message}");
                return CudaStatus.IllegalAddress;
            }
        }
    }

    private static nint Describe(int status)
    {
        if (!s_descriptions.TryGetValue(status, out nint text)) s_descriptions[status] = text = Marshal.StringToCoTaskMemUTF8(CudaStatus.Describe(status));
        return text;
    }

    [UnmanagedCallersOnly]
    private static int NotSupported() => CudaStatus.NotSupported;

#pragma warning disable IDE1006 // the driver's names
    [UnmanagedCallersOnly]
    private static int cuInit(uint flags) => Call(_ => CudaStatus.Success);

    [UnmanagedCallersOnly]
    private static int cuDriverGetVersion(int* version) => Call(_ => Give(version, 13000));

    [UnmanagedCallersOnly]
    private static int cuGetErrorString(int status, nint* text) => Call(_ => Give(text, Describe(status)));

    [UnmanagedCallersOnly]
    private static int cuDeviceGet(int* device, int ordinal) => Call(_ => ordinal == 0 ? Give(device, 0) : CudaStatus.NoDevice);

    [UnmanagedCallersOnly]
    private static int cuDeviceGetCount(int* count) => Call(_ => Give(count, 1));

    [UnmanagedCallersOnly]
    private static int cuDeviceGetName(byte* name, int length, int device) => Call(card =>
    {
        byte[] text = Encoding.ASCII.GetBytes($"Interpreted sm_{card.Architecture}\0");
        text.CopyTo(new Span<byte>(name, length));
        return CudaStatus.Success;
    });

    [UnmanagedCallersOnly]
    private static int cuDeviceTotalMem_v2(nint* bytes, int device) => Call(card => Give(bytes, (nint)card.Memory.Bytes));

    [UnmanagedCallersOnly]
    private static int cuDeviceGetAttribute(int* value, int attribute, int device) => Call(card => Give(value, attribute switch
    {
        1 or 2 or 3 => 1024, // threads of a group, and along each axis
        4 => 64,
        5 => int.MaxValue, // groups along x
        6 or 7 => 65535,
        8 => 48 << 10, // shared memory of a group
        9 or 12 => 65536, // constant memory, registers of a group
        10 => ThreadGroup.Warp,
        11 => int.MaxValue,
        13 => 1_980_000, // kHz
        16 => InterpretedCard.Multiprocessors,
        19 or 31 or 83 or 90 or 91 => 1,
        36 => 3_201_000,
        37 => 6144,
        38 => 50 << 20,
        39 => 2048, // threads of a multiprocessor
        40 => 3,
        75 => card.Architecture / 10,
        76 => card.Architecture % 10,
        81 => 228 << 10,
        82 => 65536,
        _ => 0
    }));

    [UnmanagedCallersOnly]
    private static int cuCtxCreate_v2(nint* context, uint flags, int device) => Call(_ => Give(context, s_current = Context));

    [UnmanagedCallersOnly]
    private static int cuCtxDestroy_v2(nint context) => Call(_ => (int)(s_current = 0));

    [UnmanagedCallersOnly]
    private static int cuCtxSetCurrent(nint context) => Call(_ =>
    {
        s_current = context;
        return CudaStatus.Success;
    });

    [UnmanagedCallersOnly]
    private static int cuCtxSynchronize() => Call(card =>
    {
        card.Streams.Finish();
        return card.Sticky;
    });

    [UnmanagedCallersOnly]
    private static int cuCtxGetCacheConfig(int* value) => Call(_ => Give(value, 0));

    [UnmanagedCallersOnly]
    private static int cuCtxGetSharedMemConfig(int* value) => Call(_ => Give(value, 1));

    [UnmanagedCallersOnly]
    private static int cuMemGetInfo_v2(nint* free, nint* total) => Call(card =>
    {
        Give(total, (nint)card.Memory.Bytes);
        return Give(free, (nint)card.Memory.Free);
    });

    [UnmanagedCallersOnly]
    private static int cuMemAlloc_v2(nint* address, nint bytes) => Call(card => card.Memory.Allocate(bytes) is > 0 and var place ? Give(address, (nint)place) : CudaStatus.OutOfMemory);

    [UnmanagedCallersOnly]
    private static int cuMemFree_v2(nint address) => Call(card =>
    {
        card.Streams.Finish();
        return card.Memory.Release(address) ? CudaStatus.Success : CudaStatus.InvalidValue;
    });

    [UnmanagedCallersOnly]
    private static int cuMemAllocHost_v2(nint* address, nint bytes) => Call(card => Give(address, card.AllocateHost((nuint)bytes)));

    [UnmanagedCallersOnly]
    private static int cuMemFreeHost(nint address) => Call(card =>
    {
        card.Streams.Finish();
        return card.FreeHost(address);
    });

    [UnmanagedCallersOnly]
    private static int cuMemcpyAsync(nint target, nint source, nint bytes, nint stream) => Call(card => card.Stream(stream) is { } queue ? card.Queue(target, source, bytes, queue) : CudaStatus.InvalidHandle);

    [UnmanagedCallersOnly]
    private static int cuMemsetD8Async(nint target, byte value, nint bytes, nint stream) => Call(card => card.Stream(stream) is { } queue ? card.Queue(target, value, bytes, queue) : CudaStatus.InvalidHandle);

    [UnmanagedCallersOnly]
    private static int cuStreamCreate(nint* stream, uint flags) => Call(card => Give(stream, card.Keep(card.Streams.Create())));

    [UnmanagedCallersOnly]
    private static int cuStreamDestroy_v2(nint stream) => Call(card =>
    {
        if (card.Find<CardStream>(stream) is not { } queue) return CudaStatus.InvalidHandle;
        card.Streams.Remove(queue);
        card.Drop(stream);
        return CudaStatus.Success;
    });

    [UnmanagedCallersOnly]
    private static int cuStreamSynchronize(nint stream) => Call(card =>
    {
        if (card.Stream(stream) is not { } queue) return CudaStatus.InvalidHandle;
        card.Streams.Finish(queue);
        return card.Sticky;
    });

    [UnmanagedCallersOnly]
    private static int cuStreamWaitEvent(nint stream, nint place, uint flags) => Call(card => card.Stream(stream) is { } queue && card.Find<CardEvent>(place) is { } known ? card.Wait(queue, known) : CudaStatus.InvalidHandle);

    [UnmanagedCallersOnly]
    private static int cuEventCreate(nint* place, uint flags) => Call(card => Give(place, card.Keep(new CardEvent())));

    [UnmanagedCallersOnly]
    private static int cuEventDestroy_v2(nint place) => Call(card =>
    {
        if (card.Find<CardEvent>(place) is null) return CudaStatus.InvalidHandle;
        card.Drop(place);
        return CudaStatus.Success;
    });

    [UnmanagedCallersOnly]
    private static int cuEventRecord(nint place, nint stream) => Call(card => card.Stream(stream) is { } queue && card.Find<CardEvent>(place) is { } known ? card.Record(known, queue) : CudaStatus.InvalidHandle);

    [UnmanagedCallersOnly]
    private static int cuEventSynchronize(nint place) => Call(card =>
    {
        if (card.Find<CardEvent>(place) is not { } known) return CudaStatus.InvalidHandle;
        card.Streams.Finish(known);
        return card.Sticky;
    });

    [UnmanagedCallersOnly]
    private static int cuEventQuery(nint place) => Call(card =>
    {
        if (card.Find<CardEvent>(place) is not { } known) return CudaStatus.InvalidHandle;
        bool had = known.Reached >= known.Recorded;
        // Whoever asks again and again shall have an end.
        if (!had) card.Streams.Finish(known);
        return had ? card.Sticky : CudaStatus.NotReady;
    });

    [UnmanagedCallersOnly]
    private static int cuEventElapsedTime(float* milliseconds, nint start, nint end) => Call(card =>
    {
        if (card.Find<CardEvent>(start) is not { } first || card.Find<CardEvent>(end) is not { } last) return CudaStatus.InvalidHandle;
        if (first.Reached < first.Recorded || last.Reached < last.Recorded) return CudaStatus.NotReady;
        *milliseconds = (float)Stopwatch.GetElapsedTime(first.Time, last.Time).TotalMilliseconds;
        return card.Sticky;
    });

    [UnmanagedCallersOnly]
    private static int cuModuleLoadData(nint* module, byte* text) => Call(card => Load(card, module, text, null, 0));

    [UnmanagedCallersOnly]
    private static int cuModuleLoadDataEx(nint* module, byte* text, uint count, int* options, nint* values) => Call(card =>
    {
        // The log of errors is the fifth option, its size the sixth; that may come before or after.
        byte* log = null;
        int size = 0;
        for (int i = 0; i < count; i++)
        {
            if (options[i] == 5) log = (byte*)values[i];
            if (options[i] == 6) size = (int)values[i];
        }
        return Load(card, module, text, log, size);
    });

    private static int Load(InterpretedCard card, nint* module, byte* text, byte* log, int size)
    {
        try
        {
            return Give(module, card.Keep(card.Load(Marshal.PtrToStringUTF8((nint)text)!)));
        }
        catch (PtxFault fault)
        {
            byte[] message = Encoding.UTF8.GetBytes(fault.Message);
            int length = Math.Min(message.Length, size - 1);
            if (length > 0)
            {
                message.AsSpan(0, length).CopyTo(new Span<byte>(log, length));
                log[length] = 0;
            }
            return CudaStatus.InvalidPtx;
        }
    }

    [UnmanagedCallersOnly]
    private static int cuModuleUnload(nint module) => Call(card =>
    {
        card.Streams.Finish();
        card.Drop(module);
        return CudaStatus.Success;
    });

    [UnmanagedCallersOnly]
    private static int cuModuleGetFunction(nint* function, nint module, byte* name) => Call(card => card.Find<CardModule>(module) is null ? CudaStatus.InvalidHandle : Give(function, module));

    [UnmanagedCallersOnly]
    private static int cuFuncSetAttribute(nint function, int attribute, int value) => Call(card => card.Find<CardModule>(function) is { } module && attribute == 8 ? card.AllowShared(module, value) : CudaStatus.InvalidValue);

    [UnmanagedCallersOnly]
    private static int cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint groupX, uint groupY, uint groupZ, uint sharedBytes, nint stream, nint* arguments, nint* extra) => Call(card =>
    {
        if (card.Find<CardModule>(function) is not { } module || card.Stream(stream) is not { } queue) return CudaStatus.InvalidHandle;
        if (gridY != 1 || gridZ != 1 || groupY != 1 || groupZ != 1 || gridX > int.MaxValue) return CudaStatus.InvalidValue;
        var text = module.Kernel.Text;
        byte[] parameters = new byte[text.ParameterBytes];
        if (extra != null)
        {
            // A buffer and its size, each behind its key.
            if (extra[0] != 1 || extra[2] != 2 || extra[4] != 0 || *(nint*)extra[3] < parameters.Length) return CudaStatus.InvalidValue;
            new ReadOnlySpan<byte>((void*)extra[1], parameters.Length).CopyTo(parameters);
        }
        else
        {
            int i = 0;
            foreach (var parameter in text.Parameters.Values.OrderBy(parameter => parameter.Offset)) new ReadOnlySpan<byte>((void*)arguments[i++], parameter.Bytes).CopyTo(parameters.AsSpan(parameter.Offset));
        }
        int status = card.Queue(module, new Launch((int)gridX, (int)groupX, (int)sharedBytes, parameters), queue);
        return status != CudaStatus.Success ? status : card.Sticky;
    });
    [UnmanagedCallersOnly]
    private static int cuTensorMapEncodeTiled(void* map, int type, uint rank, nint address, ulong* sizes, ulong* strides, uint* box, uint* steps, int interleave, int swizzle, int promotion, int fill) => Call(_ =>
    {
        // Matrices of bfloat16 with the 128-byte swizzle; whatever else a driver takes, the interpreter does not know.
        if (((nint)map & 63) != 0 || type != 9 || rank != 2 || interleave != 0 || swizzle != 3 || promotion is < 0 or > 3 || fill != 0 || steps[0] != 1 || steps[1] != 1) return CudaStatus.InvalidValue;
        return BulkMap.Encode(new Span<ulong>(map, BulkMap.Words), address, sizes[0], sizes[1], strides[0], box[0], box[1]) ? CudaStatus.Success : CudaStatus.InvalidValue;
    });
#pragma warning restore IDE1006

    private static int Give<T>(T* place, T value) where T : unmanaged
    {
        *place = value;
        return CudaStatus.Success;
    }
}

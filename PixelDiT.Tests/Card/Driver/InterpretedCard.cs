using System.Runtime.InteropServices;
using PixelDiT.Tests.Card.Ptx;

namespace PixelDiT.Tests.Card.Driver;

/// <summary>A module that was loaded: a kernel, and what a launch may ask of it.</summary>
internal sealed class CardModule(PtxKernel kernel, string text)
{
    /// <summary>The kernel.</summary>
    public PtxKernel Kernel => kernel;

    /// <summary>Its text.</summary>
    public string Text => text;

    /// <summary>Shared memory that a launch may bring: what a card gives without being asked, or what was asked.</summary>
    public int LargestShared { get; set; } = 48 << 10;
}

/// <summary>A call of the driver that fails, to see what is made of it.</summary>
/// <param name="Function">The function.</param>
/// <param name="Call">Which call of it, from 1.</param>
/// <param name="Status">What it answers.</param>
internal sealed record PlannedFailure(string Function, int Call, int Status);

/// <summary>A card that is not there: its memory, modules and streams, with the interpreter for kernels. It is used by one thread at a time.</summary>
/// <param name="memoryBytes">Its memory.</param>
/// <param name="architecture">Its compute capability times ten.</param>
internal sealed unsafe class InterpretedCard(long memoryBytes, int architecture = 90)
{
    /// <summary>Few, so that groups that stay take several tiles each; no power of two.</summary>
    public const int Multiprocessors = 3;

    /// <summary>What a card gives a kernel that asks.</summary>
    private const int MostShared = 232448;

    // Through all cards of a process: what is freed late must not be another's.
    private static nint s_lastHandle = 0x1000;

    private readonly Dictionary<nint, object> _handles = [];
    private readonly Dictionary<string, PtxKernel> _kernels = [];
    private readonly Dictionary<nint, nuint> _pageLocked = [];

    /// <summary>Its compute capability times ten.</summary>
    public int Architecture => architecture;

    /// <summary>The card's memory.</summary>
    public DeviceMemory Memory { get; } = new(memoryBytes);

    /// <summary>Its streams.</summary>
    public Streams Streams { get; } = new();

    /// <summary>How often each function was called.</summary>
    public Dictionary<string, int> Calls { get; } = [];

    /// <summary>How often each kernel was launched.</summary>
    public Dictionary<string, int> Launches { get; } = [];

    /// <summary>Opcodes of the kernels that were loaded.</summary>
    public HashSet<string> Opcodes { get; } = [];

    /// <summary>The call that fails, or null.</summary>
    public PlannedFailure? Failure { get; set; }

    /// <summary>The first fault of a kernel; the card does nothing after it.</summary>
    public PtxFault? Fault { get; set; }

    /// <summary>What is made of a text before it is loaded, or null.</summary>
    public Func<string, string>? Edit { get; set; }

    /// <summary>Whether a launch is done before its call returns, as with CUDA_LAUNCH_BLOCKING=1.</summary>
    public bool IsBlocking { get; set; }

    /// <summary>Whether kernels are only counted.</summary>
    public bool IsIdle { get; set; }

    /// <summary>Is told of every launch before it runs.</summary>
    public Action<CardModule, Launch>? Watch { get; set; }

    /// <summary>What was asked of the driver's default stream, which this project does not use.</summary>
    public int DefaultStreamUses { get; private set; }

    /// <summary>The status that every call gets from a fault on.</summary>
    public int Sticky => Fault is null ? CudaStatus.Success : CudaStatus.IllegalAddress;

    /// <summary>A handle for something.</summary>
    public nint Keep(object thing)
    {
        _handles[s_lastHandle += 16] = thing;
        return s_lastHandle;
    }

    /// <summary>What a handle stands for, or null.</summary>
    public T? Find<T>(nint handle) where T : class => _handles.GetValueOrDefault(handle) as T;

    /// <summary>Ends a handle.</summary>
    public void Drop(nint handle) => _handles.Remove(handle);

    /// <summary>A stream by its handle; 0 is the default one.</summary>
    public CardStream? Stream(nint handle)
    {
        if (handle != 0) return Find<CardStream>(handle);
        DefaultStreamUses++;
        if (Find<CardStream>(1) is not { } stream) _handles[1] = stream = Streams.Create();
        return stream;
    }

    /// <summary>Loads a module.</summary>
    /// <exception cref="PtxFault">The text is not one that the interpreter knows.</exception>
    public CardModule Load(string text)
    {
        if (Edit is { } edit) text = edit(text);
        if (!_kernels.TryGetValue(text, out var kernel)) _kernels[text] = kernel = new PtxKernel(text);
        Opcodes.UnionWith(kernel.Opcodes);
        return new CardModule(kernel, text);
    }

    /// <summary>Lets a kernel be given more shared memory.</summary>
    public int AllowShared(CardModule module, int bytes)
    {
        if (bytes is < 0 or > MostShared) return CudaStatus.InvalidValue;
        module.LargestShared = bytes;
        return CudaStatus.Success;
    }

    /// <summary>Queues a launch.</summary>
    public int Queue(CardModule module, Launch launch, CardStream stream)
    {
        if (launch.Groups < 1 || launch.Threads < 1 || launch.SharedBytes > module.LargestShared || launch.Threads > module.Kernel.Text.MaxThreads) return CudaStatus.InvalidValue;
        stream.Work.Enqueue(() =>
        {
            if (Fault is not null || IsIdle) return true;
            Launches[module.Kernel.Name] = Launches.GetValueOrDefault(module.Kernel.Name) + 1;
            Watch?.Invoke(module, launch);
            try
            {
                module.Kernel.Run(Memory, launch);
            }
            catch (PtxFault fault)
            {
                Fault = fault;
                Console.Error.WriteLine($"interpreted card: {fault.Message}");
            }
            return true;
        });
        if (IsBlocking) Streams.Finish(stream);
        return CudaStatus.Success;
    }

    /// <summary>
    /// Queues a copy. Pageable memory of the host is read at once, and written before the call returns, as the driver promises no more; page-locked memory is read and written when the copy is done.
    /// </summary>
    public int Queue(nint target, nint source, long bytes, CardStream stream)
    {
        if (bytes == 0) return CudaStatus.Success;
        bool toCard = Memory.Contains(target), fromCard = Memory.Contains(source);
        byte[]? staged = fromCard || IsPageLocked(source) ? null : new ReadOnlySpan<byte>((void*)source, checked((int)bytes)).ToArray();
        stream.Work.Enqueue(() =>
        {
            if (Fault is not null) return true;
            var from = fromCard ? Memory.Span(source, bytes, written: false) : staged ?? new Span<byte>((void*)source, checked((int)bytes));
            from.CopyTo(toCard ? Memory.Span(target, bytes, written: true) : new Span<byte>((void*)target, checked((int)bytes)));
            return true;
        });
        if (!toCard && !IsPageLocked(target)) Streams.Finish(stream);
        return Sticky;
    }

    /// <summary>Queues a fill with a byte.</summary>
    public int Queue(nint target, byte value, long bytes, CardStream stream)
    {
        stream.Work.Enqueue(() =>
        {
            if (Fault is null) Memory.Span(target, bytes, written: true).Fill(value);
            return true;
        });
        return Sticky;
    }

    /// <summary>Records an event at the present end of a stream.</summary>
    public int Record(CardEvent place, CardStream stream)
    {
        int number = ++place.Recorded;
        place.Stream = stream;
        stream.Work.Enqueue(() =>
        {
            place.Reached = Math.Max(place.Reached, number);
            place.Time = System.Diagnostics.Stopwatch.GetTimestamp();
            return true;
        });
        return Sticky;
    }

    /// <summary>Lets a stream wait for an event as it is recorded now.</summary>
    public int Wait(CardStream stream, CardEvent place)
    {
        int number = place.Recorded;
        stream.Work.Enqueue(() => place.Reached >= number);
        return Sticky;
    }

    /// <summary>Takes page-locked memory of the host, which holds nothing that anybody knows.</summary>
    public nint AllocateHost(nuint bytes)
    {
        var address = (nint)NativeMemory.AlignedAlloc(bytes, 4096);
        NativeMemory.Fill((void*)address, bytes, 0xEE);
        _pageLocked[address] = bytes;
        return address;
    }

    /// <summary>Gives it back.</summary>
    public int FreeHost(nint address)
    {
        if (!_pageLocked.Remove(address)) return CudaStatus.InvalidValue;
        NativeMemory.AlignedFree((void*)address);
        return CudaStatus.Success;
    }

    private bool IsPageLocked(nint address) => _pageLocked.Any(block => address >= block.Key && (nuint)(address - block.Key) < block.Value);
}

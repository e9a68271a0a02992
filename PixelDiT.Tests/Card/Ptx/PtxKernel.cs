using System.Collections.Concurrent;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>A constant: a register whose row is the same in all threads.</summary>
internal readonly record struct Constant(Register Register, ulong Bits);

/// <summary>A kernel, decoded once: its instructions, and the registers they use.</summary>
internal sealed class PtxKernel
{
    private readonly ConcurrentDictionary<(int Threads, int SharedBytes), ConcurrentBag<ThreadGroup>> _idle = new();

    /// <param name="text">A module with one entry.</param>
    /// <exception cref="PtxFault">It has what the interpreter does not know, or reads registers that nothing wrote.</exception>
    public PtxKernel(string text)
    {
        Text = PtxText.Read(text);
        var decoder = new Decoder(Text);
        Code = decoder.Decode();
        (Slots, Constants, Specials, Leaders) = (decoder.Slots, decoder.Constants, decoder.Specials, decoder.Leaders);
        FlowChecks.Check(this);
    }

    /// <summary>As it was read.</summary>
    public PtxText Text { get; }

    /// <summary>The kernel's name.</summary>
    public string Name => Text.Name;

    /// <summary>The instructions.</summary>
    public Instruction[] Code { get; }

    /// <summary>Rows of registers, of 32 bits a thread.</summary>
    public int Slots { get; }

    /// <summary>Registers that hold a constant.</summary>
    public IReadOnlyList<Constant> Constants { get; }

    /// <summary>Registers that hold what the card says of a thread, by name.</summary>
    public IReadOnlyDictionary<string, Register> Specials { get; }

    /// <summary>Which instructions branches lead to.</summary>
    public bool[] Leaders { get; }

    /// <summary>Opcodes that occur, without types and modifiers that say the same of another type.</summary>
    public IEnumerable<string> Opcodes => Code.Select(instruction => instruction.Line.Opcode).Distinct();

    /// <summary>Runs a launch: all groups, on this process's threads.</summary>
    /// <param name="memory">The card's memory.</param>
    /// <param name="launch">Groups, threads, shared memory and parameters.</param>
    /// <exception cref="PtxFault">A thread did what it may not; the message names the kernel, the instruction, the group and the thread.</exception>
    public void Run(DeviceMemory memory, Launch launch)
    {
        if (launch.Threads > Text.MaxThreads) throw new PtxFault($"{Name}: a group has {launch.Threads} threads; the kernel says at most {Text.MaxThreads}");
        if (launch.Parameters.Length != Text.ParameterBytes) throw new PtxFault($"{Name}: {launch.Parameters.Length} bytes of parameters are given; the kernel takes {Text.ParameterBytes}");
        if (launch.SharedBytes > 0 && !Text.HasDynamicShared) throw new PtxFault($"{Name}: {launch.SharedBytes} bytes of shared memory are brought to a kernel that takes none");
        var idle = _idle.GetOrAdd((launch.Threads, launch.SharedBytes), _ => []);
        if (launch.Groups == 1)
        {
            RunSome(0, 1);
            return;
        }
        PtxFault? fault = null;
        // The last groups first, a few at a time: a card promises no order.
        int share = Math.Max(1, launch.Groups / (8 * Environment.ProcessorCount)), shares = (launch.Groups + share - 1) / share;
        Parallel.For(0, shares, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (part, state) =>
        {
            try
            {
                int end = launch.Groups - (part * share);
                RunSome(Math.Max(0, end - share), end);
            }
            catch (PtxFault found)
            {
                fault = found;
                state.Stop();
            }
        });
        if (fault is not null) throw fault;

        void RunSome(int first, int end)
        {
            if (!idle.TryTake(out var group)) group = new ThreadGroup(this, launch.Threads, launch.SharedBytes);
            for (int index = first; index < end; index++) group.Run(memory, launch, index);
            idle.Add(group);
        }
    }
}

/// <summary>A launch of a kernel.</summary>
/// <param name="Groups">Groups of threads.</param>
/// <param name="Threads">Threads of each.</param>
/// <param name="SharedBytes">Shared memory that the launch brings.</param>
/// <param name="Parameters">The kernel's parameters as they lie in memory.</param>
internal sealed record Launch(int Groups, int Threads, int SharedBytes, byte[] Parameters);

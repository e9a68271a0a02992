namespace PixelDiT.Tests.Card.Ptx;

/// <summary>How an instruction moves the program counter, and who must be there.</summary>
internal enum Control
{
    /// <summary>On to the next, each thread for itself.</summary>
    Plain,

    /// <summary>On to the next, when all threads that it names have come.</summary>
    Together,

    /// <summary>On to the next, each thread when the phase of a barrier in shared memory has ended.</summary>
    Phase,

    /// <summary>To a label.</summary>
    Branch,

    /// <summary>On to the next, when all threads of the group have come.</summary>
    Barrier,

    /// <summary>To the end.</summary>
    Return
}

/// <summary>A decoded instruction: what it does to the rows of a group's registers.</summary>
internal abstract class Instruction
{
    /// <summary>As it is written.</summary>
    public PtxLine Line { get; set; } = null!;

    /// <summary>The predicate that guards it, or null.</summary>
    public Register? Guard { get; set; }

    /// <summary>How it goes on.</summary>
    public virtual Control Control => Control.Plain;

    /// <summary>Registers that it reads.</summary>
    public IReadOnlyList<Register> Reads { get; init; } = [];

    /// <summary>Registers that it writes.</summary>
    public IReadOnlyList<Register> Writes { get; init; } = [];

    /// <summary>Does it for the active threads.</summary>
    public abstract void Run(ThreadGroup group);

    /// <summary>Of an instruction that threads execute together: whether all that a thread has to meet are active.</summary>
    public virtual bool HasCompany(ThreadGroup group, int thread) => true;
}

/// <summary>bra.</summary>
internal sealed class Branch(string label) : Instruction
{
    public string Label => label;

    /// <summary>Where it leads.</summary>
    public int Target { get; set; }

    public override Control Control => Control.Branch;

    public override void Run(ThreadGroup group)
    {
    }
}

/// <summary>bar.sync.</summary>
internal sealed class BarrierInstruction : Instruction
{
    public override Control Control => Control.Barrier;

    public override void Run(ThreadGroup group)
    {
    }
}

/// <summary>ret.</summary>
internal sealed class Return : Instruction
{
    public override Control Control => Control.Return;

    public override void Run(ThreadGroup group)
    {
    }
}

namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>
/// B [depth, columns] of a product as <see cref="MacroKernel.Multiply"/> reads it, <see cref="MicroKernel.Columns"/> columns at a time: packed, or in place where
/// the columns of a step lie side by side.
/// </summary>
internal readonly unsafe struct PanelsB
{
    private PanelsB(float* first, nint step, nint next)
    {
        First = first;
        Step = step;
        Next = next;
    }

    /// <summary>The first panel's first step.</summary>
    public float* First { get; }

    /// <summary>From a step in k to the next, in floats.</summary>
    public nint Step { get; }

    /// <summary>From a panel to the next.</summary>
    public nint Next { get; }

    /// <summary>What <see cref="Packing.PackB"/> wrote.</summary>
    /// <param name="first">The first panel, at the first step wanted.</param>
    /// <param name="steps">Steps that a panel holds.</param>
    public static PanelsB Packed(float* first, nint steps) => new(first, MicroKernel.Columns, steps * MicroKernel.Columns);

    /// <summary>A matrix whose columns lie side by side, as it is.</summary>
    /// <param name="first">The first element.</param>
    /// <param name="step">From a step in k to the next.</param>
    public static PanelsB InPlace(float* first, nint step) => new(first, step, MicroKernel.Columns);
}

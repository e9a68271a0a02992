namespace PixelDiT.Kernels.Machine.Cpu;

/// <summary>A [rows, depth] of a product as <see cref="MacroKernel.Multiply"/> reads it, <see cref="MicroKernel.Rows"/> rows at a time: packed, or in place.</summary>
internal readonly unsafe struct PanelsA
{
    private PanelsA(float* first, nint row, nint step, nint next)
    {
        First = first;
        Row = row;
        Step = step;
        Next = next;
    }

    /// <summary>The first panel's first row and step.</summary>
    public float* First { get; }

    /// <summary>From a row of a panel to the next, in floats.</summary>
    public nint Row { get; }

    /// <summary>From a step in k to the next.</summary>
    public nint Step { get; }

    /// <summary>From a panel to the next.</summary>
    public nint Next { get; }

    /// <summary>What <see cref="Packing.PackA"/> wrote.</summary>
    public static PanelsA Packed(float* first, int depth) => new(first, 1, MicroKernel.Rows, (nint)depth * MicroKernel.Rows);

    /// <summary>A matrix of any strides as it is.</summary>
    /// <param name="first">The first element.</param>
    /// <param name="row">From a row to the next.</param>
    /// <param name="step">From a step in k to the next.</param>
    public static PanelsA InPlace(float* first, nint row, nint step) => new(first, row, step, MicroKernel.Rows * row);
}

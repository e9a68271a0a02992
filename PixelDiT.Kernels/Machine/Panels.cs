namespace PixelDiT.Kernels.Machine;

/// <summary>
/// B [depth, columns] of a product as <see cref="HostProduct.Multiply"/> reads it, <see cref="Tiles.Width"/> columns at a time: packed, or in place where
/// the columns of a step lie side by side.
/// </summary>
internal readonly unsafe struct Panels
{
    private Panels(float* first, nint step, nint next)
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

    /// <summary>What <see cref="HostProduct.Pack"/> wrote.</summary>
    /// <param name="first">The first panel, at the first step wanted.</param>
    /// <param name="steps">Steps that a panel holds.</param>
    public static Panels Packed(float* first, nint steps) => new(first, Tiles.Width, steps * Tiles.Width);

    /// <summary>A matrix whose columns lie side by side, as it is.</summary>
    /// <param name="first">The first element.</param>
    /// <param name="step">From a step in k to the next.</param>
    public static Panels InPlace(float* first, nint step) => new(first, step, Tiles.Width);
}

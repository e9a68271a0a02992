namespace PixelDiT.Kernels.Machine;

/// <summary>A [rows, depth] of a product as <see cref="HostProduct.Multiply"/> reads it, <see cref="Tiles.Rows"/> rows at a time: packed, or in place.</summary>
internal readonly unsafe struct Strips
{
    private Strips(float* first, nint row, nint step, nint next)
    {
        First = first;
        Row = row;
        Step = step;
        Next = next;
    }

    /// <summary>The first strip's first row and step.</summary>
    public float* First { get; }

    /// <summary>From a row of a strip to the next, in floats.</summary>
    public nint Row { get; }

    /// <summary>From a step in k to the next.</summary>
    public nint Step { get; }

    /// <summary>From a strip to the next.</summary>
    public nint Next { get; }

    /// <summary>What <see cref="HostProduct.PackRows"/> wrote.</summary>
    public static Strips Packed(float* first, int depth) => new(first, 1, Tiles.Rows, (nint)depth * Tiles.Rows);

    /// <summary>A matrix of any strides as it is.</summary>
    /// <param name="first">The first element.</param>
    /// <param name="row">From a row to the next.</param>
    /// <param name="step">From a step in k to the next.</param>
    public static Strips InPlace(float* first, nint row, nint step) => new(first, row, step, Tiles.Rows * row);
}

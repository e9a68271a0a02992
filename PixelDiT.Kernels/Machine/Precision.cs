namespace PixelDiT.Kernels.Machine;

/// <summary>What the operands of a matrix product are rounded to before they are multiplied. Sums are float32 whatever the precision.</summary>
public enum Precision
{
    /// <summary>Nothing is rounded.</summary>
    Single,

    /// <summary>10 bits of mantissa, the exponents of float32; to nearest, ties away from zero.</summary>
    TensorFloat32,

    /// <summary>7 bits of mantissa, the exponents of float32; to nearest, ties to even.</summary>
    BFloat16
}

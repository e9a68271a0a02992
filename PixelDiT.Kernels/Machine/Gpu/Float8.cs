namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>Eight neighbouring float32 values in registers of a GPU thread: 32 bytes as float32, 16 as bfloat16.</summary>
internal struct Float8
{
    /// <summary>The values, in the order of memory.</summary>
    public float A, B, C, D, E, F, G, H;

    /// <param name="a">Value 0.</param>
    /// <param name="b">Value 1.</param>
    /// <param name="c">Value 2.</param>
    /// <param name="d">Value 3.</param>
    /// <param name="e">Value 4.</param>
    /// <param name="f">Value 5.</param>
    /// <param name="g">Value 6.</param>
    /// <param name="h">Value 7.</param>
    public Float8(float a, float b, float c, float d, float e, float f, float g, float h)
        => (A, B, C, D, E, F, G, H) = (a, b, c, d, e, f, g, h);

    /// <summary>a·b + c.</summary>
    public static Float8 MultiplyAdd(float a, Float8 b, Float8 c) => new()
    {
        A = (a * b.A) + c.A,
        B = (a * b.B) + c.B,
        C = (a * b.C) + c.C,
        D = (a * b.D) + c.D,
        E = (a * b.E) + c.E,
        F = (a * b.F) + c.F,
        G = (a * b.G) + c.G,
        H = (a * b.H) + c.H
    };
}

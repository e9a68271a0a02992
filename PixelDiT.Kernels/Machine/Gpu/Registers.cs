namespace PixelDiT.Kernels.Machine.Gpu;

/// <summary>Four 32-bit registers, or 16 bytes of memory: a fragment of A [16, 32 bytes of k] or of B [32 bytes of k, 16] over the lanes of a warp.</summary>
internal struct UInt4
{
    public uint X, Y, Z, W;
}

/// <summary>Two 32-bit registers: a fragment of B [32 bytes of k, 8] over the lanes of a warp.</summary>
internal struct UInt2
{
    public uint X, Y;
}

/// <summary>Sums of C [16, 8] over the lanes of a warp: lane l holds rows l / 4 (X, Y) and l / 4 + 8 (Z, W), columns 2·(l mod 4) (X, Z) and the next (Y, W).</summary>
internal struct Accumulator
{
    public float X, Y, Z, W;
}

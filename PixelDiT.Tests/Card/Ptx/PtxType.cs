namespace PixelDiT.Tests.Card.Ptx;

/// <summary>Fundamental types of PTX.</summary>
internal static class PtxType
{
    /// <summary>Bytes of a type by its name.</summary>
    public static int Bytes(string type) => type switch
    {
        "pred" => 4,
        "b8" or "u8" or "s8" => 1,
        "b16" or "u16" or "s16" => 2,
        "b32" or "u32" or "s32" or "f32" => 4,
        "b64" or "u64" or "s64" or "f64" => 8,
        _ => throw new PtxFault($"type .{type} is unknown")
    };
}

/// <summary>A register: a row of values, one a thread. Predicates are all ones or all zeros; what is narrower than 32 bits stands in the low bits of 32, and the bits above are zero.</summary>
/// <param name="Slot">Where its row lies, in rows of 32 bits a thread; a register of 64 bits has two.</param>
/// <param name="Bytes">Of a value: 2, 4 or 8.</param>
/// <param name="Name">As it is written; of a constant its text.</param>
internal readonly record struct Register(int Slot, int Bytes, string Name)
{
    /// <summary>Rows of 32 bits.</summary>
    public int Slots => Bytes == 8 ? 2 : 1;
}

namespace PixelDiT.Reference.Formats;

/// <summary>
/// How one element of a stored tensor is encoded; the names follow safetensors. Every type has a size, so that a file can be checked whole,
/// but the 8-bit floats (whose scale lives outside the format) and complex numbers cannot be read as values.
/// </summary>
public enum DataType
{
    /// <summary>IEEE double.</summary>
    F64,
    /// <summary>IEEE single.</summary>
    F32,
    /// <summary>IEEE half.</summary>
    F16,
    /// <summary>The upper half of an IEEE single.</summary>
    BF16,
    /// <summary>Signed, 64 bits.</summary>
    I64,
    /// <summary>Signed, 32 bits.</summary>
    I32,
    /// <summary>Signed, 16 bits.</summary>
    I16,
    /// <summary>Signed, 8 bits.</summary>
    I8,
    /// <summary>Unsigned, 64 bits.</summary>
    U64,
    /// <summary>Unsigned, 32 bits.</summary>
    U32,
    /// <summary>Unsigned, 16 bits.</summary>
    U16,
    /// <summary>Unsigned, 8 bits.</summary>
    U8,
    /// <summary>One byte; zero is false, anything else true. Spelled BOOL in a file.</summary>
    Bool,
    /// <summary>8-bit float with 4 bits of exponent; not readable.</summary>
    F8_E4M3,
    /// <summary>8-bit float with 5 bits of exponent; not readable.</summary>
    F8_E5M2,
    /// <summary>8-bit power of two; not readable.</summary>
    F8_E8M0,
    /// <summary>Two singles, real and imaginary; not readable.</summary>
    C64
}

/// <summary>Facts about each <see cref="DataType"/>.</summary>
public static class DataTypes
{
    extension(DataType type)
    {
        /// <summary>The size of one element in bytes: 1, 2, 4 or 8.</summary>
        public int ElementBytes => type switch
        {
            DataType.F64 or DataType.I64 or DataType.U64 or DataType.C64 => 8,
            DataType.F32 or DataType.I32 or DataType.U32 => 4,
            DataType.F16 or DataType.BF16 or DataType.I16 or DataType.U16 => 2,
            _ => 1
        };

        /// <summary>The name in a file's header, such as "F32" or "BOOL".</summary>
        public string FormatName => type == DataType.Bool ? "BOOL" : type.ToString();

        /// <summary>Whether elements are whole numbers, signed or unsigned. Bool is not.</summary>
        public bool IsInteger => type is >= DataType.I64 and <= DataType.U8;

        /// <summary>Whether elements can be converted to floating-point numbers.</summary>
        public bool IsReadable => type <= DataType.Bool;

        /// <summary>Whether a writer can round floating-point numbers to it: F64, F32, F16 and BF16.</summary>
        public bool IsFloat => type <= DataType.BF16;
    }

    private static readonly Dictionary<string, DataType> byFormatName = Enum.GetValues<DataType>().ToDictionary(type => type.FormatName);

    /// <summary>Finds the type that a header names; exact spelling only.</summary>
    /// <returns>Whether the name is known.</returns>
    public static bool TryParse(string formatName, out DataType type) => byFormatName.TryGetValue(formatName, out type);
}

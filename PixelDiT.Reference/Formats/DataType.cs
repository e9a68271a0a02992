namespace PixelDiT.Reference.Formats;

/// <summary>
/// How one element of a stored tensor is encoded; the names follow safetensors, and PyTorch where safetensors has none. Every type but <see cref="Other"/> has a size, so that
/// a file can be checked whole, but floats below 16 bits (whose scale lives outside the format), complex and quantized numbers cannot be read as values.
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
    /// <summary>8-bit float with 4 bits of exponent, without infinities and negative zero; not readable.</summary>
    F8_E4M3FNUZ,
    /// <summary>8-bit float with 5 bits of exponent, without infinities and negative zero; not readable.</summary>
    F8_E5M2FNUZ,
    /// <summary>6-bit float with 2 bits of exponent; not readable.</summary>
    F6_E2M3,
    /// <summary>6-bit float with 3 bits of exponent; not readable.</summary>
    F6_E3M2,
    /// <summary>4-bit float; not readable.</summary>
    F4,
    /// <summary>Two singles, real and imaginary; not readable.</summary>
    C64,
    /// <summary>Two halves, real and imaginary, in PyTorch files; not readable.</summary>
    C32,
    /// <summary>Two doubles, real and imaginary, in PyTorch files; not readable.</summary>
    C128,
    /// <summary>Quantized to 8 signed bits, in PyTorch files; not readable.</summary>
    QInt8,
    /// <summary>Quantized to 8 unsigned bits, in PyTorch files; not readable.</summary>
    QUInt8,
    /// <summary>Quantized to 32 signed bits, in PyTorch files; not readable.</summary>
    QInt32,
    /// <summary>A type that this program does not know, of unknown size; not readable.</summary>
    Other
}

/// <summary>Facts about each <see cref="DataType"/>.</summary>
public static class DataTypes
{
    extension(DataType type)
    {
        /// <summary>The size of one element in bits: 4, 6, 8, 16, 32, 64 or 128; 0 for <see cref="DataType.Other"/>.</summary>
        public int ElementBits => type switch
        {
            DataType.C128 => 128,
            DataType.F64 or DataType.I64 or DataType.U64 or DataType.C64 => 64,
            DataType.F32 or DataType.I32 or DataType.U32 or DataType.C32 or DataType.QInt32 => 32,
            DataType.F16 or DataType.BF16 or DataType.I16 or DataType.U16 => 16,
            DataType.F6_E2M3 or DataType.F6_E3M2 => 6,
            DataType.F4 => 4,
            DataType.Other => 0,
            _ => 8
        };

        /// <summary>The size of one element of a readable type in bytes: 1, 2, 4 or 8.</summary>
        public int ElementBytes => type.ElementBits / 8;

        /// <summary>The name in a file's header, such as "F32" or "BOOL".</summary>
        public string FormatName => type switch { DataType.Bool => "BOOL", DataType.Other => "unknown", _ => type.ToString() };

        /// <summary>Whether safetensors has the type.</summary>
        public bool IsOfSafetensors => type <= DataType.C64;

        /// <summary>Whether elements are whole numbers, signed or unsigned. Bool is not.</summary>
        public bool IsInteger => type is >= DataType.I64 and <= DataType.U8;

        /// <summary>Whether elements can be converted to floating-point numbers.</summary>
        public bool IsReadable => type <= DataType.Bool;

        /// <summary>Whether a writer can round floating-point numbers to it: F64, F32, F16 and BF16.</summary>
        public bool IsFloat => type <= DataType.BF16;
    }

    private static readonly Dictionary<string, DataType> s_byFormatName = Enum.GetValues<DataType>().Where(type => type.IsOfSafetensors).ToDictionary(type => type.FormatName);

    /// <summary>Finds the type that a header of safetensors names; exact spelling only.</summary>
    /// <returns>Whether the name is known.</returns>
    public static bool TryParse(string formatName, out DataType type) => s_byFormatName.TryGetValue(formatName, out type);
}

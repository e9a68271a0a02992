namespace PixelDiT.Reference.Formats;

/// <summary>How large a number may be that a type of 16 bits holds.</summary>
internal static class NarrowTypes
{
    extension(DataType type)
    {
        /// <summary>The largest finite number of F16, BF16 or F32.</summary>
        public float Largest => type switch
        {
            DataType.F16 => (float)Half.MaxValue,
            DataType.BF16 => BitConverter.UInt32BitsToSingle(0x7F7F_0000),
            _ => float.MaxValue
        };

        /// <summary>Finite numbers of this magnitude and above become infinite when they are rounded to the type, to nearest even: half a step above the largest.</summary>
        public float FirstInfinite => type switch
        {
            DataType.F16 => 65520,
            DataType.BF16 => BitConverter.UInt32BitsToSingle(0x7F7F_8000),
            _ => float.PositiveInfinity
        };
    }
}

namespace PixelDiT.Tests.Data.Decoding;

/// <summary>EXIF data with an orientation.</summary>
internal static class ExifBytes
{
    /// <summary>A block of one entry, in either order of bytes.</summary>
    public static byte[] Block(int orientation, bool little = false, int type = 3) => little
        ? [.. "II"u8, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, (byte)type, 0, 1, 0, 0, 0, (byte)orientation, (byte)(orientation >> 8), 0, 0, 0, 0, 0, 0]
        : [.. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, (byte)type, 0, 0, 0, 1, .. type == 4 ? (byte[])[0, 0, (byte)(orientation >> 8), (byte)orientation] : [(byte)(orientation >> 8), (byte)orientation, 0, 0], 0, 0, 0, 0];
}

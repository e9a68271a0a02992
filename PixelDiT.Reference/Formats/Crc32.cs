using System.Buffers.Binary;

namespace PixelDiT.Reference.Formats;

/// <summary>The check sum of zip archives: CRC-32 with the polynomial 0xEDB88320, lowest bit first. Eight bytes are taken at a time, through a table for each.</summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private const int Step = 8, Values = 256;

    private static readonly uint[] s_tables = MakeTables();

    /// <summary>The check sum of some bytes and those before them.</summary>
    /// <param name="before">The check sum of what came before; 0 at the start.</param>
    /// <param name="bytes">What follows.</param>
    public static uint Append(uint before, ReadOnlySpan<byte> bytes)
    {
        var tables = s_tables.AsSpan();
        uint crc = ~before;
        for (; bytes.Length >= Step; bytes = bytes[Step..])
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ crc;
            crc = 0;
            for (int i = 0; i < Step; i++, word >>= 8) crc ^= tables[((Step - 1 - i) * Values) + (byte)word];
        }
        foreach (byte value in bytes) crc = tables[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc;
    }

    /// <summary>Table k holds what a byte adds when k more bytes follow it.</summary>
    private static uint[] MakeTables()
    {
        var tables = new uint[Step * Values];
        for (uint value = 0; value < Values; value++)
        {
            uint crc = value;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * Polynomial);
            tables[value] = crc;
        }
        for (int i = Values; i < tables.Length; i++) tables[i] = tables[(byte)tables[i - Values]] ^ (tables[i - Values] >> 8);
        return tables;
    }
}

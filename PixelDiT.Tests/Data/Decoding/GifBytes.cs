namespace PixelDiT.Tests.Data.Decoding;

/// <summary>GIF files of a few colours.</summary>
internal static class GifBytes
{
    /// <summary>A file of one frame.</summary>
    /// <param name="width">W of the picture.</param>
    /// <param name="height">H of the picture.</param>
    /// <param name="palette">Red, green and blue of 2, 4, 8 … colours.</param>
    /// <param name="colours">The frame's pixels.</param>
    /// <param name="frame">Where the frame lies: left, top, width, height.</param>
    /// <param name="before">Blocks before it.</param>
    /// <param name="after">Blocks behind it.</param>
    /// <param name="flags">Flags of the frame; 40 is interlaced.</param>
    public static byte[] File(int width, int height, byte[] palette, byte[] colours, (int Left, int Top, int Width, int Height)? frame = null, byte[]? before = null, byte[]? after = null, byte flags = 0)
    {
        var (left, top, across, down) = frame ?? (0, 0, width, height);
        int bits = int.Log2(palette.Length / 3), first = Math.Max(2, bits);
        return [.. "GIF89a"u8, .. Half(width), .. Half(height), (byte)(0x80 | (bits - 1)), 0, 0, .. palette, .. before ?? [],
            0x2C, .. Half(left), .. Half(top), .. Half(across), .. Half(down), flags, (byte)first, .. Blocks(Pack(colours, first)), .. after ?? [], 0x3B];
    }

    /// <summary>The block that makes a colour transparent.</summary>
    public static byte[] Transparent(byte colour) => [0x21, 0xF9, 4, 1, 0, 0, colour, 0];

    private static byte[] Half(int value) => [(byte)value, (byte)(value >> 8)];

    private static IEnumerable<byte> Blocks(byte[] bytes) => [.. bytes.Chunk(255).SelectMany(part => (byte[])[(byte)part.Length, .. part]), 0];

    /// <summary>LZW with a dictionary that grows and is cleared when it is full.</summary>
    private static byte[] Pack(byte[] colours, int first)
    {
        int clear = 1 << first, width = first + 1, held = 0, count = 0;
        var (bytes, codes) = (new List<byte>(), new Dictionary<string, int>());
        void Put(int code)
        {
            held |= code << count;
            for (count += width; count >= 8; count -= 8, held >>= 8) bytes.Add((byte)held);
        }

        void Restart()
        {
            codes = Enumerable.Range(0, clear).ToDictionary(colour => $"{(char)colour}");
            width = first + 1;
        }

        Put(clear);
        Restart();
        string text = "";
        foreach (byte colour in colours)
        {
            string longer = text + (char)colour;
            if (codes.ContainsKey(longer))
            {
                text = longer;
                continue;
            }
            Put(codes[text]);
            int next = codes.Count + 2;
            codes[longer] = next;
            if (next == 1 << width) width++;
            if (next == 4095)
            {
                Put(clear);
                Restart();
            }
            text = $"{(char)colour}";
        }
        Put(codes[text]);
        if (codes.Count + 2 == 1 << width && width < 12) width++;
        Put(clear + 1);
        if (count > 0) bytes.Add((byte)held);
        return [.. bytes];
    }
}

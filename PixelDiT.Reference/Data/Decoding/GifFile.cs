using System.Buffers.Binary;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>The first frame of a GIF file. What the frame leaves of the picture is transparent.</summary>
internal static class GifFile
{
    private const int HeaderBytes = 13, MostCodes = 4096;

    private static readonly (int First, int Step)[] s_passes = [(0, 8), (4, 8), (2, 4), (1, 2)];

    /// <summary>The size of the picture.</summary>
    /// <exception cref="DataException">The file is cut short, or has no size that is decoded.</exception>
    public static (int Width, int Height) Size(ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderBytes) throw CutShort();
        int width = BinaryPrimitives.ReadUInt16LittleEndian(file[6..]), height = BinaryPrimitives.ReadUInt16LittleEndian(file[8..]);
        RgbaPicture.CheckSize(width, height);
        return (width, height);
    }

    /// <summary>Decodes the first frame.</summary>
    /// <exception cref="DataException">The file is damaged or cut short before its first frame ends; the message is the reason.</exception>
    public static RgbaPicture Decode(ReadOnlySpan<byte> file)
    {
        var (width, height) = Size(file);
        int at = HeaderBytes;
        var palette = Palette(file, file[10], ref at);
        int transparent = -1;
        while (true)
        {
            byte block = Take(file, ref at);
            if (block == 0x2C) break;
            if (block == 0x3B) throw new DataException("the GIF has no picture in it");
            if (block != 0x21) throw new DataException($"the GIF is damaged: no block begins at byte {at - 1}");
            bool isControl = Take(file, ref at) == 0xF9;
            for (int length = Take(file, ref at); length > 0; length = Take(file, ref at))
            {
                if (at + length > file.Length) throw CutShort();
                if (isControl && length >= 4) transparent = (file[at] & 1) == 1 ? file[at + 3] : -1;
                at += length;
            }
        }

        if (at + 9 > file.Length) throw CutShort();
        int left = BinaryPrimitives.ReadUInt16LittleEndian(file[at..]), top = BinaryPrimitives.ReadUInt16LittleEndian(file[(at + 2)..]);
        int across = BinaryPrimitives.ReadUInt16LittleEndian(file[(at + 4)..]), down = BinaryPrimitives.ReadUInt16LittleEndian(file[(at + 6)..]);
        byte flags = file[at + 8];
        at += 9;
        if (across == 0 || down == 0 || left + across > width || top + down > height)
        {
            throw new DataException($"the GIF is damaged: a frame of {across} × {down} at {left}, {top} does not lie in its {width} × {height} pixels");
        }
        // A code takes a bit at least and stands for as many pixels as there are codes at most.
        if ((long)across * down > 8L * MostCodes * file.Length) throw new DataException($"the GIF promises {across} × {down} pixels, more than its {file.Length} bytes can hold");
        var own = Palette(file, flags, ref at);
        if (!own.IsEmpty) palette = own;
        if (palette.IsEmpty) throw new DataException("the GIF is damaged: it has no palette");

        byte[] colours = Unpack(file, at, across * down);
        var pixels = new byte[4 * width * height];
        int row = 0;
        foreach (int y in (flags & 0x40) == 0 ? Enumerable.Range(0, down) : Interlaced(down))
        {
            for (int x = 0; x < across; x++)
            {
                int colour = colours[(row * across) + x];
                if (colour == transparent) continue;
                if (3 * colour >= palette.Length) throw new DataException($"the GIF is damaged: a pixel has colour {colour}; its palette has {palette.Length / 3}");
                var pixel = pixels.AsSpan(4 * (((top + y) * width) + left + x), 4);
                palette.Slice(3 * colour, 3).CopyTo(pixel);
                pixel[3] = 255;
            }
            row++;
        }
        return new RgbaPicture(width, height, pixels);
    }

    private static IEnumerable<int> Interlaced(int rows)
    {
        foreach (var (first, step) in s_passes)
        {
            for (int y = first; y < rows; y += step) yield return y;
        }
    }

    private static ReadOnlySpan<byte> Palette(ReadOnlySpan<byte> file, byte flags, ref int at)
    {
        if ((flags & 0x80) == 0) return default;
        int length = 3 * (2 << (flags & 7));
        if (at + length > file.Length) throw CutShort();
        at += length;
        return file.Slice(at - length, length);
    }

    /// <summary>LZW: a code stands for a colour, or for the colours of an earlier code and one more.</summary>
    private static byte[] Unpack(ReadOnlySpan<byte> file, int at, int count)
    {
        int first = Take(file, ref at);
        if (first is < 1 or > 8) throw new DataException($"the GIF is damaged: its codes begin with {first} bits; 1 to 8 were expected");
        int clear = 1 << first, end = clear + 1, next = clear + 2, width = first + 1, before = -1, block = 0, bits = 0;
        uint buffer = 0;
        var colours = new byte[count];
        var (prefix, suffix, stack) = (new short[MostCodes], new byte[MostCodes], new byte[MostCodes + 1]);
        for (int done = 0; done < count;)
        {
            while (bits < width)
            {
                if (block == 0 && (block = Take(file, ref at)) == 0) throw CutShort();
                buffer |= (uint)Take(file, ref at) << bits;
                (block, bits) = (block - 1, bits + 8);
            }
            int code = (int)(buffer & ((1u << width) - 1));
            (buffer, bits) = (buffer >> width, bits - width);
            if (code == clear)
            {
                (next, width, before) = (clear + 2, first + 1, -1);
                continue;
            }
            if (code == end) throw CutShort();
            if (code > next || (code == next && before < 0)) throw new DataException("the GIF is damaged: its pixels hold a code that means nothing");

            // A code that is made by this very step means the one before it and, again, that one's first colour.
            int depth = 0, root = code == next ? before : code;
            for (; root > end; root = prefix[root]) stack[depth++] = suffix[root];
            for (int i = -1, from = depth; i < from && done < count; i++) colours[done++] = i < 0 ? (byte)root : stack[from - 1 - i];
            if (code == next && done < count) colours[done++] = (byte)root;
            if (before >= 0 && next < MostCodes)
            {
                (prefix[next], suffix[next]) = ((short)before, (byte)root);
                next++;
                if (next == 1 << width && width < 12) width++;
            }
            before = code;
        }
        return colours;
    }

    private static byte Take(ReadOnlySpan<byte> file, ref int at) => at < file.Length ? file[at++] : throw CutShort();

    private static DataException CutShort() => new("the GIF is cut short: its first picture does not end");
}

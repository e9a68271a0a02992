using System.Buffers.Binary;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>
/// A PNG file taken apart before a decoder sees it: every chunk lies inside the file and has the right check sum, the header is one that exists, and the
/// pixels that it promises fit into the compressed bytes that are there.
/// </summary>
/// <param name="Width">W, in pixels.</param>
/// <param name="Height">H, in pixels.</param>
/// <param name="Orientation">As in <see cref="Exif"/>.</param>
/// <param name="IsApple">Whether it is Apple's own kind (a chunk CgBI).</param>
/// <param name="Essence">The file again with nothing but header, palette, transparent colours and pixels, the latter in one chunk.</param>
internal sealed record PngFile(int Width, int Height, int Orientation, bool IsApple, byte[] Essence)
{
    /// <summary>Bits of a channel; 16 are more than this program keeps.</summary>
    public int Depth { get; init; } = 8;

    // Deflate cannot shrink by more than this.
    private const long MostDeflated = 1032;

    private const int SignatureBytes = 8, ChunkFrame = 12;

    /// <summary>Takes a file apart.</summary>
    /// <param name="file">Begins with the signature.</param>
    /// <exception cref="DataException">It is damaged, cut short, or no PNG that exists; the message is the reason.</exception>
    public static PngFile Parse(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> header = default, palette = default, transparent = default, apple = default;
        bool isApple = false, ended = false, hasTransparent = false;
        int orientation = Exif.Upright;
        long pixelBytes = 0;
        var pixels = new List<Range>();
        for (int at = SignatureBytes; !ended;)
        {
            var chunk = Chunk(file, at, out string name);
            if (header.IsEmpty && name is not ("IHDR" or "CgBI")) throw new DataException($"the PNG begins with a chunk {name}; IHDR was expected");
            switch (name)
            {
                case "IHDR":
                    if (!header.IsEmpty) throw new DataException("the PNG is damaged: it has two IHDR chunks");
                    if (chunk.Length != 13) throw new DataException($"the PNG is damaged: its IHDR chunk has {chunk.Length} bytes; 13 were expected");
                    header = chunk;
                    break;
                case "CgBI":
                    isApple = true;
                    apple = chunk;
                    break;
                case "PLTE" when pixels.Count == 0:
                    if (chunk.Length is 0 or > 768 || chunk.Length % 3 != 0) throw new DataException($"the PNG is damaged: its palette has {chunk.Length} bytes; 3 for each of 1 to 256 colours were expected");
                    palette = chunk;
                    break;
                case "tRNS" when pixels.Count == 0:
                    hasTransparent = true;
                    transparent = chunk;
                    break;
                case "eXIf":
                    orientation = Exif.Orientation(chunk);
                    break;
                case "IDAT":
                    pixelBytes += chunk.Length;
                    pixels.Add(new Range(at + 8, at + 8 + chunk.Length));
                    break;
                case "IEND":
                    ended = true;
                    break;
                case "PLTE" or "tRNS":
                    throw new DataException($"the PNG is damaged: its chunk {name} comes after the pixels");
                default:
                    // A small first letter says that a reader may do without the chunk.
                    if (char.IsAsciiLetterUpper(name[0])) throw new DataException($"the PNG has a chunk {name} that must be understood and is not known");
                    break;
            }
            at += chunk.Length + ChunkFrame;
        }
        if (header.IsEmpty || pixelBytes == 0) throw new DataException("the PNG has no pixels");
        var (width, height, colour) = CheckHeader(header, pixelBytes);
        if (colour == 3 && palette.IsEmpty) throw new DataException("the PNG is damaged: its pixels are numbers of colours, and there is no palette");
        if (hasTransparent) hasTransparent = CheckTransparent(colour, transparent.Length, palette.Length / 3);

        var essence = new Writer(file[..SignatureBytes], pixelBytes);
        if (isApple) essence.Add("CgBI"u8, apple);
        essence.Add("IHDR"u8, header);
        if (colour == 3) essence.Add("PLTE"u8, palette);
        if (hasTransparent) essence.Add("tRNS"u8, transparent);
        essence.Begin("IDAT"u8, (int)pixelBytes);
        foreach (var part in pixels) essence.Append(file[part]);
        essence.End();
        essence.Add("IEND"u8, []);
        return new PngFile(width, height, orientation, isApple, essence.ToArray()) { Depth = header[8] };
    }

    private static ReadOnlySpan<byte> Chunk(ReadOnlySpan<byte> file, int at, out string name)
    {
        if (at > file.Length - ChunkFrame) throw new DataException("the PNG is cut short: no IEND chunk at its end");
        uint length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
        var type = file.Slice(at + 4, 4);
        foreach (byte letter in type)
        {
            if (!char.IsAsciiLetter((char)letter)) throw new DataException($"the PNG is damaged: no chunk begins at byte {at}");
        }
        name = Encoding.ASCII.GetString(type);
        if (length > file.Length - ChunkFrame - at) throw new DataException($"the PNG is cut short or damaged: its chunk {name} of {length} bytes reaches beyond the end of the file");
        uint said = BinaryPrimitives.ReadUInt32BigEndian(file[(at + 8 + (int)length)..]), found = Crc32.Append(0, file.Slice(at + 4, 4 + (int)length));
        if (said != found) throw new DataException($"the PNG is damaged: the check sum of its chunk {name} is {said:x8}; {found:x8} was expected");
        return file.Slice(at + 8, (int)length);
    }

    private static (int Width, int Height, byte Colour) CheckHeader(ReadOnlySpan<byte> header, long pixelBytes)
    {
        uint width = BinaryPrimitives.ReadUInt32BigEndian(header), height = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        RgbaPicture.CheckSize(width, height);
        var (depth, colour, interlaced) = (header[8], header[9], header[12]);
        bool exists = (colour, depth) is (0, 1 or 2 or 4 or 8 or 16) or (3, 1 or 2 or 4 or 8) or (2 or 4 or 6, 8 or 16);
        if (!exists) throw new DataException($"the PNG is damaged: there is no colour type {colour} with {depth} bits");
        if (header[10] != 0 || header[11] != 0 || interlaced > 1) throw new DataException($"the PNG is damaged: compression {header[10]}, filter {header[11]} and interlace {interlaced} do not exist together");

        int samples = colour switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        long needed = ((width * samples * depth) + 7) / 8 * height;
        if (interlaced == 1) needed = (long)width * height * samples * depth / 8;
        long most = pixelBytes * MostDeflated;
        if (needed > most) throw new DataException($"the PNG promises {width} × {height} pixels in {needed} bytes; its {pixelBytes} compressed bytes hold at most {most}");
        return ((int)width, (int)height, colour);
    }

    /// <summary>Whether the transparent colours count; with an opacity for each pixel they do not, nor if there are none.</summary>
    private static bool CheckTransparent(byte colour, int length, int colours)
    {
        if (colour is 4 or 6 || length == 0) return false;
        bool fits = colour switch { 0 => length == 2, 2 => length == 6, _ => length <= colours };
        return fits ? true : throw new DataException($"the PNG is damaged: its chunk tRNS has {length} bytes, which colour type {colour} does not have");
    }

    /// <summary>Chunks one after the other. Check sums stay zero: those of the file were right, and the decoder looks at none.</summary>
    private sealed class Writer
    {
        private readonly MemoryStream _file;

        public Writer(ReadOnlySpan<byte> signature, long pixelBytes)
        {
            _file = new MemoryStream((int)pixelBytes + 2048);
            _file.Write(signature);
        }

        public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
        {
            Begin(name, content.Length);
            _file.Write(content);
            End();
        }

        public void Begin(ReadOnlySpan<byte> name, int length)
        {
            Span<byte> word = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(word, length);
            _file.Write(word);
            _file.Write(name);
        }

        public void Append(ReadOnlySpan<byte> content) => _file.Write(content);

        public void End() => _file.Write([0, 0, 0, 0]);

        public byte[] ToArray() => _file.ToArray();
    }
}

namespace PixelDiT.Tests.Data.Decoding;

/// <summary>
/// JPEG files put together segment by segment, right or wrong. Every block is of one value: a code of four bits says how many bits the difference to the block
/// before has, and one bit ends the block.
/// </summary>
internal sealed record JpegBytes
{
    /// <summary>The side of the picture.</summary>
    public int Side { get; init; } = 16;

    /// <summary>The value of each component.</summary>
    public int[] Values { get; init; } = [128];

    /// <summary>Which frame: C0 sequential, C2 progressive.</summary>
    public byte Frame { get; init; } = 0xC0;

    /// <summary>Units between restart markers.</summary>
    public int Restarts { get; init; }

    /// <summary>What the components are called; 1, 2, 3, … where it is null.</summary>
    public string? Names { get; init; }

    /// <summary>Whether JFIF's segment is there; where it is null, in files without Adobe's note.</summary>
    public bool? HasJfif { get; init; }

    /// <summary>Adobe's note of how colours are stored.</summary>
    public int? Adobe { get; init; }

    /// <summary>Segments before the tables.</summary>
    public byte[] Before { get; init; } = [];

    /// <summary>Bits of a value.</summary>
    public byte Precision { get; init; } = 8;

    public static byte[] Start => [0xFF, 0xD8];

    public static byte[] End => [0xFF, 0xD9];

    public static byte[] Jfif => Segment(0xE0, [.. "JFIF\0"u8, 1, 1, 0, 0, 1, 0, 1, 0, 0]);

    public byte[] Tables => [
        .. Segment(0xDB, [0, .. Enumerable.Repeat((byte)1, 64)]),
        .. Segment(0xC4, [0x00, 0, 0, 0, 12, .. new byte[12], .. Enumerable.Range(0, 12).Select(i => (byte)i)]),
        .. Segment(0xC4, [0x10, 1, .. new byte[15], 0]),
        .. Restarts > 0 ? Segment(0xDD, [(byte)(Restarts >> 8), (byte)Restarts]) : []];

    public byte[] FrameSegment => Segment(Frame, [Precision, (byte)(Side >> 8), (byte)Side, (byte)(Side >> 8), (byte)Side, (byte)Values.Length, .. Enumerable.Range(1, Values.Length).SelectMany(i => new byte[] { Name(i), 0x11, 0 })]);

    public byte[] ScanHeader => Segment(0xDA, [(byte)Values.Length, .. Enumerable.Range(1, Values.Length).SelectMany(i => new byte[] { Name(i), 0 }), 0, (byte)(Frame == 0xC2 ? 0 : 63), 0]);

    /// <summary>The bits of the pixels, with restart markers.</summary>
    public byte[] Bits
    {
        get
        {
            int units = (Side + 7) / 8 * ((Side + 7) / 8);
            var bytes = new List<byte>();
            var bits = new List<bool>();
            for (int unit = 0; unit < units; unit++)
            {
                bool isFirst = unit == 0;
                if (Restarts > 0 && unit > 0 && unit % Restarts == 0)
                {
                    Flush();
                    bytes.AddRange([0xFF, (byte)(0xD0 + (((unit / Restarts) - 1) & 7))]);
                    isFirst = true;
                }
                foreach (int value in Values) AddBlock(isFirst ? 8 * (value - 128) : 0);
            }
            Flush();
            return [.. bytes];

            void AddBlock(int difference)
            {
                int length = 0;
                while (Math.Abs(difference) >> length > 0) length++;
                Add(length, 4);
                Add(difference < 0 ? difference + (1 << length) - 1 : difference, length);
                if (Frame != 0xC2) Add(0, 1);
            }

            void Add(int value, int count)
            {
                for (int i = count - 1; i >= 0; i--) bits.Add((value >> i & 1) == 1);
            }

            void Flush()
            {
                while (bits.Count % 8 != 0) bits.Add(true);
                for (int i = 0; i < bits.Count; i += 8)
                {
                    byte value = 0;
                    for (int j = 0; j < 8; j++) value = (byte)(value << 1 | (bits[i + j] ? 1 : 0));
                    bytes.Add(value);
                    if (value == 0xFF) bytes.Add(0);
                }
                bits.Clear();
            }
        }
    }

    /// <summary>The file.</summary>
    public byte[] File => [.. Start, .. HasJfif ?? (Adobe is null && Values.Length < 4) ? Jfif : [], .. AdobeSegment, .. Before, .. Tables, .. FrameSegment, .. ScanHeader, .. Bits, .. End];

    private byte Name(int i) => Names is null ? (byte)i : (byte)Names[i - 1];

    private byte[] AdobeSegment => Adobe is { } transform ? Segment(0xEE, [.. "Adobe"u8, 0, 100, 0, 0, 0, 0, (byte)transform]) : [];

    /// <summary>A segment with its length.</summary>
    public static byte[] Segment(byte marker, params byte[] content) => [0xFF, marker, (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2), .. content];
}

using System.Buffers.Binary;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>Which tables a JPEG file has defined so far. The decoder takes the end of a picture for reached when it meets a table that cannot be, and says nothing.</summary>
internal sealed class JpegTables
{
    private const int Places = 4, Sizes = 16, QuantizationValues = 64;

    private readonly JpegHuffman?[] _direct = new JpegHuffman?[Places], _alternating = new JpegHuffman?[Places];
    private readonly bool[] _quantization = new bool[Places];

    /// <summary>Minimum coded units between restart markers; 0 for no markers.</summary>
    public int RestartInterval { get; private set; }

    /// <summary>The Huffman table for the first value of a block; null where there is none.</summary>
    public JpegHuffman? Direct(int place) => _direct[place];

    /// <summary>The Huffman table for the other values of a block; null where there is none.</summary>
    public JpegHuffman? Alternating(int place) => _alternating[place];

    /// <summary>Whether there is a quantization table.</summary>
    public bool HasQuantization(int place) => _quantization[place];

    /// <summary>A segment DHT.</summary>
    /// <exception cref="DataException">It holds something else than Huffman tables.</exception>
    public void AddHuffman(ReadOnlySpan<byte> content)
    {
        while (!content.IsEmpty)
        {
            if (content.Length <= Sizes) throw Damaged("Huffman");
            int kind = content[0] >> 4, place = content[0] & 15, codes = 0, code = 0;
            for (int length = 1; length <= Sizes; length++)
            {
                codes += content[length];
                code += content[length];
                if (code > 1 << length) throw Damaged("Huffman");
                code <<= 1;
            }
            if (kind > 1 || place >= Places || codes > 256 || content.Length < 1 + Sizes + codes) throw Damaged("Huffman");
            (kind == 0 ? _direct : _alternating)[place] = new JpegHuffman(content.Slice(1, Sizes), content.Slice(1 + Sizes, codes));
            content = content[(1 + Sizes + codes)..];
        }
    }

    /// <summary>A segment DQT.</summary>
    /// <exception cref="DataException">It holds something else than quantization tables.</exception>
    public void AddQuantization(ReadOnlySpan<byte> content)
    {
        while (!content.IsEmpty)
        {
            int bytes = content[0] >> 4, place = content[0] & 15, length = 1 + (QuantizationValues * (1 + bytes));
            if (bytes > 1 || place >= Places || content.Length < length) throw Damaged("quantization");
            _quantization[place] = true;
            content = content[length..];
        }
    }

    /// <summary>A segment DRI.</summary>
    /// <exception cref="DataException">It has another length.</exception>
    public void SetRestarts(ReadOnlySpan<byte> content)
    {
        if (content.Length != 2) throw new DataException($"the JPEG is damaged: its restart interval has {content.Length} bytes; 2 were expected");
        RestartInterval = BinaryPrimitives.ReadUInt16BigEndian(content);
    }

    private static DataException Damaged(string what) => new($"the JPEG is damaged: a {what} table of it cannot be");
}

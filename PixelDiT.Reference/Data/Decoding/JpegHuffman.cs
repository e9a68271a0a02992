namespace PixelDiT.Reference.Data.Decoding;

/// <summary>A Huffman table of a JPEG file.</summary>
internal sealed class JpegHuffman
{
    /// <summary>The bits of the longest code.</summary>
    public const int Longest = 16;

    private const int Short = 9;

    private readonly byte[] _symbols;
    private readonly ushort[] _short = new ushort[1 << Short];
    // For each length, the first 16 bits that no code of up to this length begins, and what lies between a code and its symbol's place.
    private readonly int[] _ends = new int[Longest + 1], _offsets = new int[Longest + 1];

    /// <summary>Builds a table.</summary>
    /// <param name="counts">How many codes of each length from 1 to 16 bits there are, no more than there can be.</param>
    /// <param name="symbols">What they mean, in the order of the codes.</param>
    public JpegHuffman(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> symbols)
    {
        _symbols = symbols.ToArray();
        for (int length = 1, code = 0, place = 0; length <= Longest; length++, code <<= 1)
        {
            _offsets[length] = place - code;
            for (int i = 0; i < counts[length - 1]; i++, code++, place++)
            {
                if (length <= Short) _short.AsSpan(code << (Short - length), 1 << (Short - length)).Fill((ushort)((length << 8) | symbols[place]));
            }
            _ends[length] = code << (Longest - length);
        }
    }

    /// <summary>The code that 16 bits begin with: its length, and behind it in 8 bits its symbol; 0 where there is none.</summary>
    public int Find(int bits)
    {
        if (_short[bits >> (Longest - Short)] is not 0 and var found) return found;
        for (int length = Short + 1; length <= Longest; length++)
        {
            if (bits < _ends[length]) return (length << 8) | _symbols[(bits >> (Longest - length)) + _offsets[length]];
        }
        return 0;
    }
}

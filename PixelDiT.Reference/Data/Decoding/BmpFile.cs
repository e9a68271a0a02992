using System.Buffers.Binary;
using System.Numerics;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>
/// A Windows or OS/2 bitmap taken apart before a decoder sees it: its rows are all in the file, wherever the file header says that they begin, and its palette is as long as its header says.
/// </summary>
internal sealed class BmpFile
{
    private const int FileHeader = 14, OldHeader = 12, PlainHeader = 40, MaskHeader = 56, EssenceMaskHeader = 108;
    private const uint MasksFollow = 3;

    private readonly byte[] _file;
    private readonly bool _isTopDown;
    private readonly int _bits, _offset, _colours;
    private readonly uint[]? _masks;
    private readonly uint _header;

    private BmpFile(byte[] file)
    {
        if (file.Length < FileHeader + OldHeader) throw CutShort();
        _file = file;
        uint offset = Word(10);
        _header = Word(14);
        if (_header is not (OldHeader or PlainHeader or MaskHeader or 108 or 124)) throw new DataException($"the BMP has a header of {_header} bytes, which is not read (12, 40, 56, 108 and 124 are); save it as PNG");
        if (file.Length < FileHeader + _header) throw CutShort();

        bool isOld = _header == OldHeader;
        long width = isOld ? Half(18) : (int)Word(18), height = isOld ? Half(20) : (int)Word(22);
        _isTopDown = height < 0;
        RgbaPicture.CheckSize(width, Math.Abs(height));
        (Width, Height, _bits) = ((int)width, (int)Math.Abs(height), Half(isOld ? 24 : 28));
        uint compression = isOld ? 0 : Word(30);
        if (compression is 1 or 2) throw new DataException("the BMP is run-length encoded, which is not read; save it as PNG");
        if (compression is not (0 or MasksFollow)) throw new DataException($"the BMP has compression {compression}, which is not read (0 and 3 are); save it as PNG");
        if (_bits is not (1 or 4 or 8 or 16 or 24 or 32) || (compression == MasksFollow && _bits is not (16 or 32))) throw new DataException($"the BMP has {_bits} bits a pixel, which is not read; save it as PNG");

        long begin = FileHeader + _header + (compression == MasksFollow && _header == PlainHeader ? 12 : 0);
        if (offset < begin) throw new DataException($"the BMP says that its pixels begin at byte {offset}, inside its header; byte {begin} or a later one was expected");
        // The last row of some writers lacks the bytes that only pad it.
        if (offset > file.Length || file.Length - offset < RowBytes * Height - 3) throw CutShort();
        _offset = (int)offset;
        if (compression == MasksFollow) _masks = Masks();
        if (_bits <= 8)
        {
            long said = isOld ? 0 : Word(46);
            _colours = (int)Math.Min(said is 0 || said > 1 << _bits ? 1 << _bits : said, (offset - begin) / EntryBytes);
        }
    }

    /// <summary>W, in pixels.</summary>
    public int Width { get; }

    /// <summary>H, in pixels.</summary>
    public int Height { get; }

    private long RowBytes => (((long)Width * _bits) + 31) / 32 * 4;

    private int EntryBytes => _header == OldHeader ? 3 : 4;

    /// <summary>Takes a file apart.</summary>
    /// <param name="file">Begins with BM.</param>
    /// <exception cref="DataException">It is damaged, cut short, or of a kind that is not read; the message is the reason.</exception>
    public static BmpFile Parse(byte[] file) => new(file);

    /// <summary>The same pixels behind the header that every decoder reads: 40 bytes and a whole palette, or 108 bytes with masks.</summary>
    public byte[] Essence()
    {
        int header = _masks is null ? PlainHeader : EssenceMaskHeader, palette = _bits <= 8 ? 4 << _bits : 0, start = FileHeader + header + palette, length = (int)(RowBytes * Height);
        byte[] essence = new byte[start + length];
        var head = essence.AsSpan(0, start);
        head[0] = (byte)'B';
        head[1] = (byte)'M';
        BinaryPrimitives.WriteInt32LittleEndian(head[2..], essence.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[10..], start);
        BinaryPrimitives.WriteInt32LittleEndian(head[14..], header);
        BinaryPrimitives.WriteInt32LittleEndian(head[18..], Width);
        BinaryPrimitives.WriteInt32LittleEndian(head[22..], _isTopDown ? -Height : Height);
        BinaryPrimitives.WriteInt16LittleEndian(head[26..], 1);
        BinaryPrimitives.WriteInt16LittleEndian(head[28..], (short)_bits);
        BinaryPrimitives.WriteUInt32LittleEndian(head[30..], _masks is null ? 0 : MasksFollow);
        for (int i = 0; i < _masks?.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(head[(54 + (4 * i))..], _masks[i]);
        for (int i = 0; i < _colours; i++) _file.AsSpan(FileHeader + (int)_header + (EntryBytes * i), 3).CopyTo(head[(FileHeader + header + (4 * i))..]);
        _file.AsSpan(_offset, Math.Min(length, _file.Length - _offset)).CopyTo(essence.AsSpan(start));
        return essence;
    }

    /// <summary>The bits of red, green, blue and opacity in a pixel; only the headers from 56 bytes on have the last.</summary>
    private uint[] Masks()
    {
        uint[] masks = [Word(54), Word(58), Word(62), _header == PlainHeader ? 0 : Word(66)];
        for (int i = 0; i < masks.Length; i++)
        {
            uint run = masks[i] >> BitOperations.TrailingZeroCount(masks[i]);
            bool isRead = masks[i] == 0 ? i == 3 : run <= 0xFF && (run & (run + 1)) == 0 && (_bits == 32 || masks[i] <= 0xFFFF);
            if (!isRead) throw new DataException($"the BMP has a colour mask 0x{masks[i]:X8}, which is not read (runs of 1 to 8 bits are); save it as PNG");
        }
        return masks;
    }

    private uint Word(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(at));

    private int Half(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(at));

    private static DataException CutShort() => new("the BMP is cut short: its rows reach beyond the end of the file");
}

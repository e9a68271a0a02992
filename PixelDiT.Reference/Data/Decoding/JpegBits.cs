using PixelDiT.Kernels;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>The bits between two markers of a JPEG scan.</summary>
/// <param name="bytes">The bytes; a byte FF is followed by a 0.</param>
internal ref struct JpegBits(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private ulong _held;
    private int _at, _count;

    /// <summary>The symbol of the next code.</summary>
    /// <exception cref="DataException">The bits end before it does, or the table has no such code.</exception>
    public int Symbol(JpegHuffman table)
    {
        if (_count < JpegHuffman.Longest) Fill();
        int missing = JpegHuffman.Longest - _count;
        int found = table.Find((int)((missing > 0 ? _held << missing : _held >> -missing) & 0xFFFF));
        if (found == 0 && missing <= 0) throw new DataException("the JPEG is cut short or damaged: a code of its scan is in no table");
        if (found == 0 || found >> 8 > _count) throw Ended();
        _count -= found >> 8;
        return found & 0xFF;
    }

    /// <summary>A number of up to 16 bits.</summary>
    /// <exception cref="DataException">The bits end before it does.</exception>
    public int Number(int bits)
    {
        Skip(bits);
        return (int)(_held >> _count) & ((1 << bits) - 1);
    }

    /// <summary>Steps over up to 16 bits.</summary>
    /// <exception cref="DataException">There are fewer.</exception>
    public void Skip(int bits)
    {
        if (_count < bits) Fill();
        if (_count < bits) throw Ended();
        _count -= bits;
    }

    private void Fill()
    {
        while (_count <= 56 && _at < _bytes.Length)
        {
            byte value = _bytes[_at++];
            if (value == 0xFF)
            {
                while (_at < _bytes.Length && _bytes[_at] == 0xFF) _at++;
                _at++;
            }
            _held = (_held << 8) | value;
            _count += 8;
        }
    }

    private static DataException Ended() => new("the JPEG is cut short or damaged: the bits of a scan end before its last block");
}

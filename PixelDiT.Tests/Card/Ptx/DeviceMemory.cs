using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>
/// A card's memory, with what is known of each byte: whether it belongs to anybody, and whether anything was written to it. Its addresses are none of the host's, so that a host that follows one ends.
/// Blocks are taken and given back by one thread; kernels read and write from several.
/// </summary>
internal sealed unsafe class DeviceMemory : IDisposable
{
    private const long Start = 0x4A_0000_0000_00, Alignment = 512;
    private const byte Nobodys = 0, Taken = 1, Written = 3;

    private readonly byte* _data;
    private readonly byte* _states;
    private readonly Dictionary<long, long> _blocks = [];
    private long _top = Alignment;

    /// <param name="bytes">How much there is; the system gives it when it is touched.</param>
    public DeviceMemory(long bytes)
    {
        Bytes = bytes;
        _data = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        _states = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
    }

    /// <summary>How much there is.</summary>
    public long Bytes { get; }

    /// <summary>How much is left.</summary>
    public long Free => Bytes - _top;

    /// <summary>Whether an address is one of the card's.</summary>
    public bool Contains(long address) => address >= Start && address < Start + Bytes;

    /// <summary>Takes a block. Addresses are not used again, so that one who keeps an old address is found.</summary>
    /// <returns>Its address, or 0 where there is no room.</returns>
    public long Allocate(long bytes)
    {
        if (bytes > Free - Alignment) return 0;
        long place = _top;
        _top = (_top + bytes + (2 * Alignment) - 1) / Alignment * Alignment;
        _blocks.Add(Start + place, bytes);
        Claim(Start + place, bytes);
        return Start + place;
    }

    /// <summary>Gives a block back.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Release(long address)
    {
        if (!_blocks.Remove(address, out long bytes)) return false;
        Forget(address, bytes);
        return true;
    }

    /// <summary>Says that bytes belong to somebody who has not written to them: they hold NaN, and may not be read.</summary>
    public void Claim(long address, long bytes) => Mark(address, bytes, Taken);

    /// <summary>Says that bytes belong to nobody.</summary>
    public void Forget(long address, long bytes) => Mark(address, bytes, Nobodys);

    /// <summary>The memory itself, for copies of the driver; all of it must belong to somebody.</summary>
    /// <param name="address">An address of the card.</param>
    /// <param name="bytes">How much of it.</param>
    /// <param name="written">Whether it is written now.</param>
    public Span<byte> Span(long address, long bytes, bool written)
    {
        long place = address - Start;
        if (place < 0 || place + bytes > Bytes || new Span<byte>(_states + place, checked((int)bytes)).Contains(Nobodys)) throw new PtxFault($"a copy of {bytes} bytes at {address:x} leaves what was allocated");
        if (written) new Span<byte>(_states + place, (int)bytes).Fill(Written);
        return new Span<byte>(_data + place, (int)bytes);
    }

    /// <summary>The place of bytes that a thread reads.</summary>
    /// <param name="address">A multiple of the number of bytes.</param>
    /// <param name="bytes">1, 2, 4, 8 or 16.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Read(long address, int bytes)
    {
        long place = address - Start;
        if ((ulong)place > (ulong)(Bytes - bytes) || (address & (bytes - 1)) != 0 || !Has(_states + place, bytes, Written)) Refuse(address, bytes, "read");
        return _data + place;
    }

    /// <summary>The place of bytes that a thread writes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Write(long address, int bytes)
    {
        long place = address - Start;
        if ((ulong)place > (ulong)(Bytes - bytes) || (address & (bytes - 1)) != 0 || !Has(_states + place, bytes, Taken)) Refuse(address, bytes, "written");
        Unsafe.InitBlockUnaligned(_states + place, Written, (uint)bytes);
        return _data + place;
    }

    /// <summary>The first bytes of an access of 16, of which the rest is not touched.</summary>
    public ReadOnlySpan<byte> ReadSome(long address, int bytes)
    {
        if ((address & 15) != 0) throw new PtxFault($"16 bytes are copied from {address:x}, which is no multiple of 16");
        for (int i = 0; i < bytes; i++) Read(address + i, 1);
        return new(_data + (address - Start), bytes);
    }

    /// <summary>Whether all bytes have the bits of a state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Has(byte* states, int bytes, byte state)
    {
        const ulong all = 0x0101010101010101;
        ulong wanted = all * state;
        return bytes switch
        {
            16 => (((ulong*)states)[0] & ((ulong*)states)[1] & wanted) == wanted,
            8 => (*(ulong*)states & wanted) == wanted,
            4 => (*(uint*)states & (uint)wanted) == (uint)wanted,
            2 => (*(ushort*)states & (ushort)wanted) == (ushort)wanted,
            _ => (*states & state) == state
        };
    }

    /// <summary>A copy of all that has been allocated so far.</summary>
    public byte[] Save() => [.. new Span<byte>(_data, (int)_top), .. new Span<byte>(_states, (int)_top)];

    /// <summary>Makes the memory what it was.</summary>
    public void Restore(byte[] saved)
    {
        saved.AsSpan(0, saved.Length / 2).CopyTo(new Span<byte>(_data, saved.Length / 2));
        saved.AsSpan(saved.Length / 2).CopyTo(new Span<byte>(_states, saved.Length / 2));
    }

    private void Refuse(long address, int bytes, string done)
    {
        long place = address - Start;
        string why = (address & (bytes - 1)) != 0 ? $"which is no multiple of {bytes}"
            : place < 0 || place > Bytes - bytes || !Has(_states + place, bytes, Taken) ? "which nobody has allocated"
            : "which nothing was written to";
        throw new PtxFault($"{bytes} bytes are {done} at {address:x}, {why}");
    }

    private void Mark(long address, long bytes, byte state)
    {
        NativeMemory.Fill(_data + (address - Start), (nuint)bytes, 0xFF);
        NativeMemory.Fill(_states + (address - Start), (nuint)bytes, state);
    }

    public void Dispose()
    {
        NativeMemory.Free(_data);
        NativeMemory.Free(_states);
    }
}

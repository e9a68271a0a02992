using System.Text;

namespace PixelDiT.Tests.Data.Shards;

/// <summary>Writes tars, also wrong ones.</summary>
internal sealed class TarBytes
{
    private readonly MemoryStream _bytes = new();

    /// <summary>Adds a header and data.</summary>
    /// <param name="name">The name, cut at 100 bytes.</param>
    /// <param name="data">What follows the header, padded to 512.</param>
    /// <param name="size">The field of the size, where it is not the data's.</param>
    /// <param name="type">'0' for a plain file.</param>
    public TarBytes Add(string name, byte[] data, string? size = null, char type = '0')
    {
        byte[] header = new byte[512];
        byte[] encoded = Encoding.UTF8.GetBytes(name);
        encoded.AsSpan(0, Math.Min(encoded.Length, 100)).CopyTo(header);
        Encoding.Latin1.GetBytes(size ?? Convert.ToString(data.Length, 8).PadLeft(11, '0')).CopyTo(header, 124);
        header[156] = (byte)type;
        _bytes.Write(header);
        _bytes.Write(data);
        _bytes.Write(new byte[(512 - (data.Length % 512)) % 512]);
        return this;
    }

    public TarBytes Add(string name, string text, string? size = null, char type = '0') => Add(name, Encoding.UTF8.GetBytes(text), size, type);

    /// <summary>The tar, with the empty blocks that end it.</summary>
    public byte[] ToArray(bool ended = true)
    {
        byte[] bytes = _bytes.ToArray();
        return ended ? [.. bytes, .. new byte[1024]] : bytes;
    }
}

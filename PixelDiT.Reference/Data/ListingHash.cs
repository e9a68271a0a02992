using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace PixelDiT.Reference.Data;

/// <summary>SHA-256 over texts, numbers and bytes one after the other, each with its length before it.</summary>
internal sealed class ListingHash : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    // A call of the hash costs more than the few bytes of a number or a name.
    private readonly byte[] _waiting = new byte[1 << 12];
    private int _filled;

    /// <summary>Adds a text in UTF-8.</summary>
    public ListingHash Add(string text) => Add(Encoding.UTF8.GetBytes(text));

    /// <summary>Adds a number.</summary>
    public ListingHash Add(long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        Append(bytes);
        return this;
    }

    /// <summary>Adds bytes.</summary>
    public ListingHash Add(ReadOnlySpan<byte> bytes)
    {
        Add(bytes.Length);
        Append(bytes);
        return this;
    }

    /// <summary>Adds a list of texts.</summary>
    public ListingHash Add(IReadOnlyList<string> texts)
    {
        Add(texts.Count);
        foreach (string text in texts) Add(text);
        return this;
    }

    /// <summary>The sum so far, in 64 hexadecimal digits.</summary>
    public string ToHex()
    {
        Flush();
        return Convert.ToHexStringLower(_hash.GetCurrentHash());
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _waiting.Length - _filled) Flush();
        if (bytes.Length > _waiting.Length)
        {
            _hash.AppendData(bytes);
            return;
        }
        bytes.CopyTo(_waiting.AsSpan(_filled));
        _filled += bytes.Length;
    }

    private void Flush()
    {
        _hash.AppendData(_waiting.AsSpan(0, _filled));
        _filled = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}

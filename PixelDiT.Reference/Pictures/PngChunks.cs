using System.Buffers.Binary;
using System.Text;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Pictures;

/// <summary>The parts of a PNG: length, four letters, content and a check sum over letters and content.</summary>
internal static class PngChunks
{
    /// <summary>Bytes of the signature, and of a chunk beside its content.</summary>
    public const int SignatureBytes = 8, FrameBytes = 12;

    /// <summary>The names of chunks that this program writes and reads.</summary>
    public const string Header = "IHDR", Pixels = "IDAT", End = "IEND", PlainText = "tEXt", Text = "iTXt", AnimationControl = "acTL", FrameControl = "fcTL", FramePixels = "fdAT";

    /// <summary>Bytes of the header's content.</summary>
    public const int HeaderBytes = 13;

    /// <summary>How every PNG begins.</summary>
    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Writes a chunk.</summary>
    public static void Write(Stream stream, string name, ReadOnlySpan<byte> content)
    {
        Span<byte> head = stackalloc byte[8], sum = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(head, content.Length);
        Encoding.ASCII.GetBytes(name, head[4..]);
        BinaryPrimitives.WriteUInt32BigEndian(sum, Crc32.Append(Crc32.Append(0, head[4..]), content));
        stream.Write(head);
        stream.Write(content);
        stream.Write(sum);
    }

    /// <summary>Writes a text as the chunk that it needs.</summary>
    public static void Write(Stream stream, PngText text)
    {
        bool isPlain = text.Text.All(letter => letter is '\n' or >= ' ' and <= '~');
        // After the keyword of an iTXt: not compressed, of no method, in no language, without a translated keyword.
        byte[] content = [.. Encoding.ASCII.GetBytes(text.Keyword), .. isPlain ? (byte[])[0] : [0, 0, 0, 0, 0], .. Encoding.UTF8.GetBytes(text.Text)];
        Write(stream, isPlain ? PlainText : Text, content);
    }

    /// <summary>The chunks of a whole PNG that this program made.</summary>
    public static IEnumerable<(string Name, Range Content)> Of(byte[] png)
    {
        for (int at = SignatureBytes; at < png.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at)), content = at + 8;
            yield return (Encoding.ASCII.GetString(png, at + 4, 4), content..(content + length));
            at += length + FrameBytes;
        }
    }
}

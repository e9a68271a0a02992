using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text;

/// <summary>Reads a whole file of text: UTF-8 with or without its mark, or UTF-16 with it.</summary>
internal static class TextFile
{
    private const int Largest = 64 << 20;

    /// <summary>The text.</summary>
    /// <exception cref="FileFormatException">The file cannot be read, has more than 64 MiB, is in another encoding, or holds a character of code 0; the message names the line.</exception>
    public static string Read(string path)
    {
        byte[] bytes;
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            if (!stream.CanSeek) throw new FileFormatException($"{path}: cannot be read: it is a pipe or terminal; a file was expected");
            if (stream.Length > Largest) throw new FileFormatException($"{path}: has {stream.Length} bytes; a text of at most {Largest} was expected");
            bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
        string text = bytes switch
        {
            [0xFF, 0xFE, ..] => FromUtf16(bytes.AsSpan(2), false, path),
            [0xFE, 0xFF, ..] => FromUtf16(bytes.AsSpan(2), true, path),
            [0xEF, 0xBB, 0xBF, ..] => FromUtf8(bytes.AsSpan(3), path),
            _ => FromUtf8(bytes, path)
        };
        int zero = text.IndexOf('\0');
        return zero < 0 ? text : throw new FileFormatException($"{path}: line {LineOf(text, zero)} holds a character of code 0; a text was expected, in UTF-8, or in UTF-16 with its mark");
    }

    /// <summary>The line, from 1, of a place in a text.</summary>
    public static int LineOf(ReadOnlySpan<char> text, int at) => 1 + text[..at].Count('\n');

    private static string FromUtf8(ReadOnlySpan<byte> bytes, string path)
    {
        char[] text = new char[bytes.Length];
        var status = Utf8.ToUtf16(bytes, text, out int read, out int written, replaceInvalidSequences: false);
        if (status == OperationStatus.Done) return new string(text, 0, written);
        throw new FileFormatException($"{path}: line {LineOf(text, written)} is not UTF-8, with its byte 0x{bytes[read]:X2}; UTF-8 was expected, or UTF-16 with its mark");
    }

    private static string FromUtf16(ReadOnlySpan<byte> bytes, bool isBig, string path)
    {
        char[] text = new char[bytes.Length / 2];
        for (int i = 0; i < text.Length; i++) text[i] = (char)(isBig ? BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * i)..]) : BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]));
        int at = 0;
        while (at < text.Length && Rune.DecodeFromUtf16(text.AsSpan(at), out _, out int length) == OperationStatus.Done) at += length;
        return at == text.Length && bytes.Length % 2 == 0 ? new string(text) : throw new FileFormatException($"{path}: line {LineOf(text, at)} is not UTF-16, although the file begins with its mark");
    }
}

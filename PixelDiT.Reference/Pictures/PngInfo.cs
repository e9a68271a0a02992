using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Pictures;

/// <summary>
/// What a PNG says beside its pixels, which are not decoded: the file is read once from end to end, in parts, and every check sum is held against what it is of.
/// </summary>
/// <param name="Width">W, in pixels.</param>
/// <param name="Height">H, in pixels.</param>
/// <param name="Texts">Its texts, in the order of the file: those of tEXt, and those of iTXt that are not compressed.</param>
/// <param name="Essence">SHA-256 over all chunks that decide what is seen, 64 hexadecimal digits: two files of one have the same pixels.</param>
/// <param name="IsAnimated">Whether it has frames that follow one another.</param>
public sealed record PngInfo(uint Width, uint Height, IReadOnlyList<PngText> Texts, string Essence, bool IsAnimated)
{
    /// <summary>The most bytes that all texts of a file may have together: 16 MiB.</summary>
    public const int MostTextBytes = 1 << 24;

    private const int MostTexts = 1000, LongestKeyword = 79, BufferBytes = 1 << 16;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether a file begins as a PNG does; one that is not there or cannot be read does not.</summary>
    public static bool IsPng(string path)
    {
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            Span<byte> start = stackalloc byte[PngChunks.SignatureBytes];
            return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual(PngChunks.Signature);
        }
        catch (Exception error) when (error is FileFormatException || AtomicFile.IsFileSystemError(error))
        {
            return false;
        }
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="FileFormatException">It cannot be read, is no PNG, is damaged or cut short, or has more text than is read; the message says which.</exception>
    public static PngInfo Read(string path)
    {
        using var stream = AtomicFile.OpenRead(path);
        try
        {
            return new Reader(path, stream).Read();
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    private sealed class Reader(string path, Stream stream)
    {
        private readonly byte[] _buffer = new byte[BufferBytes];
        private readonly List<PngText> _texts = [];
        private readonly IncrementalHash _essence = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _left = stream.Length;
        private int _textBytes;

        public PngInfo Read()
        {
            using var hash = _essence;
            Span<byte> head = stackalloc byte[PngChunks.SignatureBytes];
            if (Fill(head) < head.Length || !head.SequenceEqual(PngChunks.Signature)) throw Error("is no PNG");
            var (width, height, isAnimated, hasPixels) = (0u, 0u, false, false);
            for (string? name = null; name != PngChunks.End;)
            {
                bool isFirst = name is null;
                if (Fill(head) < head.Length) throw Error("is cut short: it has no end");
                uint length = BinaryPrimitives.ReadUInt32BigEndian(head);
                if (!Encoding.Latin1.GetString(head[4..]).All(char.IsAsciiLetter)) throw Error("is damaged: a part of it has no name");
                name = Encoding.ASCII.GetString(head[4..]);
                if (isFirst != (name == PngChunks.Header)) throw Error(isFirst ? $"begins with a part {name}; {PngChunks.Header} was expected" : $"is damaged: it has two parts {PngChunks.Header}");
                if (length > int.MaxValue || length + 4L > _left) throw Error($"is cut short: its part {name} has {length} bytes, and {Math.Max(0, _left - 4)} are left");
                byte[] content = Content(name, (int)length, head);
                switch (name)
                {
                    case PngChunks.Header:
                        if (length != PngChunks.HeaderBytes) throw Error($"is damaged: its part {name} has {length} bytes; {PngChunks.HeaderBytes} were expected");
                        (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(content), BinaryPrimitives.ReadUInt32BigEndian(content.AsSpan(4)));
                        if (width is 0 or > int.MaxValue || height is 0 or > int.MaxValue) throw Error($"is damaged: it has {width} × {height} pixels");
                        break;
                    case PngChunks.PlainText or PngChunks.Text:
                        Add(name, content);
                        break;
                    case PngChunks.Pixels:
                        hasPixels = true;
                        break;
                    case PngChunks.AnimationControl:
                        isAnimated = true;
                        break;
                }
            }
            return hasPixels ? new(width, height, _texts, Convert.ToHexStringLower(hash.GetHashAndReset()), isAnimated) : throw Error("has no pixels");
        }

        /// <summary>Reads a chunk's content and its check sum, and keeps the content of those that are looked at.</summary>
        private byte[] Content(string name, int length, ReadOnlySpan<byte> head)
        {
            bool isText = name is PngChunks.PlainText or PngChunks.Text, isSeen = char.IsAsciiLetterUpper(name[0]) || name is "tRNS" or PngChunks.AnimationControl or PngChunks.FrameControl or PngChunks.FramePixels;
            if (isText && (_texts.Count == MostTexts || (_textBytes += length) > MostTextBytes)) throw Error($"has more text than is read: at most {MostTexts} texts of {MostTextBytes >> 20} MiB together were expected");
            byte[] kept = isText || name == PngChunks.Header ? new byte[Math.Min(length, MostTextBytes)] : [];
            uint sum = Crc32.Append(0, head[4..]);
            if (isSeen) _essence.AppendData(head);
            for (int done = 0; done < length;)
            {
                var part = _buffer.AsSpan(0, Math.Min(_buffer.Length, length - done));
                if (Fill(part) < part.Length) throw Error($"is cut short in its part {name}");
                sum = Crc32.Append(sum, part);
                if (isSeen) _essence.AppendData(part);
                if (kept.Length > 0) part.CopyTo(kept.AsSpan(done));
                done += part.Length;
            }
            Span<byte> stored = stackalloc byte[4];
            if (Fill(stored) < stored.Length) throw Error($"is cut short in its part {name}");
            if (BinaryPrimitives.ReadUInt32BigEndian(stored) != sum) throw Error($"is damaged: the check sum of its part {name} is another");
            return kept;
        }

        private void Add(string name, ReadOnlySpan<byte> content)
        {
            int end = content.IndexOf((byte)0);
            if (end is < 1 or > LongestKeyword) throw Error($"is damaged: its part {name} has no keyword of 1 to {LongestKeyword} characters");
            string keyword = Encoding.Latin1.GetString(content[..end]);
            var rest = content[(end + 1)..];
            if (name == PngChunks.PlainText)
            {
                _texts.Add(new(keyword, Encoding.Latin1.GetString(rest)));
                return;
            }
            if (rest.Length < 2) throw Error($"is damaged: its text {Quote.Text(keyword)} is cut short");
            bool isCompressed = rest[0] != 0;
            rest = rest[2..];
            for (int skipped = 0; skipped < 2; skipped++)
            {
                int after = rest.IndexOf((byte)0);
                if (after < 0) throw Error($"is damaged: its text {Quote.Text(keyword)} is cut short");
                rest = rest[(after + 1)..];
            }
            // A compressed text may be a bomb, and this program writes none.
            if (isCompressed) return;
            try
            {
                _texts.Add(new(keyword, s_strict.GetString(rest)));
            }
            catch (DecoderFallbackException error)
            {
                throw new FileFormatException($"{path}: is damaged: its text {Quote.Text(keyword)} is not UTF-8", error);
            }
        }

        private int Fill(Span<byte> bytes)
        {
            int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            _left -= read;
            return read;
        }

        private FileFormatException Error(string problem) => new($"{path}: {problem}");
    }
}

using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Foreign;

/// <summary>A file that holds something else than weights this program reads: what it is, as far as its first bytes tell, and what can be done about it.</summary>
/// <param name="What">What it is, in words that can follow its name and a colon.</param>
/// <param name="Advice">What to do.</param>
internal sealed partial record ForeignFile(string What, string Advice)
{
    /// <summary>What to do about kinds of files.</summary>
    public const string
        Download = "download the file of weights itself",
        DownloadAgain = "download it again",
        Unpack = "unpack it and open the safetensors or PyTorch file in it",
        Save = "open it with the library that wrote it and save its tensors as safetensors",
        Expected = "a safetensors or PyTorch file was expected",
        Gather = "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pt makes one file of it";

    private const int Probe = 4096, TarMagicOffset = 257;
    private const ulong LevelDbMagic = 0xDB4775248B80FB57;

    /// <summary>The error that refuses it.</summary>
    public FileFormatException Refusal(string source) => new($"{source}: {What}; {Advice}");

    /// <summary>Looks at the first bytes of a file that was found to be no file of weights; null where they tell nothing.</summary>
    /// <param name="stream">The file; it can seek.</param>
    /// <param name="source">Its name, which is asked only where its bytes say too little.</param>
    public static ForeignFile? Identify(Stream stream, string source)
    {
        byte[] start = Start(stream);
        if (start.Length == 0) return new("is empty (0 bytes), or a pipe or device, which cannot be read from", $"{Expected}; {DownloadAgain}");
        if (!start.AsSpan().ContainsAnyExcept((byte)0))
            return new($"begins with {start.Length} zero bytes, as a file does for which a download reserved the room and never filled it", DownloadAgain);
        return ByName(source) ?? Signatures.Find(start) ?? Archive(start) ?? Pickle(start) ?? ForeignText.Identify(start, stream.Length) ?? MessagePack(start) ?? Protobuf(start, source) ?? Table(stream);
    }

    /// <summary>Whether a file is named like a part of a distributed checkpoint, whose bytes are several archives one behind the other.</summary>
    public static bool IsDistributed(string source) => source.EndsWith(".distcp", StringComparison.Ordinal);

    /// <summary>The first bytes of a file, at most 4096.</summary>
    public static byte[] Start(Stream stream)
    {
        byte[] start = new byte[Math.Min(Probe, stream.Length)];
        stream.Position = 0;
        stream.ReadExactly(start);
        return start;
    }

    /// <summary>The first bytes of a file in hexadecimal, for an error that can say no more.</summary>
    public static string FirstBytes(ReadOnlySpan<byte> start) => string.Join(' ', start[..Math.Min(start.Length, 8)].ToArray().Select(value => value.ToString("x2")));

    private static ForeignFile? ByName(string source)
    {
        string name = Path.GetFileName(source);
        if (IsDistributed(source)) return new("is a part of a distributed checkpoint of PyTorch", Gather);
        return TensorFlowData().IsMatch(name) ? new("is named like a part of a TensorFlow checkpoint", Save) : null;
    }

    /// <summary>Whether a file is a tar archive, whose first bytes are a file's name.</summary>
    public static bool IsTar(ReadOnlySpan<byte> start) => start.Length >= TarMagicOffset + 5 && start[TarMagicOffset..].StartsWith("ustar"u8);

    private static ForeignFile? Archive(ReadOnlySpan<byte> start)
    {
        if (!IsTar(start)) return null;
        var name = start[..100];
        int end = name.IndexOf((byte)0);
        return new($"is a tar archive that begins with {Quote.Bytes(end < 0 ? name : name[..end])}", Unpack);
    }

    private static ForeignFile? Pickle(ReadOnlySpan<byte> start)
    {
        if (start is not [0x80, >= 2 and <= 5, ..]) return null;
        if (TorchMagic.Recognises(start)) return new("is a PyTorch file", "a safetensors file was expected");
        if (start.IndexOf("torch.distributed.checkpoint"u8) >= 0) return new("is the directory of a distributed checkpoint of PyTorch", Gather);
        string kind = start.IndexOf("joblib"u8) >= 0 ? " (joblib wrote it)" : start.IndexOf("numpy"u8) >= 0 ? " (it holds NumPy arrays)" : "";
        return new($"is a pickle{kind}, but not one that torch.save writes", "open it in Python, where its maker is trusted, and save its tensors as safetensors");
    }

    /// <summary>A map whose first key is a text, as Flax writes.</summary>
    private static ForeignFile? MessagePack(ReadOnlySpan<byte> start)
    {
        int at = start switch { [> 0x80 and < 0x90, ..] => 1, [0xDE, ..] => 3, [0xDF, ..] => 5, _ => start.Length };
        if (at + 1 >= start.Length) return null;
        int length = start[at] is >= 0xA1 and < 0xC0 ? start[at] - 0xA0 : start[at] == 0xD9 ? start[++at] : 0;
        at++;
        return length > 0 && at + length <= start.Length && IsName(start.Slice(at, length)) ? new($"is MessagePack, as Flax writes, with the key {Quote.Bytes(start.Slice(at, length))}", Save) : null;
    }

    /// <summary>ONNX and TensorFlow begin with a version; ONNX goes on with a text or its graph, TensorFlow with a long message.</summary>
    private static ForeignFile? Protobuf(ReadOnlySpan<byte> start, string source)
    {
        if (start is [0x08, > 0 and < 32, 0x12, var length, .. var rest] && length > 0 && length <= rest.Length && IsName(rest[..length])) return new($"is an ONNX model that {Quote.Bytes(rest[..length])} wrote", Save);
        if (source.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase)) return new("is named like an ONNX model", Save);
        return start is [0x08, 1, 0x12, >= 0x80, ..] || source.EndsWith(".pb", StringComparison.OrdinalIgnoreCase) ? new("is a TensorFlow graph", Save) : null;
    }

    private static ForeignFile? Table(Stream stream)
    {
        if (stream.Length < 48) return null;
        Span<byte> end = stackalloc byte[sizeof(ulong)];
        stream.Position = stream.Length - end.Length;
        stream.ReadExactly(end);
        return BinaryPrimitives.ReadUInt64LittleEndian(end) == LevelDbMagic ? new("is the index of a TensorFlow checkpoint", Save) : null;
    }

    private static bool IsName(ReadOnlySpan<byte> text) => !Encoding.Latin1.GetString(text).Any(c => c is < ' ' or > '~');

    [GeneratedRegex(@"\.data-\d{5}-of-\d{5}$", RegexOptions.NonBacktracking)]
    private static partial Regex TensorFlowData();
}

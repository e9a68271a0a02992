using System.Security.Cryptography;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>What stands before every prompt, so that the text encoder enlarges upon it.</summary>
/// <param name="Text">The text, lines ended by a line feed; empty for none.</param>
public sealed record Instruction(string Text)
{
    /// <summary>The SHA-256 of the instruction in all released configurations: 8 lines, 1057 characters, the last a space.</summary>
    public const string ReleasedSha256 = "62b9ab89eebb0ac5ee4d264bf96bf19d2b81f504bc3852500efeaf5a34d638b1";

    private const int MaximumBytes = 1 << 20;

    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The SHA-256 of the text in UTF-8, in lower-case hexadecimal.</summary>
    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text)));

    /// <summary>Whether it is the one that the released models were trained with.</summary>
    public bool IsReleased => Sha256 == ReleasedSha256;

    /// <summary>
    /// Reads an instruction in UTF-8. A file named .yaml or .yml is a configuration of the authors', whose <c>text_encoder.chi_prompt</c> is a list of lines. Any other is the text itself:
    /// ends of lines become line feeds, and one at the end of the file, which editors put there, is no part of it.
    /// </summary>
    /// <exception cref="FileFormatException">The file cannot be read, is too long or not UTF-8, or its YAML is beyond what is read here.</exception>
    public static Instruction Open(string path)
    {
        try
        {
            using var stream = AtomicFile.OpenRead(path);
            byte[] bytes = new byte[MaximumBytes + 1];
            int count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            bool isYaml = Path.GetExtension(path).ToLowerInvariant() is ".yaml" or ".yml";
            return Read(bytes.AsSpan(0, count), isYaml, path);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be read: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Reads an instruction from the bytes of a file.</summary>
    /// <param name="file">The file in UTF-8.</param>
    /// <param name="isYaml">Whether it is a configuration.</param>
    /// <param name="source">How messages call it.</param>
    /// <exception cref="FileFormatException">As for <see cref="Open"/>.</exception>
    public static Instruction Read(ReadOnlySpan<byte> file, bool isYaml, string source)
    {
        if (file.Length > MaximumBytes) throw new FileFormatException($"{source}: has more than {MaximumBytes} bytes; an instruction or a configuration was expected");
        if (file.StartsWith("\ufeff"u8)) file = file[3..];
        string text;
        try
        {
            text = s_strictUtf8.GetString(file).Replace("\r\n", "\n", StringComparison.Ordinal);
        }
        catch (DecoderFallbackException error)
        {
            throw new FileFormatException($"{source}: is not UTF-8; an instruction's text was expected", error);
        }
        if (text.Contains('\0')) throw new FileFormatException($"{source}: holds a character of code 0; an instruction's text was expected");
        if (isYaml) return new(string.Join('\n', InstructionYaml.Lines(text, source)));
        return new(text.EndsWith('\n') ? text[..^1] : text);
    }
}
